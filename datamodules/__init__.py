"""Of serab-byols: recordings and how they become batches of waveform crops."""

"""Systems under test, one small file each: waveforms in, one embedding an utterance out."""

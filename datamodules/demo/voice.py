"""A process apart that says the demo's utterances, each one in a fresh fork of itself.

The synthesizer keeps hidden state, so its second utterance depends on its first. A fork of a
process that has never spoken has no past: its bytes are the same for any order and any number of
workers. Forking needs a process without threads, which a training run is not; hence this one.

Jobs come on stdin (one JSON object), results leave on stdout (one JSON line per file).
Praat's synthesizer comes from praat-parselmouth (GPL-3.0-or-later), imported here alone.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import sys
import wave
from pathlib import Path

import numpy as np

from datamodules.demo.script import DemoUtterance
from datamodules.demo.sentences import LANGUAGES
from datamodules.files import write_whole

SAMPLE_RATE = 16_000
_PEAK = 0.95  # loudest sample, so that nothing clips


def say(utterance: DemoUtterance) -> np.ndarray:
    """Synthesize: float64 (samples,) in [-0.95, 0.95] at 16 kHz. Only for a process of its own."""
    from parselmouth.praat import call

    synthesizer = call("Create SpeechSynthesizer", LANGUAGES[utterance.language], utterance.voice)
    call(
        synthesizer,
        "Speech output settings",
        SAMPLE_RATE,
        0.01,  # s between words
        utterance.pitch,
        utterance.pitch_range,
        utterance.words_per_minute,
        "IPA",
    )
    text = utterance.text.lower()  # it drops Greek capitals, or spells them as English letters
    (sound,) = call(synthesizer, "To Sound", text, "no")
    if sound.sampling_frequency != SAMPLE_RATE:
        sound = sound.resample(SAMPLE_RATE)
    waveform = sound.values[0]  # (samples,)
    rms = np.sqrt(np.mean(waveform**2)) if len(waveform) else 0.0
    if not np.isfinite(rms) or rms < 1e-4:
        raise RuntimeError(f"the synthesizer said nothing for {utterance.text!r}")
    room = np.random.default_rng(utterance.seed).standard_normal(len(waveform))
    waveform = waveform * (10 ** (utterance.level / 20) / rms) + room * 10 ** (utterance.room / 20)
    return waveform * min(1.0, _PEAK / np.abs(waveform).max())


def encode(waveform: np.ndarray) -> bytes:
    """A mono 16-bit WAV file of float (samples,) at 16 kHz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes(np.round(waveform * 32767).astype("<i2").tobytes())
    return file.getvalue()


def _perform(root: Path, utterance: DemoUtterance) -> dict[str, object]:
    """Make one file; the result tells its SHA-256 or what went wrong."""
    try:
        content = encode(say(utterance))
        write_whole(root / utterance.path, content)
    except OSError as error:
        return {"path": utterance.path, "error": error.strerror or str(error), "disk": True}
    except Exception as error:  # Praat's errors derive from Exception alone
        return {"path": utterance.path, "error": str(error) or repr(error), "disk": False}
    return {"path": utterance.path, "sha256": hashlib.sha256(content).hexdigest()}


def _fork(root: Path, utterance: DemoUtterance) -> tuple[int, int]:
    """Perform in a child: (its process id, the pipe's end that its result will be read from)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            result = json.dumps(_perform(root, utterance))
            os.write(writing, result.encode())  # short enough for the pipe to take at once
        finally:
            os._exit(0)  # no clean-up of what belongs to the parent
    os.close(writing)
    return child, reading


def _reap(running: dict[int, tuple[int, DemoUtterance]]) -> dict[str, object]:
    """Wait for any child and read its result."""
    child, status = os.wait()
    reading, utterance = running.pop(child)
    with os.fdopen(reading, "rb") as pipe:
        result = pipe.read()
    if result:
        return json.loads(result)
    died = f"its process ended with status {os.waitstatus_to_exitcode(status)}"
    return {"path": utterance.path, "error": died, "disk": False}


def main() -> None:
    import parselmouth  # noqa: F401 -- the forks inherit it, unused

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nobody reads any more: end without a word
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller hears Ctrl-C and ends this process
    job = json.load(sys.stdin)
    root = Path(job["root"])
    running: dict[int, tuple[int, DemoUtterance]] = {}

    def finish_one() -> None:
        print(json.dumps(_reap(running)), flush=True)

    for fields in job["utterances"]:
        utterance = DemoUtterance(**fields)
        if len(running) >= job["workers"]:
            finish_one()
        child, reading = _fork(root, utterance)
        running[child] = (reading, utterance)
    while running:
        finish_one()


if __name__ == "__main__":
    main()

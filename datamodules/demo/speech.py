"""Make the demo speech, or what of it is missing."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from datamodules.demo.manifest import is_current, missing, start_version
from datamodules.demo.script import DemoUtterance, demo_utterances

_ABANDONED = 60  # s; a file is written in milliseconds unless its writer was killed


class DemoError(OSError):
    """The demo speech can't be made; the message says why and what to do."""


def make_demo_speech(
    out: str | Path,
    workers: int | None = None,
    *,
    speakers: Iterable[str] | None = None,
    sentences: int | None = None,
) -> Path:
    """Make the demo speech in `out`, or what of it is missing or of an older version.

    Complete, it returns at once and needs no synthesizer. Every file is written whole, so a call
    that was killed is continued by the next, and two at a time write the same bytes. Works in a
    process with threads, since another process does the speaking.

    Args:
        out: folder, made where it isn't there yet.
        workers: processes that speak at a time; None is one per core. They don't change a byte.
        speakers, sentences: only a part, see `demo_utterances`.

    Returns:
        `out`.

    Raises:
        ValueError: an unknown speaker, or a number of sentences or workers that there isn't.
        DemoError: praat-parselmouth is missing, or the folder can't be written.
    """
    utterances = demo_utterances(speakers, sentences)
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers}: expected a number from 1, or None for one per core.")
    out = Path(out)
    if is_current(out) and not missing(out, utterances):
        return out
    if importlib.util.find_spec("parselmouth") is None:
        raise DemoError(
            "The demo speech needs the package praat-parselmouth, which is not installed:"
            " pip install praat-parselmouth, or train on your own recordings."
        )
    if not hasattr(os, "fork"):
        raise DemoError("The demo speech is made by forked processes: use Linux or macOS.")
    try:
        out.mkdir(parents=True, exist_ok=True)
        for leftover in out.glob("*/*/.*.wav.*"):
            with suppress(FileNotFoundError):
                if time.time() - leftover.stat().st_mtime > _ABANDONED:
                    leftover.unlink()
        if not is_current(out):
            start_version(out)
        while utterances_left := missing(out, utterances):
            for _ in _speak(out, utterances_left, workers or _cores()):
                pass
    except DemoError:
        raise
    except OSError as error:
        raise _unwritable(out, error.strerror or str(error)) from error
    return out


def _speak(out: Path, utterances: list[DemoUtterance], workers: int) -> Iterator[tuple[str, str]]:
    """Have the utterances said by a process apart; yields (path, SHA-256) as each is written.

    Raises:
        DemoError: one could not be made; the process is ended.
    """
    job = {"root": str(out.resolve()), "workers": workers}
    job["utterances"] = [asdict(utterance) for utterance in utterances]
    here = str(Path(__file__).resolve().parents[2])
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    # one thread each: forks run beside each other, and forking wants no threads
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "datamodules.demo.voice"]
    with (
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        ) as voice,
        tqdm(total=len(utterances), desc="demo speech", unit="file", dynamic_ncols=True) as bar,
    ):
        assert voice.stdin is not None
        assert voice.stdout is not None
        try:
            with suppress(BrokenPipeError), voice.stdin:
                json.dump(job, voice.stdin)
            for line in voice.stdout:
                result = json.loads(line)
                if "error" in result:
                    raise _failed(out, result)
                bar.update()
                yield result["path"], result["sha256"]
            if voice.wait() or bar.n < len(utterances):
                raise DemoError(
                    f"The demo's speaking process ended with status {voice.returncode} after"
                    f" {bar.n} of {len(utterances)} files: run again to continue."
                )
        finally:
            voice.terminate()


def _failed(out: Path, result: dict[str, object]) -> DemoError:
    if result["disk"]:
        return _unwritable(out / str(result["path"]), str(result["error"]))
    return DemoError(f"{out / str(result['path'])}: could not be synthesized: {result['error']}.")


def _unwritable(path: Path, reason: str) -> DemoError:
    return DemoError(
        f"{path}: the demo speech (about 50 MB) can't be written: {reason};"
        " make room or choose another folder, then run again to continue."
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

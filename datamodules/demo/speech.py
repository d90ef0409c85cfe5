"""Make the demo speech, or what of it is missing."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from datamodules.demo.manifest import DemoManifest
from datamodules.demo.script import DemoUtterance, demo_utterances

_LOCK = ".demo.lock"


class DemoError(OSError):
    """The demo speech can't be made; the message says why and what to do."""


def make_demo_speech(
    out: str | Path,
    workers: int | None = None,
    *,
    speakers: Iterable[str] | None = None,
    sentences: int | None = None,
) -> Path:
    """Make the demo speech in `out`, or what of it is missing, damaged or of an older version.

    Complete and undamaged (every file's SHA-256 is compared), it returns at once and needs no
    synthesizer. Killed at any moment, the next call continues. Two calls at a time wait for each
    other. Works in a process with threads, since another process does the speaking.

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
    made = DemoManifest.read(out)
    if all(made.holds(utterance) for utterance in utterances):
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
        with _only_one(out):
            _make_missing(out, utterances, workers or _cores())
    except DemoError:
        raise
    except OSError as error:
        raise _unwritable(out, error.strerror or str(error)) from error
    return out


def _make_missing(out: Path, utterances: tuple[DemoUtterance, ...], workers: int) -> None:
    for leftover in out.glob("*/*/.*.tmp"):
        leftover.unlink(missing_ok=True)
    with DemoManifest.resume(out) as manifest:  # others may have made some meanwhile
        manifest.remove_unplanned({utterance.path for utterance in demo_utterances()})
        missing = {u.path: u for u in utterances if not manifest.holds(u)}
        for path, sha256 in _speak(out, list(missing.values()), workers):
            manifest.add(missing[path], sha256)
        manifest.finish()


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


@contextmanager
def _only_one(out: Path) -> Iterator[None]:
    """Wait until nobody else makes demo speech in this folder."""
    import fcntl  # not on Windows, which has no forks either

    with (out / _LOCK).open("w") as lock:
        with suppress(OSError):  # some network file systems have no locks; files stay whole anyway
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

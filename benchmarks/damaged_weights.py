"""Damaged and hostile weights, by the hundred: what is refused, what is not noticed, what breaks.

    python benchmarks/damaged_weights.py [--each 60] [--official FILE]

Copies of an artefact, a training checkpoint, official weights and a shared folder's config.json are
changed by a fixed seed and read one after the other in a process with bounded memory and time; one
that hangs or dies is counted and another process goes on. Counted for each kind of file:

    clean       one sentence of CheckpointError or OSError
    unchanged   loads as the same: name, norm, and fingerprint (architecture, front end, weights)
    different   loads as another without a word
    unhandled   any other exception, a hang, a killed process
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save

from models.checkpoint import load_encoder, save_encoder
from models.encoders import encoder_spec, random_encoder
from models.hub.shared_encoder import SharedEncoder
from models.weights.artefact import CHECKSUM, SPEC_KEY

MEMORY, SECONDS = 6 * 2**30, 25
VALUES: list[Any] = [
    None, "word", "", -1, 0, 1, 10**9, 10**30, 1.5, float("nan"), float("inf"), [], {}, True,
    {"_target_": "os.system"}, "../x", "<b>",
]  # fmt: skip
"""What each field of a JSON document becomes; it is also left out."""


def mutations(content: bytes, each: int, draw: random.Random) -> Iterator[tuple[str, bytes]]:
    """Changed copies of a file, `each` of a kind."""
    size = len(content)

    def flipped(count: int, end: int = size) -> bytes:
        changed = bytearray(content)
        for _ in range(count):
            changed[draw.randrange(end)] ^= 1 << draw.randrange(8)
        return bytes(changed)

    def block() -> tuple[int, int]:
        start = draw.randrange(size)
        return start, start + draw.randrange(1, max(2, size // 20))

    def without() -> bytes:
        start, end = block()
        return content[:start] + content[end:]

    def inserted() -> bytes:
        start = draw.randrange(size)
        return content[:start] + draw.randbytes(draw.randrange(1, 100)) + content[start:]

    def zeroed() -> bytes:
        start, end = block()
        return content[:start] + bytes(len(content[start:end])) + content[end:]

    def doubled() -> bytes:
        start, end = block()
        return content[:end] + content[start:]

    kinds: dict[str, Callable[[], bytes]] = {
        "flip of 1": lambda: flipped(1),
        "flips of 8": lambda: flipped(8),
        "flips of many": lambda: flipped(max(9, size // 1000)),
        "header": lambda: flipped(draw.randrange(1, 4), min(size, 2000)),
        "cut off": lambda: content[: size * draw.randrange(10, 100) // 100],
        "deletion": without,
        "insertion": inserted,
        "zeroed block": zeroed,
        "doubled block": doubled,
    }
    for kind, change in kinds.items():
        for _ in range(each):
            yield kind, change()


def documents(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A JSON document with one field after the other, at any depth, replaced or left out."""

    def fields(node: Any, path: tuple) -> Iterator[tuple]:
        entries = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in list(entries):
            yield (*path, key)
            if isinstance(value, dict | list):
                yield from fields(value, (*path, key))

    for *parents, last in fields(document, ()):
        for value in [*VALUES, ...]:
            changed = deepcopy(document)
            node = changed
            for parent in parents:
                node = node[parent]
            if value is ...:
                del node[last]
            else:
                node[last] = value
            yield changed


def headers(artefact: Path, kept: tuple[str, ...]) -> Iterator[bytes]:
    """An artefact with each field of its header changed, with its checksum or without."""
    with safe_open(artefact, framework="pt") as file:
        # copies: the tensors lie in the file, which is written over
        weights = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118
        header = json.loads(file.metadata()[SPEC_KEY])
    header = {key: value for key, value in header.items() if key in kept or key != CHECKSUM}
    for changed in documents(header):
        yield save(weights, {SPEC_KEY: json.dumps(changed)})


def answer(path: Path) -> tuple:
    """What an encoder gives; equal for equal encoders."""
    encoder = load_encoder(path)
    waveform = 0.1 * torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    encoder.embed(waveform, encoder.sample_rate, encoder.norm or (-5.0, 4.0))  # nothing may break
    # not its values: their last bits follow where in memory a file's tensors happen to lie
    return encoder.name, encoder.norm, encoder.fingerprint


def reader(connection: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    torch.set_num_threads(1)
    connection.send("ready")  # imports are not part of the time that a file may take
    while True:
        path = connection.recv()
        try:
            connection.send(("answer", answer(path)))
        except (ValueError, OSError) as error:
            sentence = str(error)
            clean = "\n" not in sentence and str(path) in sentence and len(sentence) < 800
            connection.send(("clean" if clean else "unhandled", sentence))
        except BaseException as error:
            connection.send(("unhandled", f"{type(error).__name__}: {error}"))


class Reader:
    """A process that reads one file after the other, and is replaced where it hangs or dies."""

    def __init__(self) -> None:
        self.context = multiprocessing.get_context("spawn")
        self.start()

    def start(self) -> None:
        self.connection, other = self.context.Pipe()
        self.process = self.context.Process(target=reader, args=(other,), daemon=True)
        self.process.start()
        other.close()
        self.connection.recv()

    def read(self, path: Path) -> tuple[str, Any]:
        try:
            self.connection.send(path)
            if self.connection.poll(SECONDS):
                return self.connection.recv()
            reason = f"no answer in {SECONDS} s"
        except (EOFError, OSError):
            reason = "the process died"
        self.process.kill()
        self.process.join()
        self.start()
        return "unhandled", reason


def tried(
    process: Reader, name: str, path: Path, file: Path, copies: Iterator[tuple[str, bytes]]
) -> Counter:
    """Outcomes of reading `path` with each of the copies in the place of `file`."""
    content = file.read_bytes()
    kind, want = process.read(path)
    assert kind == "answer", want
    counts: Counter = Counter()
    for how, changed in copies:
        if changed == content:
            continue
        file.write_bytes(changed)
        kind, result = process.read(path)
        if kind == "answer":
            kind = "unchanged" if result == want else "different"
        counts[kind] += 1
        if kind == "unhandled":
            print(f"  {name}, {how}: {result}")
    file.write_bytes(content)
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--each", type=int, default=60, help="changed copies of a kind")
    parser.add_argument("--official", type=Path, help="a real file of weights; else random ones")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    draw = random.Random(args.seed)
    model = random_encoder("audio_ntt_512", seed=1)
    weights = model.encoder.state_dict()
    spec = encoder_spec(model.encoder, model.frontend)
    process = Reader()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        norm = (-5.0, 4.0)
        artefact = save_encoder(folder / "encoder.safetensors", spec, weights, norm, {"hours": 1})
        checkpoint = folder / "last.ckpt"
        state = {f"byol.encoder.{key}": value for key, value in weights.items()}
        torch.save({"state_dict": state, SPEC_KEY: {**spec, "norm": list(norm)}}, checkpoint)
        official = folder / "official.pth"
        if args.official:
            shutil.copy(args.official, official)
        else:
            torch.save(weights, official)
        shared = folder / "shared"
        SharedEncoder(load_encoder(artefact)).save_pretrained(shared)
        config = shared / "config.json"
        document = json.loads(config.read_text())

        def damaged(file: Path) -> Iterator[tuple[str, bytes]]:
            return mutations(file.read_bytes(), args.each, draw)

        def fields(copies: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
            return (("field", copy) for copy in copies)

        configs = [json.dumps(changed).encode() for changed in documents(document)]
        rows = [
            ("encoder.safetensors", artefact, artefact, damaged(artefact)),
            ("its header's fields", artefact, artefact, fields(headers(artefact, (CHECKSUM,)))),
            ("the same without checksum", artefact, artefact, fields(headers(artefact, ()))),
            ("last.ckpt", checkpoint, checkpoint, damaged(checkpoint)),
            ("official .pth", official, official, damaged(official)),
            ("config.json", shared, config, damaged(config)),
            ("its fields", shared, config, fields(iter(configs))),
        ]
        print(f"| {'file':26} | tried | clean | unchanged | different | unhandled |")
        for name, path, file, copies in rows:
            counts = tried(process, name, path, file, copies)
            kinds = ("clean", "unchanged", "different", "unhandled")
            numbers = " | ".join(f"{counts[kind]:9}" for kind in kinds)
            print(f"| {name:26} | {sum(counts.values()):5} | {numbers} |", flush=True)
    process.process.kill()


if __name__ == "__main__":
    main()

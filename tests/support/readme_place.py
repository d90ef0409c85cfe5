"""What the README's commands name in capitals or as a file (RUN, speech.csv), made small."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from datamodules.manifest.recordings import scan_folder
from datamodules.shards.packing import pack
from tests.support.audioset_files import write_audio, write_ontology, write_segments
from tests.support.hub_server import Hub
from tests.support.paths import ROOT, SHARED
from tests.support.readme_commands import GUIDES, blocks, make_workplace, run_printed
from tests.support.small_corpus import make_corpus

MODEL = "module.hidden_dim=32 module.projector_dim=16 augment.mixup.memory_size=10"
TINY = f"{MODEL} data.batch_size=4 trainer.max_steps=2 logger=csv"
SPEECH = "data=folder data.root=SPEECH"
QUICK = "classifiers=[LDA]"
SEGMENTS = "unbalanced_train_segments.csv"
AUDIOSET = (
    f"python -m datamodules.manifest audioset --ontology ontology.json --segments {SEGMENTS} "
    "--audio AUDIO --out speech.csv"
)


class Place:
    """A folder to run the commands in, and what they name."""

    def __init__(self, folder: Path, speech: Path):
        self.folder, self.speech = make_workplace(folder), speech
        self.made: set[str] = set()
        keep = ("PATH", "HOME", "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "TMPDIR")
        self.environment = {name: os.environ[name] for name in keep if name in os.environ}
        self.environment |= {"WANDB_MODE": "offline"}
        self.makers: dict[str, Callable[[], object]] = {
            "SPEECH": lambda: (self.folder / "SPEECH").symlink_to(speech),
            "RUN": lambda: self.call(f"python train.py run_dir=RUN {SPEECH} {TINY}", "SPEECH"),
            "AUDIO": lambda: write_audio(self.folder / "AUDIO", 1.0),
            "ontology.json": lambda: write_ontology(self.folder / "ontology.json"),
            "unbalanced_train_segments.csv": lambda: write_segments(
                self.folder / "unbalanced_train_segments.csv"
            ),
            "speech.csv": lambda: self.call(AUDIOSET, "AUDIO", "ontology.json", SEGMENTS),
            "SHARDS": lambda: pack(scan_folder(speech), self.folder / "SHARDS", jobs=1),
            "PACKED": lambda: pack(scan_folder(speech), self.folder / "PACKED", jobs=1),
            "BUCKET": self.serve_shards,
            "USER": self.serve_hub,
            "my_model.MyModel": lambda: self.write_code("MyModel", "my_model.py"),
            "STRICT": lambda: self.call(
                f"python evaluate.py ckpt=RUN run_dir=STRICT protocol=strict {QUICK}", "EMB", "RUN"
            ),
            "EVALUATION": lambda: self.call(
                f"python evaluate.py ckpt=RUN run_dir=EVALUATION {QUICK}", "EMB", "RUN"
            ),
            "OTHER_EVALUATION": lambda: self.call(
                f"python evaluate.py extractor=random run_dir=OTHER_EVALUATION {QUICK}", "EMB"
            ),
            "SWEEP": lambda: self.call(
                f"python evaluate.py -m run_dir=SWEEP extractor=random tasks=[EMB] {QUICK}", "EMB"
            ),
            "EMB": lambda: make_corpus(self.folder / "data", "EMB", seconds=0.3),
            "evaluate.py": lambda: self.need("EMB"),
            "WEIGHTS.pth": lambda: self.borrow("weights/default512_BYOLAs*.pth", "WEIGHTS.pth"),
            "download.zip": lambda: self.borrow("data/emodb/download.zip", "download.zip"),
        }

    def need(self, *names: str) -> None:
        for name in names:
            if name not in self.made:
                self.made.add(name)
                self.makers[name]()

    def needed_by(self, command: str) -> list[str]:
        words = set(re.findall(r"[\w.]+", command)) - self.outputs(command)
        return [name for name in self.makers if name in words]

    def outputs(self, command: str) -> set[str]:
        return set(re.findall(r"--out (\S+)", command))

    def call(self, command: str, *needs: str) -> None:
        self.need(*needs)
        ended = run_printed(command, self.folder, self.environment)
        assert ended.status == 0, ended.printed

    def borrow(self, pattern: str, name: str) -> None:
        found = sorted(SHARED.glob(pattern))
        if not found:
            pytest.skip(f"no {pattern} in {SHARED} (SERAB_SHARED)")
        (self.folder / name).symlink_to(found[0])

    def write_code(self, name: str, file: str) -> None:
        """The guides' Python block that defines a name, as a file."""
        (block,) = [b for page in GUIDES for b in blocks("python", page) if f"class {name}" in b]
        (self.folder / file).write_text(block)

    def serve_shards(self) -> None:
        self.need("SHARDS")
        (self.folder / "BUCKET").mkdir()
        (self.folder / "BUCKET" / "SHARDS").symlink_to(self.folder / "SHARDS")
        command = [sys.executable, str(ROOT / "benchmarks/slow_store.py"), str(self.folder)]
        self.store = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        address = f"http://127.0.0.1:{self.store.stdout.readline().strip()}"
        self.environment |= {
            "AWS_ENDPOINT": address, "AWS_REGION": "us-east-1", "AWS_SKIP_SIGNATURE": "true",
            "AWS_ALLOW_HTTP": "true",
        }  # fmt: skip

    def serve_hub(self) -> None:
        self.hub = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
        self.hub.files, self.hub.asked = {}, []
        threading.Thread(target=self.hub.serve_forever, daemon=True).start()
        self.environment |= {
            "HF_ENDPOINT": f"http://127.0.0.1:{self.hub.server_address[1]}", "HF_TOKEN": "hf_test",
            "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(self.folder / "hub"), "no_proxy": "127.0.0.1",
        }  # fmt: skip

    def close(self) -> None:
        if hasattr(self, "store"):
            self.store.terminate()
            self.store.wait()
            self.store.stdout.close()
        if hasattr(self, "hub"):
            self.hub.shutdown()
            self.hub.server_close()

    def files(self, patterns: tuple[str, ...]) -> dict[str, set[tuple[Path, int]]]:
        return {
            pattern: {(p, p.stat().st_mtime_ns) for p in self.folder.glob(pattern)}
            for pattern in patterns
        }

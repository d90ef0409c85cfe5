"""Models whose code lies on the Hub (Dasheng, EAT, SSLAM): asked for first, in their own process.

Loading such a model runs a stranger's Python with the rights of whoever started it. So it is off by
default, takes a commit (code can't change unseen), and runs in a process of its own, which gets
waveforms and gives embeddings as plain bytes: its imports, patches and crashes stay there. That is
no sandbox: it can read and write what its user can.
"""

from __future__ import annotations

import json
import multiprocessing
import re
from collections.abc import Iterable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from serab.extractors.base import Extractor
from serab.extractors.loading import digest_files, torch_device
from serab.extractors.transformers.remote_worker import INPUTS, serve

COMMIT = re.compile(r"[0-9a-f]{40}")


class RemoteCodeExtractor(Extractor):
    """The mean over frames of what a model with its own code gives for a recording.

    Args:
        model: id on the Hub, or a directory with config.json, its code and weights.
        inputs: what the model takes; one of `remote_worker.INPUTS`.
        revision: commit of the Hub's repository (40 hex digits); a directory needs none.
        trust_remote_code: the user agrees that its code runs.
        name: for tables; the last part of `model` by default.
        device: "auto" takes a GPU where there is one.
        licence, trained_on: of the weights; kept with the results, not used.

    Raises:
        ValueError: no consent, no pinned commit, unknown inputs, or the model can't be loaded.
    """

    sample_rate = 16_000

    def __init__(
        self,
        model: str,
        inputs: str,
        revision: str | None = None,
        trust_remote_code: bool = False,
        name: str | None = None,
        device: str = "auto",
        licence: str | None = None,
        trained_on: str | None = None,
    ):
        if inputs not in INPUTS:
            raise ValueError(f"extractor.inputs={inputs}: expected one of {', '.join(INPUTS)}.")
        if trust_remote_code is not True:
            raise ValueError(
                f"extractor.model={model}: brings Python code of its own, which would run here "
                "with your rights, on your files and network; read it, then say "
                "extractor.trust_remote_code=true."
            )
        local = Path(model).is_dir()
        if not local and not COMMIT.fullmatch(str(revision)):
            raise ValueError(
                f"extractor.revision={revision}: code from the Hub is run at one commit only, so "
                f"that it can't change unseen; give the 40 hex digits of the one that you read, "
                f"from https://huggingface.co/{model}/commits/main."
            )
        self.name = name or Path(model).name
        self.revision, self.licence, self.trained_on = revision, licence, trained_on
        self._start(model, revision, inputs, torch_device(device))
        source = digest_files([model]) if local else f"{model}@{revision}"
        self.fingerprint = f"{source} {inputs} {self._ask({'do': 'versions'})['versions']}"

    def _start(self, model: str, revision: str | None, inputs: str, device: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        arguments = (theirs, str(model), revision, inputs, device)
        self._process = context.Process(target=serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        self._ask({"do": "load"})

    def transform(self, waveforms: Iterable[np.ndarray]) -> np.ndarray:
        return np.stack([self._embed(waveform) for waveform in waveforms])

    def _embed(self, waveform: np.ndarray) -> np.ndarray:
        self._ask({"do": "embed"}, waveform.astype(np.float32).tobytes())
        return np.frombuffer(self._receive(), dtype=np.float32).copy()

    def _ask(self, request: dict[str, Any], content: bytes | None = None) -> dict[str, Any]:
        """The answer to one request; JSON and bytes, nothing is unpickled.

        Raises:
            ValueError: the model failed, or its process died.
        """
        connection: Connection = self._connection
        try:
            connection.send_bytes(json.dumps(request).encode())
            if content is not None:
                connection.send_bytes(content)
        except OSError as error:
            raise self._dead() from error
        answer = json.loads(self._receive())
        if "error" in answer:
            raise ValueError(f"extractor {self.name}: {answer['error']}")
        return answer

    def _receive(self) -> bytes:
        try:
            return self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            raise self._dead() from error

    def _dead(self) -> ValueError:
        self._process.join(5)
        return ValueError(
            f"extractor {self.name}: the model's process ended (exit code "
            f"{self._process.exitcode}); see above for what its code said."
        )

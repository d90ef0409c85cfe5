"""Weights & Biases, online where a key and the network are there, offline by itself otherwise."""

from __future__ import annotations

import contextlib
import logging
import netrc
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from pytorch_lightning.loggers import WandbLogger

from models.files import write_whole
from models.training.lightning_internals import without_anonymous

log = logging.getLogger(__name__)

MODES = ("auto", "online", "offline")
RUN_ID = "wandb_id.txt"
ROWS = "wandb_rows.txt"


class RunLogger(WandbLogger):
    """Lightning's W&B logger, which can keep the exported encoder as an artifact.

    The curves have trainer/global_step as x-axis. W&B orders rows by a count of its own, `_step`,
    which the server gives to a run that goes on. Offline it would begin at 0 again, and a synced
    run would have rows of the same number; so the run directory keeps the count.
    """

    encoder_too = offline = False
    rows: int | None = None

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log a row, behind those that the run logged before it was resumed."""
        count = Path(self.save_dir or ".") / ROWS
        if self.rows is None:
            self.rows = rows_logged(count)
            if self.offline and self.rows:
                self.experiment.log({}, step=self.rows, commit=False)
            else:
                self.rows = max(self.rows, self.experiment.starting_step)
        super().log_metrics(metrics, step)
        self.rows += 1
        write_whole(count, f"{self.rows}\n")

    def log_encoder(self, path: Path, about: dict[str, Any]) -> None:
        """Log encoder.safetensors with its facts, where the run is to have it."""
        if not self.encoder_too:
            return
        import wandb

        artifact = wandb.Artifact(f"encoder-{self.experiment.id}", "model", metadata=about)
        artifact.add_file(str(path))
        self.experiment.log_artifact(artifact)


def wandb_logger(
    save_dir: str | Path,
    project: str = "serab",
    mode: str = "auto",
    log_encoder: bool = False,
    **settings: Any,
) -> RunLogger:
    """Lightning's W&B logger, continuing the same W&B run when a run directory is resumed.

    Args:
        save_dir: the run directory.
        project: W&B project.
        mode: "online", "offline", or "auto": online if there is a key and the server answers
            within 3 s. The environment's WANDB_MODE comes before "auto".
        log_encoder: keep the exported encoder as an artifact of the run.
        settings: further arguments of `wandb.init` (name, group, tags, job_type, notes, ...).

    Raises:
        ValueError: unknown mode.
    """
    if mode not in MODES:
        raise ValueError(f"logger.wandb.mode={mode}: expected one of {', '.join(MODES)}.")
    mode = os.environ.get("WANDB_MODE", "auto") if mode == "auto" else mode
    server, reason = os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai"), "as asked for"
    if mode == "auto":
        failure = why_offline(server)
        mode, reason = ("offline", failure) if failure else ("online", "")
    if mode == "offline":
        log.info("W&B: offline, %s; `wandb sync` uploads the run later", reason)
    else:
        log.info("W&B: %s, project %s", server, project)
    settings = {key: value for key, value in settings.items() if value is not None}
    if "tags" in settings:
        tags = settings["tags"]
        settings["tags"] = [tags] if isinstance(tags, str) else [str(tag) for tag in tags]
    os.environ.setdefault("WANDB_SILENT", "true")  # thirty lines; two of ours say what matters
    logger = RunLogger(
        save_dir=save_dir,
        project=project,
        offline=mode == "offline",
        id=_run_id(Path(save_dir)),
        resume="allow",
        **settings,
    )
    without_anonymous(logger)
    logger.encoder_too, logger.offline = log_encoder, mode == "offline"
    return logger


def finish_run(exit_code: int = 0) -> None:
    """Write the W&B run of this process to its end, so that a sweep's next job has its own.

    Args:
        exit_code: W&B shows a run with another one than 0 as failed.
    """
    wandb = sys.modules.get("wandb")  # a run without W&B needn't import it
    if wandb is None or wandb.run is None:
        return
    run = wandb.run
    address = f"wandb sync {Path(run.dir).parent}" if run.offline else run.url
    run.finish(exit_code)
    log.info("W&B         %s", address)


@contextlib.contextmanager
def finished_run() -> Iterator[None]:
    """The W&B run ends with the block, as failed where the block fails."""
    try:
        yield
    except SystemExit as stop:
        finish_run(stop.code if isinstance(stop.code, int) else int(stop.code is not None))
        raise
    except BaseException:
        finish_run(1)
        raise
    finish_run()


def why_offline(base_url: str, timeout: float = 3.0) -> str | None:
    """Why a run can't go to the server at `base_url`, or None if it can."""
    server = urlparse(base_url)
    if not os.environ.get("WANDB_API_KEY") and not _has_netrc_entry(server.hostname):
        return "there is no API key (`wandb login` stores one)"
    port = server.port or (443 if server.scheme == "https" else 80)
    try:
        socket.create_connection((server.hostname, port), timeout).close()
    except OSError:
        return f"{base_url} doesn't answer"
    return None


def _has_netrc_entry(host: str | None) -> bool:
    if not host:
        return False
    try:
        return netrc.netrc().authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False


def _run_id(save_dir: Path) -> str:
    """The W&B run id of a run directory: drawn once, kept beside the checkpoints."""
    path = save_dir / RUN_ID
    if path.exists():
        return path.read_text().strip()
    save_dir.mkdir(parents=True, exist_ok=True)
    run_id = os.urandom(4).hex()
    path.write_text(run_id + "\n")
    return run_id


def rows_logged(path: Path) -> int:
    """The count that `RunLogger` keeps; 0 where there is none, or one cut off."""
    text = path.read_text().strip() if path.exists() else ""
    return int(text) if text.isdecimal() else 0

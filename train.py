"""Pre-train a speech encoder: compose -> instantiate -> fit -> export the encoder."""

import logging
import os
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pytorch_lightning import Trainer, seed_everything
from pytorch_lightning.callbacks import ModelCheckpoint, TQDMProgressBar

from models.allocator import keep_freed_memory
from models.checkpoint import ARTEFACT
from models.resume import (
    AtomicCheckpointIO,
    LastCheckpoint,
    checkpoint_to_resume,
    newest_unfinished,
)
from models.throughput import Throughput

log = logging.getLogger("train")
logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
warnings.filterwarnings(
    "ignore", message=".*(LeafSpec|smaller than the logging interval|exists and is not empty).*"
)

CONF = Path(__file__).parent / "conf"
RUNS = Path("runs/train")
RECIPE = ("encoder", "frontend", "augment", "optimizer", "module", "data", "seed")
"""Config groups that a continued run can't change."""
FREE = ("num_workers", "run_dir", "root")
"""... except for these entries."""


def train(cfg: DictConfig) -> float:
    """One pre-training run; returns the last epoch's loss."""
    run_dir = Path(cfg.run_dir)
    checkpoint = checkpoint_to_resume(run_dir, cfg.resume)
    save_config(cfg, run_dir, resumed=checkpoint is not None)

    keep_freed_memory()
    seed_everything(cfg.seed, verbose=False)
    module = instantiate(cfg.module)
    data = instantiate(cfg.data)
    trainer = build_trainer(cfg, run_dir)
    trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
    if trainer.interrupted:
        log.warning("interrupted; continue with: python train.py run_dir=%s resume=auto", run_dir)
        raise KeyboardInterrupt

    artefact = module.export_encoder(run_dir / ARTEFACT, about(cfg, trainer, data))
    log.info("encoder     %s", artefact)
    log.info("checkpoints %s", run_dir / "checkpoints")
    log.info("metrics     %s", run_dir / "metrics")
    log.info("evaluate    python evaluate.py ckpt=%s", run_dir)
    return (
        float(trainer.callback_metrics["loss_epoch"]) if trainer.callback_metrics else float("nan")
    )


def build_trainer(cfg: DictConfig, run_dir: Path) -> Trainer:
    loggers = [instantiate(logger) for logger in cfg.logger.values()]
    for logger in loggers:
        logger.log_hyperparams(OmegaConf.to_container(cfg, resolve=True))
    best = ModelCheckpoint(
        run_dir / "checkpoints",
        filename="best",
        monitor="loss_epoch",
        save_weights_only=True,
        enable_version_counter=False,
    )
    last = LastCheckpoint(run_dir, float(cfg.checkpoint.every_seconds))
    callbacks = [TQDMProgressBar(refresh_rate=5), Throughput(), best, last]
    return instantiate(
        cfg.trainer, logger=loggers, callbacks=callbacks, plugins=[AtomicCheckpointIO()]
    )


def save_config(cfg: DictConfig, run_dir: Path, resumed: bool) -> None:
    """Write config.yaml; a resumed run must have the recipe that it began with."""
    path = run_dir / "config.yaml"
    if resumed and path.exists():
        before, now = (
            OmegaConf.load(path),
            OmegaConf.create(OmegaConf.to_container(cfg, resolve=True)),
        )
        changed = [key for key in RECIPE if strip(before.get(key)) != strip(now.get(key))]
        if changed:
            raise ValueError(
                f"run_dir={run_dir}: {', '.join(changed)} differ from the run's {path}; "
                "continue it with the same configuration or choose another run_dir."
            )
    run_dir.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    OmegaConf.save(cfg, temporary, resolve=True)
    temporary.replace(path)


def strip(node: object) -> object:
    """A config node without the entries that may differ between a run and its continuation."""
    if isinstance(node, DictConfig):
        return {key: strip(value) for key, value in node.items() if key not in FREE}
    return node


def about(cfg: DictConfig, trainer: Trainer, data) -> dict:
    """Facts for the reader of the artefact."""
    packages = ("torch", "torchaudio", "pytorch-lightning", "vit-pytorch")
    return {
        "epochs": trainer.current_epoch,
        "steps": trainer.global_step,
        "batch_size": data.batch_size * trainer.world_size,
        "clip_seconds": data.clip_seconds,
        "recordings": len(data.manifest.recordings),
        "hours": round(data.manifest.seconds / 3600, 3),
        "data_digest": data.manifest.digest,
        "demo": "DemoData" in cfg.data._target_,
        "seed": cfg.seed,
        "versions": {package: version(package) for package in packages},
    }


def choose_run_dir(run_dir: str | None, resume: str) -> str:
    if run_dir is None and resume == "auto":
        run_dir = newest_unfinished(RUNS)
    return str(run_dir or RUNS / time.strftime("%Y-%m-%d_%H-%M-%S"))


OmegaConf.register_new_resolver("train_run_dir", choose_run_dir, use_cache=True)


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")
def main(cfg: DictConfig) -> float | None:
    cfg.run_dir = HydraConfig.get().runtime.output_dir
    try:
        return train(cfg)
    except KeyboardInterrupt:
        sys.exit(130)
    except (ValueError, OSError, InstantiationException, OmegaConfBaseException) as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        cause = error.__cause__ if isinstance(error, InstantiationException) else error
        if isinstance(cause, MissingMandatoryValue):
            cause = f"{cause.full_key} has no value; give {cause.full_key}=..."
        sys.exit(f"error: {cause}")


if __name__ == "__main__":
    main()

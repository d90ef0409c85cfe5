"""Pre-train a speech encoder: compose -> instantiate -> fit -> export the encoder."""

import logging
import time
import warnings
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from evaluate import in_sweep, make_loggers, metric_to_optimize, run, with_chosen
from models.training.run_dir import RUNS, first_process, run_to_resume
from serab.run_dir import choose_run_dir, hold
from serab.sweep.record import with_table

if TYPE_CHECKING:  # seconds to import, and --help and shell completion should not wait
    from pytorch_lightning import Trainer

    from datamodules.pretraining import CropData
    from serab.evaluation import Plan

log = logging.getLogger("train")
CHATTER = ".*(LeafSpec|smaller than the logging interval|exists and is not empty|Grad strides).*"

CONF = Path(__file__).parent / "conf"
RECIPE = ("encoder", "frontend", "augment", "optimizer", "module", "data", "trainer", "seed")
"""Config groups that a continued run can't change ..."""
FREE = (
    *("num_workers", "run_dir", "root", "default_root_dir", "max_epochs", "max_steps", "max_time"),
    *("log_every_n_steps", "enable_progress_bar", "enable_model_summary", "profiler"),
)
"""... except for these entries."""


def train(cfg: DictConfig) -> dict[str, float]:
    """One pre-training run, scored where `evaluate.tasks` says so; returns what a sweep can use."""
    from models.tracking import finished_run

    alone = hold(Path(cfg.run_dir), "train") if first_process() else nullcontext()
    with alone, finished_run():
        return train_alone(cfg)


def train_alone(cfg: DictConfig) -> dict[str, float]:
    """The same, where no other process writes to the run directory."""
    from pytorch_lightning import seed_everything

    from models.checkpoint import ARTEFACT
    from models.compute.allocator import keep_freed_memory
    from models.training.fitting import fit
    from models.training.resume import checkpoint_to_resume

    run_dir = Path(cfg.run_dir)
    keep_freed_memory()
    seed_everything(cfg.seed, verbose=False)
    planned = None
    if cfg.evaluate.tasks:
        from serab.evaluation import plan  # seconds to import, and most runs only train

        planned = plan(**cfg.evaluate)
    names = (planned.metrics if planned else []) + ["loss"]
    cfg.optimize = metric_to_optimize(
        cfg.optimize, names + [f"probe_{task}" for task in cfg.probe.tasks or []]
    )
    module = instantiate(cfg.module)
    checkpoint = checkpoint_to_resume(run_dir, cfg.resume, module.spec)
    save_config(cfg, run_dir, resumed=checkpoint is not None)

    data = instantiate(cfg.data)
    trainer = build_trainer(cfg, run_dir)
    fit(trainer, module, data, checkpoint, run_dir)
    if not trainer.is_global_zero:
        return {}
    facts = about(cfg, trainer, data)
    artefact = module.export_encoder(run_dir / ARTEFACT, facts)
    log.info("encoder     %s", artefact)
    log.info("checkpoints %s", run_dir / "checkpoints")
    if trainer.loggers:
        log.info("metrics     %s", run_dir / "metrics")
    log.info("evaluate    python evaluate.py ckpt=%s", run_dir)
    for logger in trainer.loggers:
        if hasattr(logger, "log_encoder"):
            logger.log_encoder(artefact, facts)
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    metrics = {name: value for name, value in logged.items() if name.startswith("probe_")}
    if "loss_epoch" in logged:
        metrics["loss"] = logged["loss_epoch"]
    if planned:
        architecture = module.spec["architecture"]
        metrics |= score(planned, artefact, run_dir / "evaluate", trainer, architecture)
    return with_chosen(cfg.optimize, metrics)


def score(
    planned: "Plan", artefact: Path, out: Path, trainer: "Trainer", trust: str
) -> dict[str, float]:
    """Evaluate the exported encoder, and log its scores to the run's loggers."""
    from serab.evaluation import run_plan
    from serab.extractors.encoder import EncoderExtractor
    from serab.report.loggers import log_evaluation
    from serab.results.run_files import RunFiles

    extractor = EncoderExtractor(artefact, trust=trust)
    try:
        RunFiles(out).check(planned.protocol.name, extractor.fingerprint)
    except ValueError:  # of this run before it went on, or under another protocol
        kept = out.with_name(f"{out.name}-until-{time.strftime('%Y-%m-%d_%H-%M-%S')}")
        log.warning("scores of before are kept in %s", out.rename(kept))
    evaluation = run_plan(planned, extractor, out)
    log_evaluation(trainer.loggers, evaluation, trainer.global_step)
    return evaluation.metrics


def build_trainer(cfg: DictConfig, run_dir: Path) -> "Trainer":
    from pytorch_lightning.callbacks import ModelCheckpoint, TQDMProgressBar

    from models.compute.devices import check_devices
    from models.compute.sync_batch_norm import SharedBatchNorm
    from models.training.resume import AtomicCheckpointIO, LastCheckpoint
    from models.training.throughput import Throughput

    check_devices(cfg.trainer.accelerator, cfg.trainer.devices)  # before there is a W&B run
    loggers = make_loggers(cfg) if first_process() else []
    best = ModelCheckpoint(
        run_dir / "checkpoints",
        filename="best",
        monitor="loss_epoch",
        save_weights_only=True,
        enable_version_counter=False,
    )
    last = LastCheckpoint(run_dir, float(cfg.checkpoint.every_seconds))
    callbacks = [Throughput(), best, last]
    if cfg.trainer.get("enable_progress_bar") is not False:
        callbacks.append(TQDMProgressBar(cfg.trainer.log_every_n_steps or 1))
    if cfg.probe.tasks:
        from serab.probe import Probe

        callbacks.append(Probe(cfg.probe.tasks, cfg.probe.every_epochs))
    plugins: list[AtomicCheckpointIO | SharedBatchNorm] = [AtomicCheckpointIO()]
    if cfg.trainer.get("sync_batchnorm"):
        plugins.append(SharedBatchNorm())
    trainer = instantiate(cfg.trainer, logger=loggers, callbacks=callbacks, plugins=plugins)
    if trainer.world_size > 1 and in_sweep():
        raise ValueError(
            f"trainer.devices={cfg.trainer.devices}: a sweep's jobs are of one process each; set "
            "trainer.devices=1, or start the runs one by one."
        )
    return trainer


def save_config(cfg: DictConfig, run_dir: Path, resumed: bool) -> None:
    """Write config.yaml; a resumed run must have the recipe that it began with."""
    path = run_dir / "config.yaml"
    if resumed and path.exists():
        before, now = (
            OmegaConf.load(path),
            OmegaConf.create(OmegaConf.to_container(cfg, resolve=True)),
        )
        assert isinstance(before, DictConfig)
        assert isinstance(now, DictConfig)
        changed = [key for key in RECIPE if strip(before.get(key)) != strip(now.get(key))]
        if changed:
            raise ValueError(
                f"run_dir={run_dir}: {', '.join(changed)} differ from the run's {path}; "
                "continue it with the same configuration or choose another run_dir."
            )
    if not first_process():
        return
    run_dir.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    OmegaConf.save(cfg, temporary, resolve=True)
    temporary.replace(path)


def strip(node: object) -> object:
    """A config node without the entries that may differ between a run and its continuation."""
    if isinstance(node, DictConfig):
        return {key: strip(value) for key, value in node.items() if key not in FREE}
    return node


def about(cfg: DictConfig, trainer: "Trainer", data: "CropData") -> dict:
    """Facts for the reader of the artefact."""
    assert data.manifest is not None
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


def clip_frames(seconds: float, sample_rate: int, hop_length: int) -> int:
    return round(seconds * sample_rate) // hop_length + 1


def continued(cfg: DictConfig, overrides: list[str]) -> DictConfig:
    """The config of a run that goes on: its own, with what the command line says anew.

    Where the command line names recipe or groups, they are composed as usual, and compared.
    """
    path = Path(cfg.run_dir) / "config.yaml"
    keys = [override.lstrip("+~").split("=")[0] for override in overrides]
    known = (
        *("run_dir", "resume", "trainer.", "checkpoint.", "logger", "data.num_workers"),
        *("evaluate.", "optimize"),
    )
    if cfg.resume != "auto" or not path.exists() or not all(k.startswith(known) for k in keys):
        return cfg
    anew = OmegaConf.create({})
    for key in keys:
        OmegaConf.update(anew, key, OmegaConf.select(cfg, key), force_add=True)
    before = OmegaConf.load(path)
    assert isinstance(before, DictConfig)
    if "logger" in keys:  # other loggers, not more of them
        before.pop("logger")
    new_groups = {key: cfg[key] for key in cfg if key not in before}
    merged = OmegaConf.merge(before, new_groups, anew, {"run_dir": cfg.run_dir})
    assert isinstance(merged, DictConfig)
    return merged


def train_run_dir(run_dir: str | None, resume: str) -> str:
    return choose_run_dir(run_to_resume(run_dir, resume), str(RUNS))


OmegaConf.register_new_resolver("train_run_dir", train_run_dir, use_cache=True, replace=True)
OmegaConf.register_new_resolver("clip_frames", clip_frames, replace=True)


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")
def main(cfg: DictConfig) -> float | None:
    hydra_config = HydraConfig.get()
    if not first_process():
        logging.getLogger().setLevel(logging.WARNING)  # one process tells
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # now that it is imported
    warnings.filterwarnings("ignore", message=CHATTER)
    overrides = list(hydra_config.overrides.task)
    return run(lambda cfg: train(continued(cfg, overrides)), cfg, lead="\n")


if __name__ == "__main__":
    with_table(main)

"""Pre-train a speech encoder: compose -> instantiate -> fit -> export the encoder."""

from __future__ import annotations

import logging
import sys
import time
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from omegaconf import DictConfig, OmegaConf

from models.training.run_dir import RUNS, first_process, run_to_resume
from serab.installed import as_started
from serab.launch.arguments import check_arguments
from serab.launch.early import check_evaluation, check_recordings
from serab.launch.resumed_config import RECIPE, resumed_config, save_config
from serab.launch.script import build, in_sweep, make_loggers, metric_to_optimize, run, start
from serab.run_dir import choose_run_dir, hold
from serab.sweep.jobs import Outcome

if TYPE_CHECKING:  # seconds to import, and --help and shell completion should not wait
    from pytorch_lightning import Trainer

    from serab.evaluation import Plan

log = logging.getLogger("train")
CONF = Path(__file__).parent / "conf"
IGNORED_WARNINGS = (
    ".*(LeafSpec|smaller than the logging interval|exists and is not empty|Grad strides).*"
)


def train(cfg: DictConfig) -> Outcome:
    """One pre-training run, scored where `evaluate.tasks` says so."""
    check_recordings(cfg)
    if cfg.evaluate.tasks:
        check_evaluation(cfg.evaluate)
    from models.tracking import finished_run

    first = first_process()
    if not first:
        logging.getLogger().setLevel(logging.WARNING)  # one process tells
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # now that it is imported
    warnings.filterwarnings("ignore", message=IGNORED_WARNINGS)
    run_dir = Path(cfg.run_dir)
    with hold(run_dir, "train") if first else nullcontext(), finished_run():
        return pretrain(cfg, run_dir)


def pretrain(cfg: DictConfig, run_dir: Path) -> Outcome:
    """The same, where no other process writes to the run directory."""
    from pytorch_lightning import seed_everything

    from models.checkpoint import LAST_CHECKPOINT
    from models.compute.allocator import keep_freed_memory
    from models.compute.devices import choose_precision
    from models.initial import start_from
    from models.training.export import export, last_metrics
    from models.training.fitting import fit
    from models.training.resume import checkpoint_to_resume
    from serab.results.versions import PROJECT, versions

    keep_freed_memory()
    resumes = cfg.resume == "auto" and (run_dir / LAST_CHECKPOINT).exists()
    cfg = resumed_config(cfg, run_dir, resumes)
    cfg.trainer.precision = choose_precision(cfg.trainer.precision, cfg.trainer.accelerator)
    check_arguments(cfg, RECIPE)
    seed_everything(cfg.seed, verbose=False)
    scoring = None
    if cfg.evaluate.tasks:
        from serab.evaluation import plan  # seconds to import, and most runs only train

        scoring = plan(**cfg.evaluate)
    names = ["loss", *(f"probe_{task}" for task in cfg.probe.tasks or [])]
    optimized = metric_to_optimize(cfg.optimize, [*(scoring.metrics if scoring else []), *names])
    module = build(cfg.module)
    checkpoint = checkpoint_to_resume(run_dir, cfg.resume, module.spec)
    if cfg.init is not None and checkpoint is None:
        start_from(module, cfg.init, cfg.init_norm, cfg.init_accept_licence)
    data, trainer = build(cfg.data), build_trainer(cfg, run_dir)
    if first_process():
        data.find(trainer, f"run_dir={run_dir} resume=auto" if resumes else None)
        save_config(cfg, run_dir)
        trainer.loggers = make_loggers(cfg)  # a W&B run begins where nothing is wrong any more
    advice = as_started(f"go on with: python train.py run_dir={run_dir} resume=auto")
    fit(trainer, module, data, checkpoint, advice)
    if not trainer.is_global_zero:
        return Outcome({})
    facts = data.facts() | {"code": versions()[PROJECT]}
    artefact = export(module, trainer, run_dir, facts, cfg.seed)
    metrics = last_metrics(trainer)
    if scoring:
        architecture = module.spec["architecture"]
        metrics |= score(scoring, artefact, run_dir / "evaluate", trainer, architecture)
    data.keep_landmarks(artefact)
    return Outcome(metrics, optimized)


def score(
    scoring: Plan, artefact: Path, scores_dir: Path, trainer: Trainer, trust: str
) -> dict[str, float]:
    """Evaluate the exported encoder, and log its scores to the run's loggers."""
    from serab.evaluation import run_plan
    from serab.extractors.encoder import EncoderExtractor
    from serab.report.loggers import log_evaluation
    from serab.results.run_files import RunFiles

    extractor = EncoderExtractor(artefact, trust=trust)
    try:
        RunFiles(scores_dir).check([p.name for p in scoring.protocols], extractor.fingerprint)
    except ValueError:  # scores of the encoder before the run went on, or of another protocol
        kept = scores_dir.with_name(f"{scores_dir.name}-until-{time.strftime('%Y-%m-%d_%H-%M-%S')}")
        log.warning("the earlier scores are kept in %s", scores_dir.rename(kept))
    evaluation = run_plan(scoring, extractor, scores_dir)
    log_evaluation(trainer.loggers, evaluation, trainer.global_step)
    return evaluation.metrics


def build_trainer(cfg: DictConfig, run_dir: Path) -> Trainer:
    """Lightning's trainer with this run's callbacks, and no loggers yet."""
    from models.compute.devices import check_devices
    from models.training.callbacks import run_callbacks, run_plugins

    check_devices(cfg.trainer.accelerator, cfg.trainer.devices)
    shown = cfg.trainer.get("enable_progress_bar") is not False
    every_steps = (cfg.trainer.log_every_n_steps or 1) if shown else None
    callbacks = run_callbacks(run_dir, float(cfg.checkpoint.every_seconds), every_steps)
    if cfg.probe.tasks:
        from serab.probe import Probe

        callbacks.append(Probe(cfg.probe.tasks, cfg.probe.every_epochs))
    plugins = run_plugins(bool(cfg.trainer.get("sync_batchnorm")))
    trainer = build(cfg.trainer, logger=False, callbacks=callbacks, plugins=plugins)
    if trainer.world_size > 1 and in_sweep():
        raise ValueError(
            f"trainer.devices={cfg.trainer.devices}: a sweep's jobs are of one process each; set "
            "trainer.devices=1, or start the runs one by one."
        )
    return trainer


def train_run_dir(run_dir: str | None, resume: str) -> str:
    return choose_run_dir(run_to_resume(run_dir, resume), str(RUNS))


OmegaConf.register_new_resolver("train_run_dir", train_run_dir, use_cache=True, replace=True)


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")
def main(cfg: DictConfig) -> float | None:
    return run(train, cfg, prefix="\n" if sys.stdout.isatty() else "")  # ends a bar's line


if __name__ == "__main__":
    start(main)

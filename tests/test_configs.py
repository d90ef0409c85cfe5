"""Every config composes, and every leaf that Hydra builds is built."""

import inspect
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.plugins import Plugins
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer

import train  # noqa: F401  registers the resolver of run directories
from models.augmentations import TwoViews
from models.compute.devices import choose_precision
from models.encoders import ENCODERS, encoder_name
from models.pretraining import BYOLPretraining
from models.tracking import finish_run
from serab.launch.script import make_loggers
from tests.support.paths import ROOT


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (ROOT / "conf" / group).glob("*.yaml"))


def composed(*overrides: str, config: str = "train") -> DictConfig:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose(config, ["run_dir=/nowhere", *overrides])


@pytest.mark.parametrize("name", options("encoder"))
def test_encoder(name: str):
    assert encoder_name(instantiate(composed(f"encoder={name}").encoder)) == name
    assert name in ENCODERS


def test_all_encoders_have_a_config():
    assert set(options("encoder")) == set(ENCODERS)


@pytest.mark.parametrize("name", options("frontend"))
def test_frontend(name: str):
    for backend in ("torchaudio", "nnaudio"):
        cfg = composed(f"frontend={name}", f"frontend.backend={backend}")
        assert instantiate(cfg.frontend).arguments["win_length"] == int(name.split("_")[-1])


@pytest.mark.parametrize("name", options("augment"))
def test_augment(name: str):
    assert isinstance(instantiate(composed(f"augment={name}").augment), TwoViews)


@pytest.mark.parametrize("name", options("data"))
def test_data(name: str, tmp_path: Path):
    place = f"data.parts=[{{root: '{tmp_path}'}}]" if name == "mix" else f"data.root={tmp_path}"
    cfg = composed(f"data={name}", place)
    data = instantiate(cfg.data)
    assert (data.clip_seconds, data.sample_rate, data.seed) == (0.95, 16_000, 42)


LOGGERS = {"wandb": "RunLogger", "tensorboard": "TensorBoardLogger"}


@pytest.mark.parametrize("name", options("logger"))
def test_logger(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    cfg = composed(f"logger={name}", f"run_dir={tmp_path}")
    loggers = make_loggers(cfg)
    finish_run()
    found = [type(logger).__name__ for logger in loggers]
    assert found == {"none": [], "csv": ["CSVLogger"]}.get(name, ["CSVLogger", LOGGERS.get(name)])


LAUNCHERS = {"slurm": "SlurmLauncher", "local": "LocalLauncher", "joblib": "ProcessLauncher"}


@pytest.mark.parametrize("name", options("sweep"))
@pytest.mark.parametrize("script", ["train", "evaluate"])
def test_sweep(name: str, script: str):
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose(script, [f"sweep={name}"], return_hydra_config=True).hydra
    launcher, sweeper = map(Plugins.instance()._instantiate, (cfg.launcher, cfg.sweeper))
    assert type(launcher).__name__ == LAUNCHERS.get(name, "BasicLauncher")
    assert type(sweeper).__name__ == ("OptunaSweeper" if name == "optuna" else "BasicSweeper")


@pytest.mark.parametrize("name", [n for n in options("trainer") if n not in ("gpu", "ddp")])
def test_trainer(name: str, tmp_path: Path):
    cfg = composed(f"trainer={name}", f"run_dir={tmp_path}")
    cfg.trainer.precision = choose_precision(cfg.trainer.precision, "cpu")
    assert instantiate(cfg.trainer, logger=False).max_epochs == cfg.trainer.max_epochs


def test_trainer_takes_all_of_lightnings_arguments():
    theirs = set(inspect.signature(Trainer.__init__).parameters) - {"self"}
    assert set(composed().trainer) - {"_target_"} == theirs - {"logger", "callbacks", "plugins"}


def test_gpu_trainer_is_bf16():
    assert composed("trainer=gpu", "data=folder").trainer.precision == "bf16-mixed"


def test_ddp_trainer_keeps_each_process_its_buffers(tmp_path: Path):
    on_cpu = ["trainer.accelerator=cpu", "trainer.precision=32-true", "trainer.devices=2"]
    cfg = composed("trainer=ddp", "data=folder", f"run_dir={tmp_path}", *on_cpu)
    trainer = instantiate(cfg.trainer, logger=False)
    assert trainer.world_size == 2
    assert trainer.strategy._ddp_kwargs["broadcast_buffers"] is False
    assert trainer.strategy._timeout.total_seconds() == 600


RECIPES = {
    "byol_a": ("audio_ntt_2048", 1024, "Adam"),
    "byol_s": ("audio_ntt_2048", 400, "AdamW"),
    "byol_s_cvt": ("cvt_large", 400, "AdamW"),
}


BEYOND = {
    "byol_a_2022": {
        "encoder._target_": "models.audio_ntt_2022.AudioNTT2022",
        "encoder.embed_dim": 3072,
        "frontend.win_length": 1024,
        "optimizer._target_": "torch.optim.Adam",
        "optimizer.lr": 1e-4,
        "augment.mixup.ratio": 0.2,
        "augment.mixup.memory_size": 512,
        "augment.random_linear_fader": {
            "_target_": "models.augmentations.RandomLinearFader",
            "gain": 1.0,
        },
    },
    "byol_s_cosine": {
        "module.schedule.warmup": 0.1,
        "module.schedule.decay": "cosine",
        "module.schedule.tau_end": 1.0,
    },
    "byol_s_long": {"data.clip_seconds": 2.0, "augment.mixup.frames": 201},
    "speech_512": {
        "encoder.embed_dim": 512,
        "encoder.dropout": 0.0,
        "augment._target_": "models.hybrid.views.PlainAndView",
        "augment.mixup.frames": 101,
        "data.batch_size": 64,
        "data.clip_seconds": 1.4,
        "data.seconds_per_crop": 1,
        "module._target_": "models.hybrid.pretraining.HybridPretraining",
        "module.descriptor_weight": 4.0,
        "module.bootstrap": True,
        "module.perturb._target_": "models.hybrid.perturb.Perturb",
        "module.perturb.speed": [0.8, 1.4],
        "module.perturb.gain": 10.0,
        "module.perturb.groups": 8,
        "module.hidden_dim": 1024,
        "module.schedule.warmup": 0.02,
        "module.schedule.decay": "cosine",
        "optimizer.lr": 1e-3,
        "trainer.max_epochs": -1,
        "trainer.max_steps": 9000,
        "trainer.precision": "bf16-mixed",
    },
    "byol_s_large_batch": {
        "data.batch_size": 2048,
        "optimizer.lr": 8.5e-4,
        "module.tau": 0.923,
        "module.schedule.warmup": 0.05,
    },
}
"""Recipes beyond the paper: all in which each differs from BYOL-S."""


def flat(cfg: DictConfig) -> dict[str, object]:
    found = {}
    for key in cfg:
        node = cfg[key]
        if isinstance(node, DictConfig) and key != "random_linear_fader":
            found |= {f"{key}.{inner}": value for inner, value in flat(node).items()}
        else:
            found[key] = OmegaConf.to_container(node) if isinstance(node, DictConfig) else node
    return found


def test_all_recipes_are_known():
    assert set(options("experiment")) == set(RECIPES) | set(BEYOND)


@pytest.mark.parametrize("name", BEYOND)
def test_recipes_beyond_the_paper_differ_as_their_headers_say(name: str):
    ours, byol_s = (
        composed(f"experiment={experiment}", "data=folder", "data.root=/nowhere")
        for experiment in (name, "byol_s")
    )
    assert isinstance(instantiate(ours.module), BYOLPretraining)
    before, after = flat(byol_s), flat(ours)
    copied = ("module.encoder", "module.frontend", "module.views", "module.optimizer")
    changed = {
        key: value
        for key, value in after.items()
        if before.get(key) != value and not key.startswith(copied)
    }
    folder = ("data._target_", "data.manifest", "data.num_workers")  # not of the recipe
    assert {key: value for key, value in changed.items() if key not in folder} == BEYOND[name]


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_differ_exactly_as_the_papers_do(name: str):
    cfg = composed(f"experiment={name}", "data=folder", "data.root=/nowhere")
    whole = OmegaConf.to_container(cfg)
    module = instantiate(cfg.module)
    assert isinstance(module, BYOLPretraining)
    encoder, win_length, optimizer = RECIPES[name]
    assert encoder_name(module.byol.encoder) == encoder
    assert module.frontend.arguments["win_length"] == win_length
    built = module.configure_optimizers()
    assert type(built).__name__ == optimizer
    assert built.param_groups[0]["lr"] == 3e-4
    assert (cfg.data.batch_size, cfg.trainer.max_epochs, cfg.seed) == (256, 100, 42)
    assert (module.byol.tau, module.byol.projector[3].out_features) == (0.99, 256)
    for key in ("encoder", "frontend", "optimizer"):
        whole.pop(key)
    other = OmegaConf.to_container(
        composed("experiment=byol_s", "data=folder", "data.root=/nowhere")
    )
    assert whole == {key: other[key] for key in whole}


def test_plain_train_is_the_demo():
    cfg = composed()
    assert cfg.data._target_ == "datamodules.pretraining.DemoData"
    assert OmegaConf.to_container(cfg) == OmegaConf.to_container(composed("data=demo"))


def test_extractors_compose():
    known = {f"hub/{name}" for name in options("extractor/hub")} | set(options("extractor"))
    for name in known - {"own"}:  # a class of the user's
        assert composed(f"extractor={name}", config="evaluate").extractor._target_.startswith(
            "serab."
        )

"""Each error that a user can mend is one sentence with the culprit and the way out."""

import errno
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException
from hydra.utils import instantiate
from omegaconf import OmegaConf

import train  # noqa: F401  registers the resolvers of its configuration
from serab.launch.errors import explain, quoted
from tests.support.paths import ROOT


def composition_error(*overrides: str) -> str | None:
    """What composing train.yaml with overrides is explained as."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        try:
            compose("train", ["run_dir=/nowhere", *overrides])
        except HydraException as error:
            return explain(error)
    return "no error"


@pytest.fixture(autouse=True)
def script_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)  # of a script in this process before


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("data.rot=x", "data.rot: no such key; did you mean data.root?"),
        ("optimiser=adam", "optimiser: no such key; did you mean optimizer"),
        ("zzz=3", "zzz: no such key; --help lists them."),
        ("encoder=resnet", "encoder=resnet: expected one of audio_ntt_1024, audio_ntt_2022"),
        ("data.root=/a=b", """; quote it twice: 'data.root="/a=b"'."""),
        ("data.root=/ü", """; quote it twice: 'data.root="/ü"'."""),
        ("data.root=~/speech", """; quote it twice: 'data.root="~/speech"'."""),
        ("data.root=/a(1)", """; quote it twice: 'data.root="/a(1)"'."""),
        ("data.root=/a,b", """'data.root="/a,b"', add brackets for a list"""),
        ("seed", "seed: expected KEY=VALUE."),
        ("probe.tasks=[EMB", "probe.tasks=[EMB: Hydra can't read it; expected KEY=VALUE"),
    ],
)
def test_composition(override, sentence):
    assert sentence in composition_error(override)


def test_a_folder_of_a_group_is_named_with_its_options():
    result = subprocess.run(
        [sys.executable, "evaluate.py", "extractor=hub/none"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("error: extractor=hub/none: expected one of hub/ast, ")


@pytest.mark.parametrize(
    ("name", "package"),
    [("launcher/submitit_slurm", "hydra-submitit-launcher=="), ("sweeper/optuna", "sqlalchemy<2")],
)
def test_a_sweep_without_its_plugin(name: str, package: str):
    error = MissingConfigException(f"Could not find 'hydra/{name}'", f"hydra/{name}", ["basic"])
    assert f"hydra/{name.replace('/', '=')} isn't installed: pip install " in explain(error)
    assert package in explain(error)


@pytest.mark.parametrize("path", ["/a=b", "/ü", "/a ${x}/b", "~/x", '/a"b', "/a'b", "/a,b (1)#"])
def test_the_quoting_that_is_advised_works(path):
    """Through a shell and Hydra, back to the path as it is."""
    (override,) = shlex.split(quoted("data.root", path))
    OverridesParser.create().parse_override(override)
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose("train", ["run_dir=/nowhere", override])
    assert cfg.data.root == path


def test_an_interpolation_that_was_a_path(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py", "data.root=/a/${x}"])
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose("train", ["run_dir=/nowhere", "data.root=/a/${x}"])
    with pytest.raises(Exception, match="Interpolation key") as error:
        cfg.data.root  # noqa: B018
    sentence = explain(error.value)
    assert sentence.startswith("data.root=/a/${x}: Interpolation key 'x' not found")
    assert sentence.endswith("""'data.root="/a/\\${x}"'.""")


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("os.system", "group: Target 'os.system' is blocklisted"),  # without a cause
        ("no_such.Name", "group: _target_=no_such.Name can't be imported (No module named"),
        ("models.cvt.CTV", "group: _target_=models.cvt.CTV can't be imported ("),
    ],
)
def test_targets_that_hydra_refuses(target, sentence):
    config = OmegaConf.create({"group": {"_target_": target}})
    with pytest.raises(HydraException) as error:
        instantiate(config.group)
    assert explain(error.value).startswith(sentence)
    assert "None" not in explain(error.value)
    assert "\n" not in explain(error.value)


def test_a_constructor_that_refuses_is_quoted():
    config = OmegaConf.create({"encoder": {"_target_": "models.cvt.CvT", "pooling": "max"}})
    with pytest.raises(HydraException) as error:
        instantiate(config.encoder)
    assert explain(error.value) == "encoder.pooling=max: expected one of mean, mel_mean_max."


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (
            "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that "
            "dataloader's workers are out of shared memory.",
            "ran out of shared memory (/dev/shm); set data.num_workers=0",
        ),
        (
            "Caught RuntimeError in DataLoader worker process 0.\nOriginal Traceback ...\n"
            "RuntimeError: unable to allocate shared memory(shm) for file </torch_1_2>: No space",
            "ran out of shared memory (/dev/shm); set data.num_workers=0",
        ),
        (
            "DataLoader worker (pid(s) 7) exited unexpectedly",
            "was killed, perhaps as memory ran out (DataLoader worker (pid(s) 7) exited unexp",
        ),
        (
            "DataLoader worker (pid 7) is killed by signal: Killed.",
            "set data.num_workers=0 or a smaller number",
        ),
    ],
)
def test_workers_without_memory(message, sentence):
    assert sentence in explain(RuntimeError(message))
    assert explain(RuntimeError(message)).startswith("data.num_workers: ")


def test_what_only_we_can_mend_is_not_explained():
    assert explain(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) is None
    assert explain(TypeError("x")) is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_names_the_file():
    """Python's error of a write names none, unlike that of an open."""

    def write() -> None:
        with open("/dev/full", "w") as file:
            file.write("x" * 100_000)

    with pytest.raises(OSError) as error:
        write()
    assert error.value.filename is None
    assert explain(error.value) == (
        "/dev/full: can't be written (No space left on device); make room and start again."
    )


def test_a_file_comes_before_what_is_wrong_with_it():
    error = OSError(errno.ENOSPC, "can't be written; make room", "a/results.jsonl")
    assert explain(error) == "a/results.jsonl: can't be written; make room."

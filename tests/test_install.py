"""The project installed as a wheel, used from an empty directory: every command, on tiny data.

The environment is new but for the dependencies, which it finds where this suite has them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
import soundfile as sf

from serab.__main__ import COMMANDS
from serab.neighbours import NAMES
from tests.support.paths import ROOT
from tests.support.readme_place import TINY
from tests.support.small_corpus import make_corpus
from tests.support.speech import voiced

HEAVY = ("torch", "sklearn", "scipy", "matplotlib", "pandas", "numba", "wandb", "huggingface_hub")
"""What takes from half a second on to import."""
SCRIPTS = ("train", "evaluate")
ARRIVED = [c for c in COMMANDS if (ROOT / f"{c.module.replace('.', '/')}.py").exists()]
"""All; a command that is built beside this one may have its row already."""
SHOWN_HELP = f"""
import sys
from serab.__main__ import main
for name in {[command.name for command in ARRIVED if command.name not in SCRIPTS]}:
    try:
        main([name, "--help"])
    except SystemExit as end:
        assert end.code == 0, name
    heavy = sorted(set(sys.modules) & set({HEAVY}))
    assert not heavy, f"{{name}} --help imports {{heavy}}"
"""
EMBED = """
import sys, serab
assert not set(sys.modules) & set({heavy}), "import serab is instant"
from serab import load_encoder
encoder = load_encoder("speech_512")
print(encoder.embed("speech.wav").shape)
"""


class Installed:
    """A clean environment with the wheel, and an empty directory to work in."""

    def __init__(self, root: Path):
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(root)]
        subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
        (self.wheel,) = root.glob("*.whl")
        environment = root / "environment"
        venv.create(environment, with_pip=False, symlinks=True)
        self.bin = environment / "bin"
        (self.packages,) = environment.glob("lib/python*/site-packages")
        dependencies = [path for path in sys.path if path.endswith("site-packages")]
        (self.packages / "dependencies.pth").write_text("\n".join(dependencies))
        install = [sys.executable, "-m", "pip", "--python", str(self.bin / "python"), "install"]
        options = ["--quiet", "--no-deps", "--no-index", "--no-compile", str(self.wheel)]
        subprocess.run([*install, *options], check=True, capture_output=True)
        self.folder = root / "empty"
        self.folder.mkdir()
        kept = ("PATH", "HOME", "TMPDIR", "OMP_NUM_THREADS")
        self.environment = {name: os.environ[name] for name in kept if name in os.environ}
        self.environment |= {"SERAB_DATA": str(root / "data"), "WANDB_MODE": "offline"}
        make_corpus(root / "data", "EMB", seconds=0.3)

    def run(
        self, command: str, status: int = 0, cwd: Path | None = None, **environment: str
    ) -> str:
        """What a command of the environment prints, on both streams."""
        program, *arguments = command.split()
        return self._run([str(self.bin / program), *arguments], status, cwd, environment)

    def python(self, code: str) -> str:
        return self._run([str(self.bin / "python"), "-c", code], 0, None, {})

    def _run(self, command: list, status: int, cwd: Path | None, environment: dict) -> str:
        done = subprocess.run(
            command, cwd=cwd or self.folder, env=self.environment | environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300,
        )  # fmt: skip
        assert done.returncode == status, done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("install"))


def test_the_wheel_has_all_that_the_packages_have(installed: Installed):
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    packages = ("serab", "models", "datamodules", "hydra_plugins")
    files = [path for name in packages for path in (ROOT / name).rglob("*") if path.is_file()]
    expected = {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}
    conf = {f"serab/scripts/{p.relative_to(ROOT)}" for p in (ROOT / "conf").rglob("*.yaml")}
    assert expected | conf <= names
    assert not {name for name in names if name.split("/")[0] in ("train.py", "conf", "tests")}


def test_help_of_every_command(installed: Installed):
    shown = installed.run("serab --help")
    assert all(f"\n  {command.name} " in shown for command in COMMANDS)
    assert installed.run("python -m serab --help") == shown
    installed.python(SHOWN_HELP)
    for name in SCRIPTS:
        shown = installed.run(f"serab {name} --help")
        assert f"serab {name} " in shown
        assert f"python {name}.py" not in shown
    assert "did you mean evaluate?" in installed.run("serab evalute", status=2)


def test_from_recordings_to_a_report(installed: Installed):
    speech = installed.folder / "speech"
    speech.mkdir()
    for seed in range(5):
        sf.write(speech / f"{seed}.wav", voiced(1.2, 16_000, seed), 16_000)
    installed.run("serab pack --source speech --out shards --jobs 1")
    installed.run("serab shards verify shards")
    trained = installed.run(f"serab train run_dir=run data=folder data.root=speech {TINY}")
    assert f"serab evaluate ckpt={installed.folder / 'run'}" in trained
    quick = "tasks=[EMB] classifiers=[LDA] protocol=strict"
    tested = installed.run(f"serab evaluate ckpt=run run_dir=scores {quick}")
    assert "LDA" in tested
    installed.run("serab report scores --out report")
    assert (installed.folder / "report" / "report.html").is_file()
    assert "all of it holds" in installed.run("serab verify scores")
    installed.run("serab embed speech --encoder run --out table.parquet")
    assert "5 rows of 5 recordings" in installed.run(
        "serab predict speech --from scores --task EMB --out emotions.csv"
    )
    assert "audio_ntt_512" in installed.run("serab cache")
    assert "EMB" in installed.run("serab prepare --list")


def test_the_three_lines(installed: Installed):
    sf.write(installed.folder / "speech.wav", voiced(1.2, 16_000, 0), 16_000)
    assert installed.python(EMBED.format(heavy=HEAVY)) == "torch.Size([1, 512])\n"


@pytest.mark.parametrize("name", NAMES)
def test_another_package_of_the_name_is_named(installed: Installed, tmp_path: Path, name: str):
    other = tmp_path / f"{name}.py"
    other.write_text("")
    sentence = f"error: {other}: is found as `{name}` before the `{name}` of serab-byols"
    for module in ("serab --help", "serab.report x"):
        shown = installed.run(f"python -m {module}", status=1, cwd=tmp_path)
        assert shown.startswith(sentence)
        assert len(shown.splitlines()) == 1
    assert installed.run("serab --help", cwd=tmp_path)  # which doesn't import from where it is
    shown = installed.run("serab --help", status=1, PYTHONPATH=str(tmp_path))
    assert shown.startswith(sentence)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {name}"
    shown = installed.python(f"{code}\ntry:\n import serab\nexcept ImportError as e:\n print(e)")
    assert f"error: {shown}".startswith(sentence)


def test_a_package_that_was_written_over_is_named(installed: Installed):
    path = installed.packages / "models" / "__init__.py"
    ours = path.read_text()
    path.write_text('"""Models of another project."""\n')
    try:
        shown = installed.run("serab --help", status=1)
    finally:
        path.write_text(ours)
    assert shown.startswith(f"error: {path}: is of another project")

"""Who may know whom, held by a walk over all imports: folders are nodes, arrows run one way."""

import ast
from pathlib import Path

import pytest

from tests.support.paths import PACKAGES, ROOT, sources

PLUGINS = sorted((ROOT / "hydra_plugins").glob("*.py"))
GROUND = (
    "datamodules.audio",
    "datamodules.downloads",
    "datamodules.files",
    "datamodules.landmark_file",
    "datamodules.landmarks",
    "datamodules.prefetch",
    "datamodules.tables",
    "datamodules.typed_json",
)
"""What serab takes of datamodules; these import nothing of ours but each other."""
GROUND_OF_MODELS = {
    "models/speech_encoder.py": "datamodules.audio",  # an encoder embeds a file too, when asked to
    "models/weights/fetching.py": "datamodules.downloads",
}
KNOW_MODELS = ("serab/__init__.py", "serab/extractors/encoder.py", "serab/hear.py")
KNOW_HYDRA = ("serab/launch", "hydra_plugins")

ONLY = {
    "serab.launch": (
        *("draws", "protocol", "tasks", "classifier_names", "sweep", "run_dir", "terminal"),
        *("installed", "extractors"),
    ),
    "serab.sweep": ("escaping", "results", "run_dir", "terminal", "installed"),
    "serab.results": (
        *("cache_folder", "draws", "index", "installed", "intervals", "protocol", "scores"),
        "splits",
    ),
    "serab.prepare": ("cache_folder", "corpora", "escaping", "index"),
    "serab.corpora": (),
    "serab.estimators": (),
}
"""Wings of serab, each with all that it may know of serab beside itself."""
NEVER = {
    "serab.embed": ("results", "report", "search", "evaluation", "runner", "sweep", "launch"),
    "serab.analyses": ("evaluation", "runner", "sweep", "prepare"),
    "serab.report": ("evaluation", "analyses", "embed", "sweep", "launch", "runner"),
    "serab.extractors": ("embed", "results", "report", "evaluation", "runner", "sweep", "launch"),
}
"""What a wing may not know of serab: arrows that would run up the flow."""
ENTRANCES = ("serab/embed/__main__.py",)
"""Command lines that stand at the top of the flow, whose wing is below; nobody imports them."""
KNOW_EVALUATION = ("serab.leaderboard",)
GENERIC = ("serab/prepare/archives.py", "serab/prepare/paths.py", "datamodules/files.py")
TABLES = ("serab.corpora", "serab.corpora.nine", "serab.corpora.others")
"""Rooms that know no table of corpora."""


def imports(path: Path) -> set[str]:
    """The modules that a file imports, at its top or later; `from package import room` too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in submodules if _is_module(name)}
            found |= modules or {node.module}
    return found


def _is_module(name: str) -> bool:
    place = ROOT.joinpath(*name.split("."))
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def node_of(module: str) -> str:
    """The wing of a module, or itself where it is of its package's spine or an entrance."""
    if f"{module.replace('.', '/')}.py" in ENTRANCES:
        return module
    return ".".join(module.split(".")[:2])


def allowed(path: Path, module: str) -> bool:
    """Whether a file may import a module, by the rules between packages and between wings."""
    here, package, there = (
        path.relative_to(ROOT),
        path.relative_to(ROOT).parts[0],
        module.split("."),
    )
    if there[0] in ("hydra", "omegaconf"):
        return here.as_posix().startswith(KNOW_HYDRA)
    if there[0] == "hydra_plugins":
        return package == "hydra_plugins"
    if there[0] not in PACKAGES:
        return True
    if package == "hydra_plugins":
        return node_of(module) in ("serab.sweep", "serab.launch")
    if there[0] != package:
        if package == "models":
            return GROUND_OF_MODELS.get(here.as_posix()) == module
        if package != "serab":
            return False
        return (
            node_of(module) in GROUND
            if there[0] == "datamodules"
            else here.as_posix() in KNOW_MODELS
        )
    node = node_of(module_name(path))
    if node_of(module) == node:
        return True
    if module == "serab.evaluation":
        return node in KNOW_EVALUATION
    if here.as_posix() in GENERIC and module in TABLES:
        return False
    if node in GROUND and node_of(module) not in GROUND:
        return False
    beside = there[1] if len(there) > 1 else ""
    return beside in ONLY.get(node, (beside,)) and beside not in NEVER.get(node, ())


@pytest.mark.parametrize(
    "path", [*sources(), *PLUGINS], ids=lambda path: str(path.relative_to(ROOT))
)
def test_imports(path: Path):
    wrong = sorted(module for module in imports(path) if not allowed(path, module))
    assert not wrong, f"{path.relative_to(ROOT)} may not import {wrong}"


def test_no_circle():
    """No wing or room of a spine leads back to itself."""
    edges: dict[str, set[str]] = {}
    for path in [*sources(), *PLUGINS]:
        here = node_of(module_name(path))
        ours = {node_of(m) for m in imports(path) if m.split(".")[0] in PACKAGES}
        edges.setdefault(here, set()).update(ours - {here})
    assert len(edges) > 30
    for start in edges:
        reached, waiting = set(), [start]
        while waiting:
            new = edges.get(waiting.pop(), set()) - reached
            reached |= new
            waiting += new
        assert start not in reached, f"{start} leads back to itself, by way of {sorted(reached)}"


def test_the_walk_sees_what_it_should():
    assert not allowed(ROOT / "models/byol.py", "datamodules.audio")
    assert not allowed(ROOT / "models/speech_encoder.py", "datamodules.crops")
    assert not allowed(ROOT / "datamodules/audio/reading.py", "models.frontend")
    assert not allowed(ROOT / "datamodules/files.py", "datamodules.manifest.recordings")
    assert not allowed(ROOT / "serab/embed/corpus.py", "models.checkpoint")
    assert not allowed(ROOT / "serab/embed/corpus.py", "datamodules.crops")
    assert not allowed(ROOT / "serab/embed/corpus.py", "serab.results.records")
    assert not allowed(ROOT / "serab/sweep/jobs.py", "serab.launch.script")
    assert not allowed(ROOT / "serab/sweep/record.py", "hydra_plugins._serab_sweep")
    assert not allowed(ROOT / "serab/report/loggers.py", "serab.evaluation")
    assert not allowed(ROOT / "serab/analyses/turns.py", "serab.runner")
    assert not allowed(ROOT / "serab/report/findings/labels.py", "serab.analyses.labels")
    assert not allowed(ROOT / "serab/prepare/archives.py", "serab.corpora.nine")
    assert not allowed(ROOT / "models/byol.py", "hydra.utils")
    assert not allowed(ROOT / "serab/sweep/jobs.py", "omegaconf")
    assert allowed(ROOT / "serab/launch/script.py", "hydra.utils")
    assert allowed(ROOT / "serab/extractors/encoder.py", "models.checkpoint")
    assert allowed(ROOT / "serab/launch/script.py", "serab.sweep.jobs")
    assert "hydra" in imports(ROOT / "train.py")
    assert "serab.embed.waveforms" in imports(ROOT / "serab/embed/corpus.py")
    assert node_of("serab.embed.corpus") == "serab.embed"
    assert len(sources()) > 20


def test_the_scripts_are_tables_of_contents():
    for name, lines in {"train.py": 160, "evaluate.py": 80}.items():
        assert len((ROOT / name).read_text().splitlines()) <= lines


def test_rooms_have_names():
    for path in sources():
        assert path.stem not in ("utils", "util", "common", "helpers", "misc"), path
        docstring = ast.get_docstring(ast.parse(path.read_text()))
        assert docstring, f"{path}: its first line is its idea"

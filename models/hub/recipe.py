"""How an encoder was trained, for its model card: the recipe in the run's config.yaml."""

from __future__ import annotations

from pathlib import Path

import yaml

from models.checkpoint import LAST_CHECKPOINT

CONFIG = "config.yaml"
GROUPS = ("seed", "encoder", "frontend", "augment", "optimizer", "module", "data", "trainer")
"""Of config.yaml; the others say where files go and what is logged."""
PATHS = ("root", "manifest", "run_dir", "default_root_dir")
"""Entries that tell of the machine, which a card is not to."""


def read_recipe(source: str | Path) -> str:
    """The groups of the recipe as YAML, without paths, nulls, and what `module` repeats of others.

    Args:
        source: what `load_encoder` takes. A run directory has a config.yaml; so have its artefact
            and its checkpoints beside or above them.

    Returns:
        "" where there is none, or none of train.py.

    Raises:
        ValueError: one that can't be read.
    """
    path = _config_path(Path(source))
    if path is None:
        return ""
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise _damaged(path, " ".join(str(error).split())) from error
    if not isinstance(config, dict):
        raise _damaged(path, f"a {type(config).__name__}, no mapping")
    if "module" not in config:
        return ""
    recipe = {key: config[key] for key in GROUPS if key in config}
    groups = [value for key, value in recipe.items() if key != "module"]
    for key, group in recipe.items():
        if isinstance(group, dict):
            recipe[key] = {
                name: value
                for name, value in group.items()
                if name not in PATHS
                and value is not None
                and not (key == "module" and value in groups)
            }
    return yaml.safe_dump(recipe, sort_keys=False, default_flow_style=False, allow_unicode=True)


def _config_path(source: Path) -> Path | None:
    run_dir = source if source.is_dir() else source.parent
    if run_dir.name == LAST_CHECKPOINT.parent.name:
        run_dir = run_dir.parent
    path = run_dir / CONFIG
    return path if source.exists() and path.is_file() else None


def _damaged(path: Path, reason: str) -> ValueError:
    return ValueError(
        f"{path}: isn't the configuration that train.py writes ({reason}); restore it, or move it "
        "away and the card does without."
    )

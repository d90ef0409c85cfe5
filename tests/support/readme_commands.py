"""The README's commands: read from it, and run as a user would in a folder of their own.

python -m tests.support.readme_commands      # those that are there
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.support.programs import Ended, run

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
"""One for each kind of user; their commands are run as the README's are."""
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]
PROGRAM = ("train.py", "evaluate.py", "conf", "models", "datamodules", "serab", "benchmarks")
"""What of the repository a command may need in its working directory."""


def blocks(language: str, page: Path = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def commands(*pages: Path) -> list[str]:
    """Every command of the pages' shell blocks, as printed, without its comment."""
    found = [block for page in pages or [README] for block in blocks("sh", page)]
    lines = "\n".join(found).replace("\\\n", " ").splitlines()
    return list(dict.fromkeys(re.sub(r"\s*(^|\s)#.*", "", line).strip() for line in lines if line))


def make_workplace(folder: Path) -> Path:
    """A folder in which the README's commands work as in the repository."""
    folder.mkdir(parents=True)
    for name in PROGRAM:
        (folder / name).symlink_to(ROOT / name)
    return folder


def run_printed(
    command: str, folder: Path, environment: dict[str, str], fresh: bool = False, limit: float = 100
) -> Ended:
    """Run a command `python ...` as printed, perhaps with overrides behind it."""
    python, *arguments = shlex.split(command)
    assert python == "python", f"{command}: say here how to run it"
    return run(arguments, folder, environment, fresh, limit)


if __name__ == "__main__":
    print("\n".join(commands()))

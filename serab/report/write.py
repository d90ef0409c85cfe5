"""Write the report of some runs: Markdown, HTML and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datamodules.files import write_whole
from serab.report.compose import compose
from serab.report.markdown import to_markdown
from serab.report.page import Page
from serab.report.runs import read_runs
from serab.report.web_page import to_html

PICTURES = "pictures"


def write_report(run_dirs: Sequence[Path], out: Path) -> list[Path]:
    """Write the report of some runs.

    Args:
        run_dirs: of evaluate.py.
        out: folder for report.html, report.md and pictures/; a demo beside real runs gets its own
            report in `out`/demo.

    Returns:
        the pages written.

    Raises:
        ValueError: a directory without results, or `out` can't be made.
        OSError: no room or no permission in `out`; names the file.
    """
    runs = read_runs(run_dirs)
    try:  # before the pictures, which take seconds
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"--out {out}: can't be made ({error.strerror}); choose another folder."
        ) from error
    real, demo = ([run for run in runs if run.demo is kind] for kind in (False, True))
    written = []
    if real:
        written += _write(compose(real), out)
    if demo:
        written += _write(compose(demo), out / "demo" if real else out)
    return written


def _write(page: Page, out: Path) -> list[Path]:
    for picture in page.pictures:
        write_whole(out / PICTURES / f"{picture.name}.png", picture.light)
        write_whole(out / PICTURES / f"{picture.name}-dark.png", picture.dark)
    return [
        write_whole(out / "report.html", to_html(page)),
        write_whole(out / "report.md", to_markdown(page, PICTURES)),
    ]

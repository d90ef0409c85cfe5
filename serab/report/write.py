"""Write the report of some runs: Markdown, HTML, CSV and pictures; tables for LaTeX."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from datamodules.files import write_whole
from serab.escaping import one_line
from serab.report.blocks.paper_results import paper_results
from serab.report.blocks.paper_table import table_3
from serab.report.compose import compose
from serab.report.latex import to_latex
from serab.report.markdown import to_markdown
from serab.report.page import Table
from serab.report.results_table import to_csv
from serab.report.runs import Run, read_runs
from serab.report.web_page import to_html
from serab.terminal import progress

PICTURES = "pictures"


def write_report(run_dirs: Sequence[Path], out: Path, latex: bool = False) -> list[Path]:
    """Write the report of some runs.

    Args:
        run_dirs: of evaluate.py.
        out: folder for report.html, report.md, results.csv and pictures/; a demo beside real runs
            gets its own report in `out`/demo.
        latex: whether tables.tex and the pictures as PDF are written too.

    Returns:
        what was written, without the pictures.

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
        written += _write(real, out, latex)
    if demo:
        written += _write(demo, out / "demo" if real else out, latex)
    return written


def _write(runs: Sequence[Run], out: Path, latex: bool) -> list[Path]:
    _say(f"comparing {len(runs)} results ({', '.join(run.label for run in runs)})")
    page = compose(runs)
    _say(f"drawing {len(page.pictures)} pictures")
    for picture in progress(page.pictures, "drawing", unit=" pictures"):
        write_whole(out / PICTURES / f"{picture.name}.png", picture.light)
        write_whole(out / PICTURES / f"{picture.name}-dark.png", picture.dark)
        if latex:
            write_whole(out / PICTURES / f"{picture.name}.pdf", picture.pdf)
    written = [
        write_whole(out / "report.html", to_html(page)),
        write_whole(out / "report.md", to_markdown(page, PICTURES)),
        write_whole(out / "results.csv", to_csv(runs)),
    ]
    if latex and any(run.tasks for run in runs):
        beside = [block for block in table_3(runs) if isinstance(block, Table)]
        tables = [("results", paper_results(runs)), *(("serab", table) for table in beside)]
        written.append(write_whole(out / "tables.tex", to_latex(tables)))
    return written


def _say(stage: str) -> None:
    print(one_line(stage), file=sys.stderr, flush=True)

"""What an evaluation shows at its end: every corpus, no markup of the data, any encoding."""

import io
import subprocess
import sys

import pytest
from rich.console import Console

from serab.protocol import PROTOCOLS
from serab.report.screen import print_splits, print_summary, print_task
from serab.results.run_files import RunFiles
from serab.results.summary import summarise
from serab.splits import LeakReport
from tests.support.paths import ROOT
from tests.support.small_run import make_run

CLEAN = LeakReport({}, {})


def shown(show, *arguments) -> str:
    file = io.StringIO()
    show(*arguments, console=Console(file=file, width=200))
    return file.getvalue()


@pytest.mark.parametrize("protocol", ["published", "strict"])
def test_the_last_table_has_every_corpus(tmp_path, protocol):
    seeds = (0,) if protocol == "published" else (0, 1, 2, 3, 4)
    for number, tasks in enumerate((("EMB", "NEMO"), ("NEMO",), ("EMB",))):
        rows = list(RunFiles(make_run(tmp_path / str(number), protocol, tasks, seeds)).results)
        text = shown(print_summary, [summarise(rows, PROTOCOLS[protocol])], rows)
        reported = [row for row in rows if row.task == tasks[-1] and row.selected]
        mean = sum(row.tested for row in reported) / len(reported)
        assert all(task in text for task in tasks)
        assert f"{100 * mean:.1f}" in text
        assert ("mean of 5 splits" in " ".join(text.split())) is (protocol == "strict")
        assert ("no part of UM" in text) is (number == 0)


def test_names_are_no_markup(tmp_path):
    """A speaker called [/red] ended an evaluation after all its work."""
    run = make_run(
        *(tmp_path / "run", "strict", ("EMB",), (0, 1)),
        *(("[/red]", "[/]", "\x1b[31m"), ["[/x]", "[b]"], "[/me]"),
    )
    rows = list(RunFiles(run).results)
    assert "[/me]" in shown(print_task, rows[:2], CLEAN)
    text = shown(print_splits, rows)
    assert "[/] [/red] \\x1b[31m" in text or "\\x1b[31m [/] [/red]" in text
    assert "\x1b" not in text


def test_any_encoding(tmp_path):
    """Latin-1 has no dash of that kind: an evaluation ended at it."""
    run = make_run(tmp_path / "run", "strict")
    code = f"""
from pathlib import Path
from serab.report.screen import print_task
from serab.results.run_files import RunFiles
from serab.splits import LeakReport
print_task(list(RunFiles(Path({str(run)!r})).results), LeakReport({{}}, {{}}))
"""
    environment = {"PYTHONIOENCODING": "latin-1", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert "QDA" in done.stdout.decode("latin-1")

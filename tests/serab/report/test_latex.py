"""Tables and figures for a paper: the numbers of the runs, in LaTeX that compiles."""

import csv
import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from serab.protocol import PROTOCOLS
from serab.report.__main__ import main
from serab.results.records import marked
from serab.results.run_files import RunFiles
from serab.results.summary import summarise, write_summary
from tests.support.small_run import make_run

DOCUMENT = r"""\documentclass{article}
\usepackage{graphicx}
% Debian's texlive-latex-base lacks it
\IfFileExists{booktabs.sty}{\usepackage{booktabs}}{%
  \let\toprule\hline \let\midrule\hline \let\bottomrule\hline}
\usepackage[utf8]{inputenc}
\begin{document}
\input{tables}
\includegraphics[width=5cm]{pictures/accuracy-EMB}
\end{document}
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A run, one that is always right, and one over splits with a name that LaTeX minds."""
    folder = tmp_path_factory.mktemp("latex")
    first = make_run(folder / "first", extractor="first")
    best = make_run(folder / "best", extractor="best")
    hostile = r"[50 %] \input{x} $x_1$ ~^#&{} é 日"
    third = make_run(folder / "third", "strict", ("EMB", "NEMO"), (0, 1), extractor=hostile)
    runs = [str(run) for run in (first, best, third)]
    assert main([*runs, "--out", str(folder / "out"), "--latex"]) == 0
    return folder


def test_the_numbers_are_those_of_the_runs(report):
    text = (report / "out/tables.tex").read_text()
    (row,) = [row for row in RunFiles(report / "first").results if row.best_on_test]
    low, high = (f"{100 * end:.1f}" for end in row.over_speakers)
    cell = f"{100 * row.test_accuracy:.1f} [{low}--{high}]"
    assert f"first, published & {cell} & -- \\\\" in text
    rows = [row for row in RunFiles(report / "third").results if row.selected and row.task == "EMB"]
    mean = sum(row.test_accuracy for row in rows) / 2
    assert re.search(rf"strict & {100 * mean:.1f} \$\\pm\$ [\d.]+ & ", text)
    assert "YAMNet & 53.6 & 48.1" in text


def test_significance_is_marked(tmp_path):
    """Within a protocol: a run of another one before it changes nothing."""
    weak, strong = (make_run(tmp_path / name, extractor=name) for name in ("weak", "strong"))
    other = make_run(tmp_path / "other", "strict", extractor="other")
    better(strong)
    runs = [str(run) for run in (other, weak, strong)]
    assert main([*runs, "--out", str(tmp_path / "out"), "--latex"]) == 0
    text = (tmp_path / "out/tables.tex").read_text()
    assert re.search(r"strong, published & [\d.]+ \[[\d.-]+\]\* ", text)
    assert "*: differs from other, strict or weak, published, the first row of its protocol" in text
    assert re.search(r"weak, published & [\d.]+ \[[\d.-]+\] \\", text)


def better(run):
    """Every prediction of its QDA is right: as another run that is better would have it."""
    files = RunFiles(run)
    (_, answers), rows = files.predictions, list(files.results)
    files.predictions.put(replace(answers, predicted=answers.true))
    rows[1] = replace(rows[1], test_accuracy=1.0, test_uar=1.0, test_macro_f1=1.0,
                      over_utterances=[1.0, 1.0], over_speakers=[1.0, 1.0])  # fmt: skip
    files.results.put(*marked(rows, all_tested=True))
    write_summary(summarise(files.results, PROTOCOLS["published"]), run)


def test_it_compiles(report):
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex (Debian's texlive-latex-base)")
    (report / "out/paper.tex").write_text(DOCUMENT)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=report / "out", capture_output=True, timeout=100)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    assert (report / "out/paper.pdf").read_bytes().startswith(b"%PDF")


def test_figures_have_their_fonts_inside(report):
    figures = sorted((report / "out/pictures").glob("*.pdf"))
    assert len(figures) == len(list((report / "out/pictures").glob("*-dark.png")))
    for figure in figures:
        content = figure.read_bytes()
        assert content.count(b"/FontFile2") == content.count(b"/Type /FontDescriptor") > 0


def test_results_as_csv(report):
    with (report / "out/results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = ("first", "best", "third")
    expected = [row for name in names for row in RunFiles(report / name).results]
    assert len(rows) == len(expected)
    for row, right in zip(rows, expected, strict=True):
        assert float(row["val_accuracy"]) == right.val_accuracy
        assert row["test_accuracy"] == ("" if right.test_accuracy is None else
                                        str(right.test_accuracy))  # fmt: skip
        assert (row["task"], row["classifier"]) == (right.task, right.classifier)

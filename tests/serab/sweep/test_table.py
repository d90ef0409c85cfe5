"""A sweep's table on the screen: shares in percent, jobs that differ in their seed averaged."""

import io
from statistics import mean, stdev

from rich.console import Console

from serab.sweep.jobs import Job, Status
from serab.sweep.table import Row, table

SCORES = {("a", 1): 0.70, ("a", 2): 0.76, ("a", 3): 0.73, ("b", 1): 0.50, ("b", 2): 0.61}


def shown(rows) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=200).print(table(rows))
    return file.getvalue().splitlines()


def job(number, overrides, status=Status.FINISHED, **metrics) -> Row:
    return Row(number, overrides, None, Job(number, overrides, status, metrics, "EMB", 3.0))


def test_means_over_seeds():
    rows = [
        job(number, [f"encoder={encoder}", f"seed={seed}"], EMB=score, loss=1.5 + seed)
        for number, ((encoder, seed), score) in enumerate(SCORES.items())
    ]
    rows.append(job(5, ["encoder=b", "seed=3"], Status.FAILED))
    rows.append(job(6, ["encoder=c", "seed=1"], EMB=0.4, loss=1.0))
    lines = shown(rows)
    assert "EMB %" in lines[1]
    assert "loss %" not in lines[1]
    means = [line for line in lines if "mean ± deviation" in line]
    assert len(means) == 2  # c has one seed
    for line, encoder, seeds in zip(means, "ab", (3, 2), strict=True):
        scores = [100 * score for (name, _), score in SCORES.items() if name == encoder]
        assert f"{encoder} " in line
        assert f"{seeds} seeds" in line
        assert f"{mean(scores):.1f} ± {stdev(scores):.1f}" in line
    assert "3.5 ± 1" in means[0]


def test_other_sweeps_have_no_means():
    rows = [job(n, [f"encoder={e}"], EMB=0.5) for n, e in enumerate("ab")]
    assert not [line for line in shown(rows) if "±" in line]

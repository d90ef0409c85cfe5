"""The page of systems side by side is that of its entries, which hold."""

from serab.leaderboard.check import faults
from serab.leaderboard.comparison import comparison
from serab.leaderboard.entry import read_entries
from serab.leaderboard.table import BEGIN, END
from tests.support.paths import ROOT

FOLDER = ROOT / "benchmarks" / "systems"


def test_the_page_is_that_of_its_entries():
    entries = read_entries(FOLDER)
    between = (ROOT / "docs/systems.md").read_text().split(BEGIN)[1].split(END)[0].strip()
    assert between == comparison(entries.values(), ["EMB", "EMV"])
    assert {e.protocol for e in entries.values()} == {"published", "strict"}
    assert {e.folds for e in entries.values()} == {None, 6, 10}


def test_they_hold():
    """Of three divisions; `serab leaderboard check --entries benchmarks/systems` looks at all."""
    entries = read_entries(FOLDER)
    assert faults({p: e for p, e in entries.items() if e.task == "EMV" and e.folds != 6}) == []

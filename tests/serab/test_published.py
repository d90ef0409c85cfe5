"""The paper's own tables hold the means to golden values."""

import pytest

from serab.corpora import CORPORA
from serab.published import INCONSISTENT, MEANS, TEST_SIZES, table1, table3
from serab.scores import SERAB_TASKS, means

HALF_A_DIGIT = 0.0501
"""Cells and means are printed with one digit, so a mean may be off by half of one."""


def computed(row) -> dict[str, float]:
    of = means(row.accuracies, TEST_SIZES)
    return dict(zip(MEANS, (of.um, of.wm, of.gm), strict=True))


@pytest.mark.parametrize("row", table3(), ids=lambda row: row.model)
def test_means_are_those_printed(row):
    differences = {mean: abs(computed(row)[mean] - row.means[mean]) for mean in MEANS}
    if row.model in INCONSISTENT:
        assert differences["UM"] > 1.2
        assert min(differences.values()) > 2 * HALF_A_DIGIT
    else:
        assert max(differences.values()) < HALF_A_DIGIT, differences


def test_weights_matter():
    """Other test sizes don't give the table's WM: the sizes are tested too."""
    equal = dict.fromkeys(SERAB_TASKS, 100)
    rows = [row for row in table3() if row.model not in INCONSISTENT]
    off = [abs(means(row.accuracies, equal).wm - row.means["WM"]) for row in rows]
    assert sum(difference > HALF_A_DIGIT for difference in off) >= 10


def test_thirteen_rows_in_two_groups_sorted_by_um():
    ums = [row.means["UM"] for row in table3()]
    assert len(ums) == 13
    assert ums[:7] == sorted(ums[:7])  # baselines
    assert ums[7:] == sorted(ums[7:])  # proposed


def test_table_1_is_that_of_the_corpora():
    assert tuple(row["code"] for row in table1()) == SERAB_TASKS
    known = {"CAF": 936, "CRE": 7438}  # the paper's 864 and 7,442, see serab.corpora
    for row in table1():
        record = CORPORA[row["code"]]
        assert int(row["speakers"]) == record.speakers
        assert int(row["classes"]) == len(record.emotions)
        assert known.get(row["code"], int(row["utterances"])) == record.utterances
        assert row["access"] == record.access
        assert row["language"] == record.language

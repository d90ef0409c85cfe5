"""Scores by hand; the paper's tables are in test_published."""

import numpy as np
import pytest
from sklearn import metrics

from serab.scores import accuracy, ccc, chance, confusion, macro_f1, majority, means, rmse, uar

TRUE = ["a", "a", "a", "a", "b", "b", "c", "c"]
SAID = ["a", "a", "a", "b", "b", "a", "a", "a"]


def test_by_hand():
    assert accuracy(TRUE, SAID) == 4 / 8
    assert uar(TRUE, SAID) == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    f1 = {"a": 2 * 3 / (4 + 6), "b": 2 * 1 / (2 + 2), "c": 0}
    assert macro_f1(TRUE, SAID) == pytest.approx(sum(f1.values()) / 3)
    assert confusion(TRUE, SAID, ["a", "b", "c"]) == [[3, 1, 0], [1, 1, 0], [2, 0, 0]]
    assert chance(["a", "b", "c"]) == pytest.approx(1 / 3)
    assert majority(["b", "b", "a"], TRUE) == 2 / 8


def test_scores_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    for classes, n in ((2, 5), (7, 84), (8, 300)):
        true, predicted = random.integers(0, classes, (2, n)).astype(str)
        recalls = metrics.recall_score(
            true, predicted, labels=np.unique(true), average="macro", zero_division=0
        )
        assert uar(true, predicted) == pytest.approx(recalls, abs=1e-12)
        f1 = metrics.f1_score(true, predicted, average="macro", zero_division=0)
        assert macro_f1(true, predicted) == pytest.approx(f1, abs=1e-12)
        labels = sorted({*true.tolist(), *predicted.tolist()})
        counts = metrics.confusion_matrix(true, predicted, labels=labels)
        assert confusion(true, predicted, labels) == counts.tolist()


def test_a_class_that_isn_t_tested_has_no_recall():
    assert uar(["a", "a"], ["a", "b"]) == 0.5


def test_ccc_by_hand():
    true = np.array([1.0, 2.0, 3.0, 4.0])
    assert ccc(true, true) == 1.0
    assert ccc(true, [2.5] * 4) == 0.0
    assert ccc(true, true + 1) == pytest.approx(2 * 1.25 / (1.25 + 1.25 + 1))
    assert ccc(true, -true) < 0
    assert rmse(true, true + 2) == pytest.approx(2.0)


@pytest.mark.parametrize("score", [accuracy, uar, macro_f1, ccc, rmse])
def test_lengths_are_checked(score):
    with pytest.raises(ValueError, match="one length"):
        score([1, 2], [1])
    with pytest.raises(ValueError, match="one length"):
        score([], [])


def test_confusion_names_unknown_labels():
    with pytest.raises(ValueError, match="'c'"):
        confusion(TRUE, SAID, ["a", "b"])


def test_means_by_hand():
    of = means({"x": 0.5, "y": 0.8}, {"x": 100, "y": 300}, ("x", "y"))
    assert (of.um, of.wm) == pytest.approx((0.65, 0.725))
    assert of.gm == pytest.approx(0.4**0.5)


def test_means_are_undefined_while_a_task_is_missing():
    of = means({"EMB": 0.5}, {"EMB": 84})
    assert (of.um, of.wm, of.gm) == (None, None, None)
    assert of.tasks == ("EMB",)
    assert len(of.missing) == 8
    assert "EMB" not in of.missing


def test_means_of_a_zero_and_of_unknown_size():
    assert means({"x": 0.0, "y": 1.0}, {"x": 1, "y": 1}, ("x", "y")).gm == 0.0
    with pytest.raises(ValueError, match="no test size for y"):
        means({"x": 0.5, "y": 0.5}, {"x": 1}, ("x", "y"))

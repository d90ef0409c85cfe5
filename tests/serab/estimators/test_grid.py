"""Grids fitted at once answer as one scikit-learn fit a point does: the same predictions."""

import os
import signal

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, ParameterGrid, PredefinedSplit
from sklearn.svm import SVC, SVR

from serab.classifiers import CLASSIFIERS
from serab.estimators.forest import predict_forests
from serab.estimators.grid import Fold, once_if_balanced, predict_each, predict_grid
from serab.estimators.logistic import SummedLossLogisticRegression
from serab.estimators.logistic_grid import predict_logistic
from serab.estimators.svm import predict_svms
from serab.protocol import PROTOCOLS
from serab.regression import regressors
from serab.search import CannotFit, PreparedTask, Task
from tests.support.emotional import KINDS, ONE, TALL, TWO, WIDE, emotional, fold, of_kind

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [WIDE, TALL], ids=["wide", "tall"])
@pytest.mark.parametrize("name", ["QDA", "LR", "SVC", "RF"])
def test_every_point_predicts_as_scikit_learn(name, shape, kind):
    candidate, made = CLASSIFIERS[name], of_kind(kind, shape)
    points, estimator = list(ParameterGrid(dict(candidate.grid))), clone(candidate.estimator)
    if name == "RF":
        estimator.set_params(n_estimators=8)
    ours = predict_grid(candidate.predict, estimator, points, made, TWO)
    plain = predict_each(estimator, points, made, ONE)
    assert candidate.predict is not predict_each
    assert {mine.dtype for mine in ours} == {theirs.dtype for theirs in plain}
    differ = sum((mine != theirs).sum() for mine, theirs in zip(ours, plain, strict=True))
    # Of utterances under two emotions each, L-BFGS makes a long way that rounding changes: 2 of the
    # 1,760 predictions, as many as scikit-learn's own do when the dimensions come in another order.
    assert differ <= (4 if (name, kind, shape) == ("LR", "tied", WIDE) else 0)


def test_published_search_is_grid_search():
    """Point, validation score and test predictions of all five, from normalised embeddings on."""
    embeddings, targets = emotional(200, 40)
    task = Task(embeddings, targets, np.repeat(["a", "b", "c", "d"], 50), 120, 40)
    prepared = PreparedTask(task, PROTOCOLS["published"], jobs=2)
    x = prepared.embeddings
    for name, candidate in CLASSIFIERS.items():
        if name == "RF":
            continue  # forests point by point: above
        search = GridSearchCV(
            candidate.estimator,
            dict(candidate.grid),
            cv=PredefinedSplit(np.r_[np.full(120, -1), np.zeros(40, int)]),
        ).fit(x[:160], targets[:160])
        searched = prepared.search(candidate)
        assert searched.params == search.best_params_, name
        assert searched.val_score == search.best_score_, name
        predicted = prepared.predict_test(candidate, searched.params)
        assert np.array_equal(predicted, search.predict(x[160:])), name


def test_regressors_predict_as_scikit_learn():
    made = fold(80, 30)
    made = Fold(made.x, made.x[:, 0] + 0.1 * made.x[:, 1], made.tested)
    for candidate in regressors().values():
        points = list(ParameterGrid(dict(candidate.grid)))
        ours = predict_grid(candidate.predict, candidate.estimator, points, made, TWO)
        plain = predict_each(candidate.estimator, points, made, ONE)
        for mine, theirs in zip(ours, plain, strict=True):
            assert np.allclose(mine, theirs, rtol=1e-6, atol=1e-6)


def test_other_settings_are_left_to_scikit_learn():
    made = fold(*TALL)
    cases = (
        (predict_forests, RandomForestClassifier(8, max_features=None, random_state=0), {}),
        (predict_forests, RandomForestClassifier(8, bootstrap=False, random_state=0), {}),
        (predict_logistic, SummedLossLogisticRegression(fit_intercept=False), {"C": 1.0}),
    )
    for predict, estimator, point in cases:
        ours = predict(estimator, [point], made, ONE)
        assert np.array_equal(ours[0], predict_each(estimator, [point], made, ONE)[0])
    two = Fold(made.x, np.where(made.y == "emotion0", "a", "b"), made.tested)
    estimator = SummedLossLogisticRegression()
    ours = predict_logistic(estimator, [{"C": 1.0}], two, ONE)
    assert np.array_equal(ours[0], predict_each(estimator, [{"C": 1.0}], two, ONE)[0])
    for wrong in (SVC(kernel="poly"), SVR(gamma=0.1)):
        with pytest.raises(ValueError, match="expected"):
            predict_svms(wrong, [{}], made, ONE)


def test_workers_of_a_forked_process_are_its_own():
    assert TWO.map(str, range(3)) == ["0", "1", "2"]
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        os._exit(TWO.map(str, range(3)) != ["0", "1", "2"])
    assert os.waitpid(pid, 0)[1] == 0


def test_balanced_weights_of_equally_many_are_fitted_once():
    fitted = []

    def predict(estimator, points, made, workers):
        fitted.extend(points)
        return [np.full(len(made.tested), str(point["C"])) for point in points]

    points = [{"C": c, "class_weight": w} for c in (1, 2) for w in ("balanced", None)]
    once = once_if_balanced(predict)
    predictions = once(LogisticRegression(), points, of_kind("equally many", WIDE), ONE)
    assert [p[0] for p in predictions] == ["1", "1", "2", "2"]
    assert len(fitted) == 2
    once(LogisticRegression(), points, fold(*WIDE), ONE)
    assert len(fitted) == 2 + 4


def test_no_warning_of_cut_off_points_and_theirs_stay(recwarn):
    made = fold(*TALL)
    estimator = SVC(max_iter=2)
    predict_grid(predict_svms, estimator, [{"C": 1e5}], made, TWO)
    assert not [w for w in recwarn if issubclass(w.category, ConvergenceWarning)]


def unlucky(**changes) -> Task:
    embeddings, targets = emotional(120, 10, classes=3)
    targets = np.array([f"emotion{k % 3}" for k in range(120)])
    made = {
        "embeddings": embeddings,
        "targets": targets,
        "speakers": np.repeat(["a", "b", "c"], 40),
        "n_train": 40,
        "n_validation": 40,
    }
    return Task(**made | changes)


def test_a_class_with_one_training_utterance():
    targets = unlucky().targets.copy()
    targets[:40][targets[:40] == "emotion2"] = "emotion1"
    targets[5] = "emotion2"
    prepared = PreparedTask(unlucky(targets=targets), PROTOCOLS["strict"], jobs=1)
    with pytest.raises(CannotFit, match=r"QDA can't be fitted: .* emotion2 has 1 training"):
        prepared.search(CLASSIFIERS["QDA"])
    for name in ("LDA", "LR", "SVC", "RF"):
        assert 0 <= prepared.search(CLASSIFIERS[name]).val_score <= 1


def test_validation_without_a_class_and_training_without_one():
    for part in (slice(40, 80), slice(0, 40)):
        targets = unlucky().targets.copy()
        targets[part][targets[part] == "emotion2"] = "emotion1"
        prepared = PreparedTask(unlucky(targets=targets), PROTOCOLS["published"], jobs=1)
        for name in ("LDA", "QDA", "LR", "SVC"):
            searched = prepared.search(CLASSIFIERS[name])
            assert 0 <= searched.val_score <= 1
            assert len(prepared.predict_test(CLASSIFIERS[name], searched.params)) == 40


def test_constant_embeddings():
    """Nothing to tell apart: the classifiers that need variance guess, none of them crashes."""
    task = unlucky(embeddings=np.full((120, 10), 0.7))
    for protocol in PROTOCOLS.values():
        prepared = PreparedTask(task, protocol, jobs=1)
        for name in ("LR", "SVC", "RF"):
            assert prepared.search(CLASSIFIERS[name]).val_score < 0.5


@pytest.mark.parametrize("name", ["LR", "SVC", "LDA", "QDA"])
def test_a_single_class_is_named(name):
    task = unlucky(targets=np.full(120, "anger"))
    with pytest.raises(CannotFit, match=f"{name} can't be fitted"):
        PreparedTask(task, PROTOCOLS["published"], jobs=1).search(CLASSIFIERS[name])


def test_infinite_embeddings_are_named():
    embeddings = unlucky().embeddings.copy()
    embeddings[[3, 90], 2] = np.inf, np.nan
    for protocol in PROTOCOLS.values():
        with pytest.raises(ValueError, match="of 120 embeddings have values that aren't finite"):
            PreparedTask(unlucky(embeddings=embeddings), protocol)

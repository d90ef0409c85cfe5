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
from serab.estimators import logistic_grid, logistic_problem
from serab.estimators.forest import predict_forests
from serab.estimators.grid import Fold, Workers, once_if_balanced, predict_each, predict_grid
from serab.estimators.logistic import SummedLossLogisticRegression
from serab.estimators.logistic_grid import predict_logistic
from serab.estimators.svm import fit_svm, predict_svms
from serab.protocol import PROTOCOLS
from serab.regression import regressors
from serab.search import CannotFit, PreparedTask, Task

TWO, ONE = Workers(2), Workers(1)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def emotional(n: int, dimensions: int, classes: int = 4, seed: int = 0):
    """Embeddings in which emotions overlap, and classes of unlike sizes."""
    random = np.random.default_rng(seed)
    shares = np.arange(2, classes + 2)
    targets = random.permutation(np.repeat(np.arange(classes), shares * n // shares.sum() + 1)[:n])
    means = random.normal(size=(classes, dimensions)) * (1 + np.arange(dimensions)) ** -0.5
    embeddings = random.normal(size=(n, dimensions)) + 1.5 * means[targets]
    return embeddings, np.array([f"emotion{k}" for k in targets])


def fold(n: int, dimensions: int, classes: int = 4, **changes) -> Fold:
    embeddings, targets = emotional(n + 80, dimensions, classes)
    return Fold(**{"x": embeddings[:n], "y": targets[:n], "tested": embeddings[n:]} | changes)


WIDE, TALL = (60, 150), (150, 20)
KINDS = ("as they come", "tied", "constant features", "equally many")


def of_kind(kind: str, shape: tuple[int, int]) -> Fold:
    made = fold(*shape)
    x, y, tested = made.x, made.y, made.tested
    if kind == "tied":  # few values, and every utterance twice, half of them with another emotion
        x, tested = np.round(2 * x) / 2, np.round(2 * tested) / 2
        half = len(x) // 2
        x[half:] = x[:half]
    elif kind == "constant features":
        x[:, ::3], tested[:, ::3] = 0.1, 0.1
        x[:, 1] = 1 + 1e-9 * x[:, 1]  # but for less than trees tell apart
    elif kind == "equally many":
        y = np.array([f"emotion{k % 4}" for k in range(len(x))])
    return Fold(x, y, tested)


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


@pytest.mark.parametrize("kind", KINDS)
def test_the_optimum_and_whom_it_settles(kind, monkeypatch):
    """Many utterances: found by fewer steps, with scikit-learn's predictions all the same."""
    monkeypatch.setattr(logistic_problem, "LARGE", 0)
    settle, remaining = logistic_grid._settled, []

    def settled(*arguments):
        found, others = settle(*arguments)
        remaining.append(len(others))
        return found, others

    monkeypatch.setattr(logistic_grid, "_settled", settled)
    candidate, made = CLASSIFIERS["LR"], of_kind(kind, (400, 60))
    points = list(ParameterGrid(dict(candidate.grid)))
    ours = predict_grid(candidate.predict, candidate.estimator, points, made, TWO)
    plain = predict_each(candidate.estimator, points, made, ONE)
    for mine, theirs in zip(ours, plain, strict=True):
        assert np.array_equal(mine, theirs)
    assert remaining[0] < len(points) / 2
    expected = np.roll(plain[len(plain) // 2], 20)  # as often wrong as right
    searched = Fold(made.x, made.y, made.tested, expected)
    ours = predict_grid(candidate.predict, candidate.estimator, points, searched, TWO)
    hits = [[(p == expected).sum() for p in found] for found in (ours, plain)]
    assert np.argmax(hits[0]) == np.argmax(hits[1])
    assert max(hits[0]) == max(hits[1])
    for point in ({"C": 1.0, "class_weight": "balanced"}, {"C": 1e5, "class_weight": None}):
        estimators = [clone(candidate.estimator).set_params(**point) for _ in range(2)]
        kept, usual = (
            candidate.fit(estimators[0], made.x, made.y),
            estimators[1].fit(made.x, made.y),
        )
        assert np.array_equal(kept.predict(made.tested), usual.predict(made.tested))
        assert kept.get_params() == usual.get_params()
        probabilities = [each.predict_proba(made.tested) for each in (kept, usual)]
        assert np.allclose(*probabilities, atol=0 if point["C"] == 1e5 else 1e-3)


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


def test_points_that_step_together():
    """Many utterances: one product serves the points at work, until the last one stops."""
    n, dimensions = 1100, 1000
    assert n * dimensions > logistic_problem.LARGE
    made = fold(n, dimensions)
    points = [{"C": c, "class_weight": w} for c in (1e-5, 1e-3, 1e5) for w in ("balanced", None)]
    estimator = CLASSIFIERS["LR"].estimator
    ours = predict_logistic(estimator, points, made, TWO)
    for mine, theirs in zip(ours, predict_each(estimator, points, made, ONE), strict=True):
        assert np.array_equal(mine, theirs)


def test_an_error_among_points_that_step_together(monkeypatch):
    """It is raised; nothing waits for a point that is gone."""

    def fail(self, points, parameters):
        raise FloatingPointError("broken")

    monkeypatch.setattr(logistic_problem, "LARGE", 0)
    monkeypatch.setattr(logistic_problem.Losses, "__call__", fail)
    with pytest.raises(FloatingPointError, match="broken"):
        predict_logistic(
            CLASSIFIERS["LR"].estimator, [{"C": 1.0}, {"C": 2.0}], fold(*TALL), ONE
        )  # fmt: skip


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


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_kept_svm_is_the_usual_one(kernel, kind):
    """All that scikit-learn remembers is there, as it would be after a fit of its own."""
    made, estimator = of_kind(kind, TALL), SVC(kernel=kernel, C=10.0, class_weight="balanced")
    kept, usual = fit_svm(clone(estimator), made.x, made.y), clone(estimator).fit(made.x, made.y)
    assert vars(kept).keys() == vars(usual).keys()
    for name, value in vars(usual).items():
        if isinstance(value, np.ndarray) and value.dtype == float:
            assert np.allclose(getattr(kept, name), value, atol=1e-6), name
        else:
            assert np.array_equal(getattr(kept, name), value), name
    assert np.array_equal(kept.predict(made.tested), usual.predict(made.tested))
    functions = [each.decision_function(made.tested) for each in (kept, usual)]
    assert np.allclose(*functions, atol=1e-6)


def test_matrices_that_would_be_too_large_are_not_made(monkeypatch):
    made, points = fold(*TALL), [{"C": 1.0, "kernel": kernel} for kernel in ("rbf", "linear")]
    ours = predict_svms(SVC(), points, made, ONE)
    monkeypatch.setattr("serab.estimators.svm._MOST_BYTES", 1000)
    monkeypatch.setattr("serab.estimators.svm._to_rbf", None)
    without = predict_svms(SVC(), points, made, ONE)
    assert all(np.array_equal(a, b) for a, b in zip(ours, without, strict=True))


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

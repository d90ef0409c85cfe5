"""Support vector machines of one kernel matrix: those that scikit-learn fits from embeddings."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.svm import SVC

from serab.estimators.svm import fit_svm, predict_svms
from tests.support.emotional import KINDS, ONE, TALL, fold, of_kind

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


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

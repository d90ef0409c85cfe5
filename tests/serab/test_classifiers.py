"""The five classifiers: the released grids, and two that keep scikit-learn's former behaviour."""

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ParameterGrid

from serab.classifier_names import check_classifiers
from serab.classifiers import CLASSIFIERS
from serab.estimators.logistic import SummedLossLogisticRegression
from serab.estimators.qda import CollinearQDA


def data(n: int = 300, dimensions: int = 6):
    return make_classification(
        n, dimensions, n_informative=5, n_redundant=0, n_classes=3, random_state=0
    )


def test_released_grids():
    sizes = {name: len(ParameterGrid(dict(c.grid))) for name, c in CLASSIFIERS.items()}
    assert sizes == {"LDA": 1, "QDA": 3, "LR": 22, "SVC": 44, "RF": 30}
    for name in ("LR", "SVC"):
        assert CLASSIFIERS[name].grid["C"] == pytest.approx(np.logspace(5, -5, 11))
        assert CLASSIFIERS[name].estimator.max_iter == 10_000
    assert CLASSIFIERS["LDA"].estimator.shrinkage == "auto"
    assert CLASSIFIERS["LDA"].estimator.solver == "lsqr"
    for name in ("LR", "SVC", "RF"):
        assert CLASSIFIERS[name].estimator.random_state == 42


@pytest.mark.parametrize("reg_param", [0.0, 0.1, 0.25])
def test_qda_is_a_normal_law_per_class(reg_param):
    x, y = data()
    ours = CollinearQDA(reg_param=reg_param).fit(x[:200], y[:200])
    laws = []
    for label in np.unique(y):
        own = x[:200][y[:200] == label]
        covariance = (1 - reg_param) * np.cov(own.T) + reg_param * np.eye(6)
        law = multivariate_normal(own.mean(axis=0), covariance).logpdf(x[200:])
        laws.append(law + np.log(len(own) / 200))
    expected = softmax(np.stack(laws, axis=1), axis=1)
    assert ours.predict_proba(x[200:]) == pytest.approx(expected, abs=1e-9)


def test_qda_takes_classes_smaller_than_the_dimension():
    x, y = data(60, 100)
    model = clone(CollinearQDA(reg_param=0.25)).fit(x, y)
    assert set(model.predict(x)) <= set(y)
    assert np.isfinite(model.decision_function(x)).all()
    with pytest.raises(ValueError, match="1 training utterance"):
        CollinearQDA().fit(x[:3], ["a", "a", "b"])


def test_logistic_regression_stops_by_the_summed_loss():
    x, y = data()
    ours = SummedLossLogisticRegression(C=1e5, max_iter=10_000).fit(x, y)
    same = LogisticRegression(C=1e5, max_iter=10_000, tol=1e-4 / len(y)).fit(x, y)
    sooner = LogisticRegression(C=1e5, max_iter=10_000).fit(x, y)
    assert np.array_equal(ours.coef_, same.coef_)
    assert not np.array_equal(ours.coef_, sooner.coef_)
    assert ours.tol == 1e-4


def test_names_are_checked():
    assert check_classifiers(None) == tuple(CLASSIFIERS) == ("LDA", "QDA", "LR", "SVC", "RF")
    assert check_classifiers(["SVC"]) == check_classifiers("SVC") == ("SVC",)
    for wrong in (["MLP"], [], 3):
        with pytest.raises(ValueError, match="LDA, QDA, LR, SVC, RF"):
            check_classifiers(wrong)

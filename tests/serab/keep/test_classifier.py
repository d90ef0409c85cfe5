"""Kept classifiers say what was recorded, know when they aren't what they were, and calibrate."""

import hashlib
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skops.io
from scipy.special import softmax
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from serab.classification import ClassificationRunner
from serab.classifiers import CLASSIFIERS
from serab.extractors.template import TemplateExtractor
from serab.keep import skops_file
from serab.keep.calibration import calibration_error, find_temperature, log_scores, probabilities
from serab.keep.classifier import EmotionClassifier
from serab.protocol import PROTOCOLS
from serab.results.kept import kept_path, read_kept, write_kept
from serab.results.run_files import RunFiles
from tests.support.small_corpus import make_corpus


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("data"), takes=3)


def evaluate(index, run_dir: Path, name: str, protocol: str = "strict") -> tuple:
    runner = ClassificationRunner(
        TemplateExtractor(), PROTOCOLS[protocol], RunFiles(run_dir), [name], jobs=1, keep=True
    )
    return runner.run(index)


@pytest.mark.parametrize("protocol", ["strict", "published"])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_predictions_are_the_recorded_ones(index, tmp_path, monkeypatch, name, protocol):
    """Of each classifier, loaded from its file and fitted by scikit-learn itself."""
    small = {"RF": {"max_depth": [5], "class_weight": ["balanced"]}, "SVC": {"C": [0.1, 1.0]}}
    grid = dict(CLASSIFIERS[name].grid) | small.get(name, {})
    monkeypatch.setitem(CLASSIFIERS, name, replace(CLASSIFIERS[name], grid=grid))
    (row,), split = evaluate(index, tmp_path, name, protocol)
    answers = RunFiles(tmp_path).predictions.find(row.slot)
    kept = EmotionClassifier(tmp_path, "EMV", protocol)
    prepared = ClassificationRunner(
        TemplateExtractor(), PROTOCOLS[protocol], RunFiles(tmp_path), [name], jobs=1
    ).prepared(split, "emotion")
    labels, shares = kept.predict(prepared.embeddings[prepared.task.n_fit :])
    assert labels == answers.predicted
    assert kept.kept.differs == 0
    assert shares.shape == (len(labels), len(index.emotions))
    assert np.allclose(shares.sum(axis=1), 1)
    if name != "SVC":  # whose votes may say otherwise
        assert [kept.kept.emotions[k] for k in shares.argmax(axis=1)] == labels
    confidence = shares.max(axis=1)
    error = calibration_error(confidence, np.array(labels) == prepared.task.test_targets)
    if name != "SVC":
        assert error == pytest.approx(kept.kept.calibration.error_after)
    speakers = {index.utterances[i].speaker for i in (*split.parts.train, *split.parts.validation)}
    assert set(kept.kept.speakers) == speakers
    assert kept.kept.calibration.utterances == row.n_val


def test_what_is_kept_is_completed(index, tmp_path):
    """A kill between result and classifier: the same run adds it, and changes nothing else."""
    evaluate(index, tmp_path, "LDA")
    path = kept_path(tmp_path, "EMV", "strict")
    files = [path, path.with_suffix(".skops"), *tmp_path.glob("*.jsonl")]
    before = {file: file.read_bytes() for file in files}
    for gone in ([path], [path, path.with_suffix(".skops")], [path.with_suffix(".skops")]):
        for file in gone:
            file.unlink()
        evaluate(index, tmp_path, "LDA")
        assert {file: file.read_bytes() for file in files} == before
    path.write_text(path.read_text().replace('"LDA"', '"QDA"'))
    evaluate(index, tmp_path, "LDA")
    assert {file: file.read_bytes() for file in files} == before
    stamp = path.stat().st_mtime_ns
    evaluate(index, tmp_path, "LDA")
    assert path.stat().st_mtime_ns == stamp


def path_of(run_dir: Path) -> Path:
    return kept_path(run_dir, "EMV", "strict")


def rewritten(run_dir: Path, content: bytes | None = None, **changes) -> None:
    """A kept classifier changed by somebody who mends the checksums."""
    path = path_of(run_dir)
    content = path.with_suffix(".skops").read_bytes() if content is None else content
    changes["sha256"] = hashlib.sha256(content).hexdigest()
    write_kept(run_dir, replace(read_kept(path), **changes), content)


def edit_json(run_dir: Path) -> None:
    path = path_of(run_dir)
    path.write_text(path.read_text().replace('"temperature": ', '"temperature": 1'))


def edit_skops(run_dir: Path) -> None:
    path = path_of(run_dir).with_suffix(".skops")
    path.write_bytes(path.read_bytes() + b" ")


class Foreign(LogisticRegression):
    """An estimator that isn't ours."""


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (edit_json, r"EMV-strict\.json: was changed since it was written"),
        (edit_skops, r"EMV-strict\.skops: was changed since it was written"),
        (lambda run: path_of(run).unlink(), "evaluate with keep=true"),
        (lambda run: path_of(run).with_suffix(".skops").unlink(), "can't be read"),
        (lambda run: rewritten(run, scikit_learn="1.6.0"), r"scikit-learn 1\.6\.0, here"),
        (lambda run: rewritten(run, format=2), "is of format 2, expected 1"),
        (lambda run: rewritten(run, pickle.dumps({})), "can't be read"),
        (lambda run: rewritten(run, skops.io.dumps({"a": 1})), "no fitted classifier"),
        (lambda run: rewritten(run, skops.io.dumps(Foreign())), "Foreign, which is no"),
        (lambda run: rewritten(run, emotions=["anger"]), "isn't the classifier that"),
    ],
)  # fmt: skip
def test_what_is_refused(index, tmp_path, change, expected):
    evaluate(index, tmp_path, "LDA")
    EmotionClassifier(tmp_path, "EMV", "strict")
    change(tmp_path)
    with pytest.raises(ValueError, match=expected) as refused:
        EmotionClassifier(tmp_path, "EMV", "strict")
    assert "\n" not in str(refused.value)


def test_a_forest_that_leads_astray_is_refused():
    """A tree's numbers are followed by compiled code: a wrong one could read foreign memory."""
    random = np.random.default_rng(0)
    forest = RandomForestClassifier(2, random_state=0)
    pipeline = Pipeline([("classifier", forest)])
    pipeline.fit(random.normal(0, 1, (40, 3)), np.arange(40) % 2)
    content = skops_file.classifier_bytes(pipeline)
    assert content == skops_file.classifier_bytes(pipeline)
    skops_file.classifier_from(content, "f.skops")
    for field, value in (("left_child", 10_000), ("right_child", 0), ("feature", 77)):
        changed = skops_file.classifier_from(content, "f.skops")
        tree = changed[-1].estimators_[0].tree_
        state = tree.__getstate__()
        state["nodes"] = state["nodes"].copy()
        state["nodes"][field][0] = value
        tree.__setstate__(state)
        with pytest.raises(ValueError, match="leads nowhere"):
            skops_file.classifier_from(skops_file.classifier_bytes(changed), "f.skops")


def test_a_support_vector_machine_of_other_sizes_is_refused():
    random = np.random.default_rng(0)
    x, y = random.normal(0, 1, (40, 3)), np.arange(40) % 3
    pipeline = Pipeline([("classifier", CLASSIFIERS["SVC"].estimator)]).fit(x, y)
    content = skops_file.classifier_bytes(pipeline)
    assert (skops_file.classifier_from(content, "s.skops").predict(x) == pipeline.predict(x)).all()
    pipeline[-1]._n_support = pipeline[-1]._n_support + 1_000
    with pytest.raises(ValueError, match="sizes don't fit"):
        skops_file.classifier_from(skops_file.classifier_bytes(pipeline), "s.skops")


def test_nothing_is_kept_where_none_is_asked_for(index, tmp_path):
    runner = ClassificationRunner(
        TemplateExtractor(), PROTOCOLS["strict"], RunFiles(tmp_path), ["LDA"], jobs=1
    )
    runner.run(index)
    assert not list(tmp_path.glob("classifiers"))


def test_temperature_is_found_again():
    """Labels drawn by the probabilities of scores over 3 give back 3, and no error is left."""
    random = np.random.default_rng(0)
    scores = random.normal(0, 6, (20_000, 4))
    shares = softmax(scores / 3, axis=1)
    classes = np.array(["a", "b", "c", "d"])
    true = classes[(shares.cumsum(axis=1) > random.random((20_000, 1))).argmax(axis=1)]
    temperature = find_temperature(scores, classes, true)
    assert temperature == pytest.approx(3, rel=0.03)
    right = classes[scores.argmax(axis=1)] == true
    before, after = (
        calibration_error(probabilities(scores, t).max(axis=1), right) for t in (1.0, temperature)
    )
    assert after < 0.015 < 0.1 < before
    with_unknown = np.where(np.arange(20_000) % 2 == 0, "e", true)
    assert find_temperature(scores, classes, with_unknown) == pytest.approx(3, rel=0.05)
    assert find_temperature(scores, classes, np.full(20_000, "e")) == 1.0


def test_calibration_error_by_hand():
    """Two bins: 0.95 and 1.0 (both right), 0.25 and 0.29 (one right)."""
    confidence, right = np.array([0.95, 1.0, 0.25, 0.29]), np.array([True, True, True, False])
    assert calibration_error(confidence, right) == pytest.approx((0.05 + (1 - 0.54)) / 4)


def test_scores_are_the_log_of_probabilities():
    random = np.random.default_rng(0)
    x = random.normal(0, 1, (60, 5))
    for classes in (2, 3):
        y = np.array(["a", "b", "c"])[np.arange(60) % classes]
        for name in ("LDA", "QDA", "LR"):
            pipeline = Pipeline([("classifier", CLASSIFIERS[name].estimator)]).fit(
                x + (y == "a")[:, None], y
            )
            shares = probabilities(log_scores(pipeline, x), 1.0)
            assert np.allclose(shares, pipeline.predict_proba(x))
    assert skops_file.OURS  # ours by name, and no module of another package
    assert all(name.startswith("serab.estimators.") for name in skops_file.OURS)

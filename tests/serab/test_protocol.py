"""The two protocols on made embeddings: what they normalise by, choose by and look at."""

import ast
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from serab.classifiers import CLASSIFIERS
from serab.estimators.grid import Candidate
from serab.protocol import PROTOCOLS, protocol_named, split_seeds
from serab.search import PreparedTask, Task, normalise_by_speaker
from tests.support.paths import sources

PUBLISHED, STRICT = PROTOCOLS["published"], PROTOCOLS["strict"]


def make_task(seed: int = 0) -> Task:
    """Six speakers with offsets and scales of their own, three emotions, 60 + 30 + 30 rows."""
    random = np.random.default_rng(seed)
    targets = np.array(["anger", "fear", "neutral"])[np.arange(120) % 3]
    speakers = np.repeat(["s1", "s2", "s3", "s4", "s5", "s6"], 20)
    embeddings = random.normal(0, 1, (120, 8))
    embeddings[:, 0] += 2.0 * (targets == "anger") - 2.0 * (targets == "fear")
    offset, scale = random.normal(0, 3, (6, 8)), random.uniform(0.5, 2, (6, 8))
    who = np.repeat(np.arange(6), 20)
    embeddings = embeddings * scale[who] + offset[who]
    return Task(embeddings.astype(np.float32), targets, speakers, 60, 30)


LR = Candidate("LR", LogisticRegression(), {"C": [1e-4, 1.0, 10.0]})


def test_normalised_by_speaker_within_each_part():
    task = make_task()
    split_speaker = replace(task, n_train=70)  # s4 is in training and in validation
    normalised = normalise_by_speaker(split_speaker)
    for start, end in ((0, 70), (70, 100), (100, 120)):
        for speaker in np.unique(task.speakers[start:end]):
            rows = start + np.flatnonzero(task.speakers[start:end] == speaker)
            assert normalised[rows].mean(axis=0) == pytest.approx(np.zeros(8), abs=1e-6)
            assert normalised[rows].std(axis=0) == pytest.approx(np.ones(8), abs=1e-6)  # ddof 0


def test_a_constant_dimension_stays_zero():
    task = make_task()
    task.embeddings[:, 3] = 7.0
    assert np.array_equal(normalise_by_speaker(task)[:, 3], np.zeros(120))


def test_search_is_scikit_learns():
    task = make_task()
    prepared = PreparedTask(task, STRICT, jobs=1)
    searched = prepared.search(LR)
    theirs = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression()),
        {"logisticregression__C": [1e-4, 1.0, 10.0]},
        cv=PredefinedSplit(np.r_[np.full(60, -1), np.zeros(30, int)]),
    ).fit(task.embeddings[:90].astype(float), task.targets[:90])
    assert searched.val_score == theirs.best_score_
    assert searched.params == {"C": theirs.best_params_["logisticregression__C"]}
    predicted = prepared.predict_test(LR, searched.params)
    assert np.array_equal(predicted, theirs.predict(task.embeddings[90:].astype(float)))


def test_the_first_of_equal_points_wins():
    equal = Candidate("LR", LogisticRegression(), {"C": [5.0, 5.0 + 1e-9]})
    assert PreparedTask(make_task(), STRICT, jobs=1).search(equal).params == {"C": 5.0}


def test_strict_doesn_t_look_at_the_test_part():
    task = make_task()
    other = replace(task, embeddings=task.embeddings.copy())
    other.embeddings[91:] = 1e3  # all but one test utterance, and the speaker's other ones
    ours, theirs = (PreparedTask(t, STRICT, jobs=1) for t in (task, other))
    assert ours.search(LR).val_score == theirs.search(LR).val_score
    assert ours.predict_test(LR, {"C": 1.0})[0] == theirs.predict_test(LR, {"C": 1.0})[0]


def test_published_does_by_the_speaker_s_other_utterances():
    """Named as a leak of the released protocol; were it gone, the paper's cells would be too."""
    task = make_task()
    assert PUBLISHED.per_speaker
    changed = replace(task, embeddings=task.embeddings.copy())
    changed.embeddings[91:110] += 5
    before, after = normalise_by_speaker(task)[90], normalise_by_speaker(changed)[90]
    assert not np.allclose(before, after)


def test_published_forgives_a_speaker_s_offset_and_strict_doesn_t():
    scores = {}
    for protocol in (PUBLISHED, STRICT):
        task = make_task()
        prepared = PreparedTask(task, protocol, jobs=1)
        predicted = prepared.predict_test(CLASSIFIERS["LDA"], {})
        scores[protocol.name] = (predicted == task.test_targets).mean()
    assert scores["published"] > scores["strict"] + 0.1


def test_names_and_splits_are_checked():
    assert protocol_named("strict") is STRICT
    with pytest.raises(ValueError, match="published, strict"):
        protocol_named("lenient")
    assert list(split_seeds(STRICT, 3)) == [0, 1, 2]
    with pytest.raises(ValueError, match="protocol=strict"):
        split_seeds(PUBLISHED, 5)
    for wrong in (0, -1, 2.5):
        with pytest.raises(ValueError, match="number from 1"):
            split_seeds(STRICT, wrong)


def test_a_protocols_name_is_compared_nowhere():
    """Rooms ask its fields, so a third protocol needs no search for `== "published"`."""
    names = set(PROTOCOLS)
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare):
                constants = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)}
                assert not constants & names, f"{path}:{node.lineno} compares a protocol's name"

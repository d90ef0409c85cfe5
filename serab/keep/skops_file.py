"""A fitted classifier as a skops file: equal ones are equal bytes, and nothing foreign is run.

skops writes arrays and a description; what it makes again are estimators whose types are named.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC

from serab.classifiers import CLASSIFIERS

_SCHEMA = "schema.json"
OURS = tuple(
    f"{type(candidate.estimator).__module__}.{type(candidate.estimator).__qualname__}"
    for candidate in CLASSIFIERS.values()
    if type(candidate.estimator).__module__.startswith("serab.")
)
TRUSTED = (*OURS, "sklearn.tree._tree.Tree")
"""Beside what skops trusts itself; what compiled code follows unchecked is looked at below."""


def classifier_bytes(classifier: Pipeline) -> bytes:
    """The content of a skops file; the same for the same classifier in any process."""
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(classifier))) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(contents.pop(_SCHEMA))
    # skops names objects and arrays by their place in memory: count them instead
    numbers: dict[str, int] = {}
    names: dict[str, str] = {}
    for count, node in enumerate(_nodes(schema)):
        key = str(node["__id__"])
        if node.get("__loader__") == "JsonNode":  # texts and numbers may be one object or several
            key = f"text {count}"
        node["__id__"] = numbers.setdefault(key, len(numbers))
        if "file" in node:
            names.setdefault(node["file"], f"{len(names)}{Path(node['file']).suffix}")
            node["file"] = names[node["file"]]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, shown in names.items():
            archive.writestr(_entry(shown), contents[name], zipfile.ZIP_DEFLATED)
        text = json.dumps(schema, indent=1)
        archive.writestr(_entry(_SCHEMA), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def classifier_from(content: bytes, source: str) -> Pipeline:
    """The classifier of a skops file.

    Args:
        content: of the file.
        source: its name, for errors.

    Raises:
        ValueError: it holds anything else than the benchmark's estimators; names the file.
    """
    try:
        foreign = sorted(set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED))
        classifier = None if foreign else skops.io.loads(content, trusted=list(TRUSTED))
    except Exception as error:  # of skops and numpy, on bytes that may be anything
        raise ValueError(f"{source}: can't be read ({error}); evaluate again.") from error
    if foreign:
        raise ValueError(
            f"{source}: holds {foreign[0]}, which is no classifier of the benchmark and isn't run; "
            "evaluate again."
        )
    if not isinstance(classifier, Pipeline) or not hasattr(classifier, "classes_"):
        raise ValueError(f"{source}: holds no fitted classifier; evaluate again.")
    estimator = classifier[-1]
    if isinstance(estimator, RandomForestClassifier):
        for tree in estimator.estimators_:
            _check_tree(tree.tree_, estimator.n_features_in_, source)
    if isinstance(estimator, SVC):
        _check_svc(estimator, source)
    return classifier


def _check_tree(tree: Any, features: int, source: str) -> None:
    """Compiled code follows a tree's numbers unchecked: they must stay within it and lead down."""
    place = np.arange(tree.node_count)
    left, right = tree.children_left, tree.children_right
    inner = left != -1
    below = (left > place) & (right > place) & (np.maximum(left, right) < tree.node_count)
    known = (tree.feature >= 0) & (tree.feature < features)
    if tree.node_count < 1 or not (below & known)[inner].all() or (right[~inner] != -1).any():
        raise ValueError(f"{source}: holds a tree that leads nowhere; evaluate again.")


def _check_svc(svc: SVC, source: str) -> None:
    """As of a tree: libsvm takes the number of support vectors on trust."""
    classes, (vectors, features) = len(svc.classes_), svc.support_vectors_.shape
    pairs = classes * (classes - 1) // 2
    fits = (
        (svc._n_support >= 0).all()
        and len(svc._n_support) == classes
        and svc._n_support.sum() == len(svc.support_) == vectors
        and svc._dual_coef_.shape == (classes - 1, vectors)
        and svc._intercept_.shape == (pairs,)
        and features == svc.n_features_in_
    )
    if not fits:
        raise ValueError(f"{source}: holds an SVC whose sizes don't fit; evaluate again.")


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """The objects of skops' description, from the outside in."""
    if isinstance(value, dict):
        if "__id__" in value:
            yield value
        for item in value.values():
            yield from _nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from _nodes(item)


def _entry(name: str) -> zipfile.ZipInfo:
    """Without the time of day."""
    return zipfile.ZipInfo(name)

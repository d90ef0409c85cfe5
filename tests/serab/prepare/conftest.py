"""A corpus as its provider gives it, and a place for what is made of it."""

import pytest

from tests.support.corpus_trees import provider_paths, write_tree


@pytest.fixture
def savee(tmp_path):
    """A whole SAVEE in a folder: the smallest of the nine."""
    write_tree(tmp_path / "in", provider_paths("SAV"))
    return tmp_path / "in"


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("SERAB_DATA", str(tmp_path / "data"))
    return tmp_path / "data"

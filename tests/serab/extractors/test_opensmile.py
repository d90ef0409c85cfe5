"""openSMILE is an extra: without it the error says on which terms one gets it."""

from importlib.metadata import PackageNotFoundError

import pytest

from serab.extractors import opensmile


def test_without_it_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(opensmile, "version", absent)
    with pytest.raises(ValueError, match=r"non-commercial.*pip install opensmile==\S+\.$"):
        opensmile.OpenSmileExtractor()

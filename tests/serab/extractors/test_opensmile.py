"""openSMILE's feature sets and levels, by the library's own names; without it, on which terms."""

from importlib.metadata import PackageNotFoundError

import pytest

from serab.extractors import opensmile
from serab.extractors.opensmile import OpenSmileExtractor


def test_without_it_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(opensmile, "version", absent)
    with pytest.raises(ValueError, match=r"non-commercial.*pip install opensmile==\S+\.$"):
        opensmile.OpenSmileExtractor()


def test_names_and_fingerprints_tell_sets_apart():
    paper, small = OpenSmileExtractor(), OpenSmileExtractor("eGeMAPSv02")
    frames = OpenSmileExtractor("eGeMAPSv02", "LowLevelDescriptors")
    assert paper.name == "opensmile"
    assert paper.fingerprint.startswith("ComParE_2016 functionals, ")  # as caches have it
    assert small.name == "opensmile_eGeMAPSv02"
    assert frames.name == "opensmile_eGeMAPSv02_LowLevelDescriptors"
    assert len({paper.fingerprint, small.fingerprint, frames.fingerprint}) == 3


@pytest.mark.parametrize(
    ("feature_set", "level", "match"),
    [
        ("eGeMAPS02", "Functionals", r"extractor\.feature_set=eGeMAPS02: expected one of ComParE"),
        ("IS09", "lld", r"extractor\.feature_level=lld: expected one of LowLevelDescriptors"),
        ("eGeMAPSv02", "LowLevelDescriptors_Deltas", "eGeMAPSv02 has no such level; use"),
    ],
)
def test_what_opensmile_does_not_have(feature_set: str, level: str, match: str):
    with pytest.raises(ValueError, match=match):
        OpenSmileExtractor(feature_set, level)

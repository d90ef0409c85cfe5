"""EmoDB from the archive that its site offers: the whole way from zip to split, on real speech."""

import pytest

from serab.index import load_index
from serab.prepare.corpus import prepare
from serab.protocol import PROTOCOLS
from serab.splits import leak_report, split
from tests.support.paths import SHARED

ARCHIVE = SHARED / "data/emodb/download.zip"
pytestmark = pytest.mark.skipif(
    not ARCHIVE.is_file(), reason=f"EmoDB isn't in {SHARED} (SERAB_SHARED chooses the place)"
)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    prepare("EMB", [ARCHIVE], root)
    return load_index("EMB", root)


def test_counts(index):
    assert len(index.utterances) == 535
    assert len({u.speaker for u in index.utterances}) == 10
    assert {u.emotion for u in index.utterances} == set(index.emotions)
    assert len(index.emotions) == 7
    mean = sum(u.seconds for u in index.utterances) / 535
    assert mean == pytest.approx(2.8, abs=0.05)
    assert not index.partial
    assert index.notes == ()


@pytest.mark.parametrize("protocol", PROTOCOLS.values())
def test_split(index, protocol):
    parts = split(index, protocol)
    assert parts.speakers == {
        "train": ("08", "09", "11", "13", "15", "16"),
        "validation": ("10", "14"),
        "test": ("03", "12"),
    }
    assert len(parts.test) == 84
    assert len(parts.train) + len(parts.validation) + len(parts.test) == 535
    assert leak_report(index, parts).clean


def test_unpacked_folder_gives_the_same_index(index, tmp_path):
    again = prepare("EMB", [index.root], tmp_path)
    assert again.digest == index.digest
    assert [u.id for u in again.utterances] == [u.id for u in index.utterances]
    assert load_index("EMB", tmp_path).root == index.root.resolve()

"""An index that was edited, outlived its audio or was damaged is refused; a copied one is not."""

import json
import os
import shutil

import pytest

from serab.index import CorpusIndexError, data_root, load_index, prepared
from serab.prepare.corpus import prepare
from tests.support.corpus_trees import write_wav


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A small corpus of one's own, prepared."""
    rows = ["path,speaker,emotion"]
    for number in range(6):
        write_wav(tmp_path / f"audio/{number}.wav", samples=1600)
        rows.append(f"{number}.wav,s{number % 3},{'joy' if number % 2 else 'anger'}")
    (tmp_path / "audio/mine.csv").write_text("\n".join(rows) + "\n")
    monkeypatch.setenv("SERAB_DATA", str(tmp_path / "data"))
    prepare("CUSTOM", [tmp_path / "audio/mine.csv"])
    return tmp_path / "data"


def test_what_is_written_is_read(root, tmp_path):
    index = load_index("CUSTOM")
    assert data_root() == root
    assert prepared() == prepared(root) == ["CUSTOM"]
    assert [u.id for u in index.utterances] == [f"{n}.wav" for n in range(6)]
    assert index.utterances[0].seconds == 0.1
    assert index.utterances[0].valence is None
    assert index.root == tmp_path / "audio"
    assert len(index.digest) == 64


def test_default_root(monkeypatch):
    monkeypatch.delenv("SERAB_DATA", raising=False)
    assert str(data_root()) == "data"


def test_not_prepared(root):
    with pytest.raises(CorpusIndexError, match=r"EMB isn't prepared .* serab.prepare EMB --source"):
        load_index("EMB")


def test_edited_by_hand(root):
    table = root / "CUSTOM/index.csv"
    table.write_text(table.read_text().replace(",joy,", ",anger,", 1))
    with pytest.raises(CorpusIndexError, match=r"index\.csv: was changed after it was prepared"):
        load_index("CUSTOM")


@pytest.mark.parametrize("change", [{"emotions": ["joy"]}, {"digest": "0" * 64}])
def test_metadata_edited_by_hand(change, root):
    path = root / "CUSTOM/index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CorpusIndexError, match=r"index\.json: was changed by hand"):
        load_index("CUSTOM")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}', '{"format": 1}'])
def test_metadata_damaged(text, root):
    (root / "CUSTOM/index.json").write_text(text)
    with pytest.raises(CorpusIndexError, match="damaged or of another version"):
        load_index("CUSTOM")


def test_table_gone(root):
    (root / "CUSTOM/index.csv").unlink()
    with pytest.raises(CorpusIndexError, match=r"index.csv: can't be read"):
        load_index("CUSTOM")


def test_audio_newer_than_the_index(root, tmp_path):
    write_wav(tmp_path / "audio/3.wav", samples=1600)  # same size, other samples
    with pytest.raises(CorpusIndexError, match=r"3\.wav: changed .* older than the audio"):
        load_index("CUSTOM")


def test_audio_of_another_size(root, tmp_path):
    stat = (tmp_path / "audio/3.wav").stat()
    write_wav(tmp_path / "audio/3.wav", samples=800)
    os.utime(tmp_path / "audio/3.wav", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(CorpusIndexError, match=r"3\.wav: changed"):
        load_index("CUSTOM")


def test_audio_gone(root, tmp_path):
    (tmp_path / "audio/3.wav").unlink()
    with pytest.raises(CorpusIndexError, match=r"3\.wav: has gone"):
        load_index("CUSTOM")
    shutil.rmtree(tmp_path / "audio")
    with pytest.raises(CorpusIndexError, match=r"audio folder .* has gone"):
        load_index("CUSTOM")


def test_touched_but_equal_audio_is_fine(root, tmp_path):
    digest = load_index("CUSTOM").digest
    for path in (tmp_path / "audio").glob("*.wav"):
        os.utime(path, (1, 1))  # as after a copy that doesn't keep times
    assert load_index("CUSTOM").digest == digest


def test_digest_tells_labels_apart(root, tmp_path):
    digest = load_index("CUSTOM").digest
    table = tmp_path / "audio/mine.csv"
    table.write_text(table.read_text().replace("5.wav,s2,joy", "5.wav,s2,anger"))
    assert prepare("CUSTOM", [table]).digest != digest


def test_partial_turned_to_false(root, tmp_path):
    (tmp_path / "audio/5.wav").write_bytes(b"")
    prepare("CUSTOM", [tmp_path / "audio/mine.csv"], allow_partial=True)
    path = root / "CUSTOM/index.json"
    whole = json.loads(path.read_text())
    assert load_index("CUSTOM").partial
    for change in ({"partial": False}, {"corrupt": []}, {"code": "EMB"}):
        path.write_text(json.dumps(whole | change))
        with pytest.raises(CorpusIndexError, match=r"index\.json: was changed by hand"):
            load_index("CUSTOM")


def test_format_1_is_read_while_it_holds(root, tmp_path):
    (tmp_path / "audio/5.wav").write_bytes(b"")
    index = prepare("CUSTOM", [tmp_path / "audio/mine.csv"], allow_partial=True)
    path = root / "CUSTOM/index.json"
    old = json.loads(path.read_text()) | {"format": 1, "digest": index.first_digest}
    path.write_text(json.dumps(old))
    assert load_index("CUSTOM").digest == index.digest != index.first_digest


@pytest.mark.parametrize("value", [None, "word", -1, 1e9, [1], {}, float("nan")])
@pytest.mark.parametrize("key", ["emotions", "missing", "unpacked", "partial", "digest"])
def test_metadata_of_other_types(key, value, root):
    path = root / "CUSTOM/index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(CorpusIndexError, match=r"index\.json: (damaged|was changed)"):
        load_index("CUSTOM")

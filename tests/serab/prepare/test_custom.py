"""Tables of a corpus that nobody knows."""

import pytest

from serab.index import load_index
from serab.prepare.__main__ import main
from serab.prepare.corpus import prepare
from tests.support.corpus_trees import write_wav
from tests.support.prepare_command import refused


def test_custom(capsys, root, tmp_path):
    for name in ("a/1.wav", "a/2.wav", "b/3.wav"):
        write_wav(tmp_path / name)
    table = tmp_path / "mine.csv"
    table.write_text("path,speaker,emotion\na/1.wav,x,joy\na/2.wav,y,anger\nb/3.wav,z,joy\n")
    assert main(["custom", "--source", str(table)]) == 0
    index = load_index("CUSTOM")
    assert index.emotions == ("anger", "joy")
    assert next((u.path, u.speaker, u.emotion) for u in index.utterances) == ("a/1.wav", "x", "joy")
    assert all(index.audio(u).is_file() for u in index.utterances)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"name,speaker,emotion\na.wav,x,joy\n", "lacks the column(s) path"),
        (b"path,speaker,emotion\na.wav,,joy\n", "line 2: path, speaker or emotion is empty"),
        (
            b"path,speaker,emotion\na.wav,x,joy\na.wav,x,joy\n",
            "line 3: a.wav is there twice, first in line 2",
        ),
        (b"path,speaker,emotion\n", "lists no recordings"),
        (b"path,speaker,emotion\nCol\xe8re.wav,x,joy\n", "not UTF-8"),
        (b"path,speaker,emotion\na.wav,x,joy\nno.wav,y,joy\n", "corrupt: no.wav"),
    ],
)
def test_custom_tables_that_cannot_be_used(text, said, capsys, root, tmp_path):
    write_wav(tmp_path / "a.wav")
    (tmp_path / "mine.csv").write_bytes(text)
    assert said in refused(capsys, "CUSTOM", "--source", tmp_path / "mine.csv")
    assert not root.exists()


@pytest.mark.parametrize("separator", [";", "\t"])
def test_custom_tables_with_other_separators(separator, root, tmp_path):
    for name in ("1.wav", "2.wav"):
        write_wav(tmp_path / name)
    lines = ("path,speaker,emotion", "1.wav,x,joy", "2.wav,y,anger")
    text = "\r\n".join(lines).replace(",", separator)
    (tmp_path / "mine.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert len(prepare("CUSTOM", [tmp_path / "mine.csv"]).utterances) == 2


def test_one_emotion_is_refused(capsys, root, tmp_path):
    for name in ("1.wav", "2.wav"):
        write_wav(tmp_path / name)
    (tmp_path / "mine.csv").write_text("path,speaker,emotion\n1.wav,x,joy\n2.wav,y,joy\n")
    said = refused(capsys, "CUSTOM", "--source", tmp_path / "mine.csv")
    assert "all 2 recordings have one emotion, joy" in said


def test_one_recording_under_two_labels(capsys, root, tmp_path):
    write_wav(tmp_path / "1.wav")
    (tmp_path / "mine.csv").write_text("path,speaker,emotion\n1.wav,x,joy\n./1.wav,x,anger\n")
    said = refused(capsys, "CUSTOM", "--source", tmp_path / "mine.csv")
    assert "line 3: ./1.wav" in said

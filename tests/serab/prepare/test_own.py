"""Corpora of users: any name, columns, parts of recordings, audio in parquet, official parts."""

import io
import json
import wave

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile as sf

from datamodules.audio import read_audio
from serab.corpora import CORPORA
from serab.index import load_index
from serab.prepare.__main__ import main
from serab.prepare.corpus import prepare
from serab.prepare.errors import PrepareError
from serab.protocol import STRICT
from serab.splits import leak_report, split
from serab.tasks import choose_tasks, task_codes
from tests.support.corpus_trees import write_wav

CAMEO = (
    *("cafe", "crema_d", "emns", "emozionalmente", "enterface", "jl_corpus", "mesd", "nemo"),
    *("oreau", "pavoque", "ravdess", "resd", "subesco"),
)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("SERAB_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def write_table(path, rows, header="path,speaker,emotion"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def write_recordings(folder, names):
    for name in names:
        write_wav(folder / name, samples=1600)


def speakers_table(tmp_path, extra="", column=""):
    """Six recordings of three speakers and two emotions; `extra(number)` adds cells."""
    write_recordings(tmp_path, [f"{n}.wav" for n in range(6)])
    rows = [
        f"{n}.wav,s{n // 2},{'joy' if n % 2 else 'anger'}{extra and extra(n)}" for n in range(6)
    ]
    return write_table(tmp_path / "mine.csv", rows, f"path,speaker,emotion{column}")


def test_any_number_under_any_name(root, tmp_path, capsys):
    table = speakers_table(tmp_path)
    assert main(["my_Corpus", "--source", str(table)]) == 0
    assert main(["OTHER-2", "--source", str(table)]) == 0
    assert main(["--list"]) == 0
    shown = capsys.readouterr().out
    assert "your own:\nMY_CORPUS" in shown
    assert str(table) in shown.split("your own:")[1].splitlines()[2]
    assert task_codes(["OTHER-2", "my_corpus"]) == ["OTHER-2", "MY_CORPUS"]
    first, second = choose_tasks(["MY_CORPUS", "OTHER-2"]).classification
    assert first.digest == second.digest
    assert len(split(first, STRICT).test) == 2
    assert "MY_CORPUS" not in CORPORA
    with pytest.raises(ValueError, match=r"tasks: NEVER; expected codes among .*MY_CORPUS"):
        task_codes(["NEVER"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../X", "no name for a corpus"),
        ("A", "no name for a corpus"),
        ("1ST", "no name for a corpus"),
        ("[BOLD]", "no name for a corpus"),
        ("IEM_VA", "IEM_VA: this name is taken"),
    ],
)
def test_names_that_cannot_be(name, said, root, tmp_path, capsys):
    assert main([name, "--source", str(speakers_table(tmp_path))]) == 1
    assert said in capsys.readouterr().err
    assert not root.exists()


def test_all_columns_in_other_words(root, tmp_path):
    write_recordings(tmp_path, ["a/1.wav", "a/2.wav", "b/3.wav"])
    header = "File_Name;Speaker_ID;Emotion;Gender;Age;Language;Transcription;Valence;Arousal;Note"
    rows = [
        "a\\1.wav;x;joy;Female;31;German;Guten Tag;4,5;2;-".replace("4,5", "4.5"),
        f"{tmp_path}/a/2.wav;y;anger;m;;German;;;;",
        "./b/3.wav;z;joy;other;twenties;;;;;",
    ]
    table = tmp_path / "mine.csv"
    table.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([header, *rows]).encode())
    prepare("MINE", [table])
    index = load_index("MINE")
    by_speaker = {u.speaker: u for u in index.utterances}
    first = by_speaker["x"]
    assert (first.sex, first.age, first.language, first.text) == (
        "female", 31.0, "German", "Guten Tag",
    )  # fmt: skip
    assert (first.valence, first.arousal) == (4.5, 2.0)
    assert (by_speaker["y"].sex, by_speaker["y"].age) == ("male", None)
    assert by_speaker["z"].sex is None
    assert index.notes[:2] == (
        "1 rows have a sex other than female and male, taken as not known",
        "1 rows have an age that is no number of years, taken as not known",
    )


def test_parts_of_longer_recordings(root, tmp_path):
    times = np.arange(3 * 16_000, dtype=np.float32)
    sf.write(tmp_path / "long.wav", times / times.size, 16_000, "FLOAT")
    rows = [
        "long.wav,x,joy,0,1",
        "long.wav,x,anger,1,0 days 00:00:02.500000",
        "long.wav,y,joy,2.5,",
        "short.wav,y,anger,0,NaT",
    ]
    write_recordings(tmp_path, ["short.wav"])
    prepare("PARTS", [write_table(tmp_path / "mine.csv", rows, "file,speaker,emotion,start,end")])
    index = load_index("PARTS")
    assert [u.id for u in index.utterances] == [
        "long.wav#0-1", "long.wav#1-2.5", "long.wav#2.5-end", "short.wav",
    ]  # fmt: skip
    assert [round(u.seconds, 2) for u in index.utterances] == [1, 1.5, 0.5, 0.1]
    waveform, _ = read_audio(index.audio(index.utterances[1]))
    assert np.array_equal(waveform, times[16_000:40_000] / times.size)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("long.wav,y,anger,2,2", "line 3: ends at 2 s and starts at 2 s"),
        ("long.wav,y,anger,-1,2", "line 3: start is -1 s; expected 0 or more"),
        ("long.wav,y,anger,soon,2", "line 3: start is 'soon'; expected a number"),
        ("long.wav,y,anger,2,9", "line 3: the part from 2 s to 9 is beyond the end of long.wav"),
        ("long.wav,y,anger,5,", "line 3: the part from 5 s to end is beyond the end of long.wav"),
        ("long.wav,x,joy,0,1", "line 3: long.wav is there twice, first in line 2"),
        ("gone.wav,y,anger,0,1", "corrupt: "),
    ],
)
def test_parts_that_cannot_be(row, said, root, tmp_path, capsys):
    sf.write(tmp_path / "long.wav", np.zeros(3 * 16_000, np.float32), 16_000)
    header = "path,speaker,emotion,start,end"
    table = write_table(tmp_path / "mine.csv", ["long.wav,x,joy,0,1", row], header)
    assert main(["PARTS", "--source", str(table)]) == 1
    assert said in capsys.readouterr().err
    assert not (root / "PARTS").exists()


def test_official_parts_are_kept(root, tmp_path):
    parts = ["train", "train", "dev", "dev", "test", "test"]
    prepare("SPLIT", [speakers_table(tmp_path, lambda n: f",{parts[n]}", ",split")])
    index = load_index("SPLIT")
    for seed in (0, 1):
        divided = split(index, STRICT, seed)
        assert divided.speakers == {"train": ("s0",), "validation": ("s1",), "test": ("s2",)}
    unsplit = prepare("SPLIT", [speakers_table(tmp_path)])
    assert unsplit.digest != index.digest


def test_training_speakers_validate_where_nobody_does(root, tmp_path):
    parts = ["train"] * 4 + ["test"] * 2
    index = prepare("SPLIT", [speakers_table(tmp_path, lambda n: f",{parts[n]}", ",split")])
    divided = split(index, STRICT)
    assert divided.speakers["test"] == ("s2",)
    assert sorted(divided.speakers["train"] + divided.speakers["validation"]) == ["s0", "s1"]
    assert leak_report(index, divided).clean


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (["train", "", "dev", "dev", "test", "test"], "1 of 6 rows have no split"),
        (["train"] * 6, "its split column names no test part"),
        (["train", "later", "dev", "dev", "test", "test"], "line 3: split is 'later'"),
        (["train", "dev", "dev", "dev", "test", "test"], "test part has utterances of joy"),
    ],
)
def test_official_parts_that_cannot_be(parts, said, root, tmp_path, capsys):
    table = speakers_table(tmp_path, lambda n: f",{parts[n]}", ",split")
    assert main(["SPLIT", "--source", str(table)]) == 1
    assert said in capsys.readouterr().err
    assert not root.exists()


def test_a_speaker_in_two_official_parts_is_named(root, tmp_path):
    parts = ["train", "train", "train", "train", "test", "test"]
    table = speakers_table(tmp_path, lambda n: f",{parts[n]}", ",split")
    table.write_text(table.read_text().replace("5.wav,s2", "5.wav,s0"))
    index = prepare("LEAK", [table])
    assert any(
        "a leak: 1 speakers are in more than one official part (s0)" in n for n in index.notes
    )
    with pytest.raises(ValueError, match="leave 1 speaker"):
        split(index, STRICT)


def packed(number, channels=1):
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(np.full(1600 * channels, number + 1, "<i2").tobytes())
    return content.getvalue()


def write_cameo(path, corpus, emotions=("anger", "happiness")):
    """A table as CAMEO's: one schema for 13 corpora, audio as bytes."""
    rows = []
    for speaker in range(3):
        for emotion in emotions:
            name = f"{corpus}_{speaker}_{emotion}.flac"
            rows.append(
                {
                    "file_id": name,
                    "audio": {"bytes": packed(len(rows)), "path": name},
                    "emotion": emotion,
                    "transcription": "Guten Tag.",
                    "speaker_id": f"{corpus}_{speaker}",
                    "gender": "female",
                    "age": "31.0" if speaker else None,
                    "dataset": corpus,
                    "language": "German",
                    "license": "CC BY 4.0",
                }
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=4)
    return path


def test_thirteen_corpora_of_cameo(root, tmp_path):
    for corpus in CAMEO:
        table = write_cameo(tmp_path / f"cameo/data/{corpus}-00000-of-00001.parquet", corpus)
        index = prepare(f"CAMEO_{corpus}", [table])
        assert len(index.utterances) == 6
        assert index.emotions == ("anger", "happiness")
    index = load_index("CAMEO_RESD")
    first = index.utterances[0]
    assert first.id == "resd_0_anger.flac"
    assert (first.speaker, first.sex, first.age, first.text) == (
        "resd_0", "female", None, "Guten Tag.",
    )  # fmt: skip
    assert index.utterances[-1].age == 31.0
    assert index.audio(first).parent == root / "CAMEO_RESD/audio"
    waveform, rate = read_audio(index.audio(first))
    assert (rate, waveform[0]) == (16_000, 1 / 32768)


def test_shards_of_the_hub_with_numbered_classes(root, tmp_path):
    features = {"label": {"names": ["anger", "joy"], "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    for shard in range(2):
        rows = [
            {
                "audio": {"bytes": packed(10 * shard + n), "path": None},
                "label": n % 2,
                "speaker_id": 10 * shard + n // 2,
            }
            for n in range(4)
        ]
        table = pa.Table.from_pylist(rows).replace_schema_metadata(metadata)
        pq.write_table(table, tmp_path / f"train-0000{shard}.parquet")
    shards = [tmp_path / f"train-0000{shard}.parquet" for shard in range(2)]
    index = prepare("HUB", shards)
    assert index.emotions == ("anger", "joy")
    assert [u.speaker for u in index.utterances] == ["0", "0", "1", "1", "10", "10", "11", "11"]


def test_parquet_that_cannot_be_used(root, tmp_path):
    table = tmp_path / "mine.parquet"
    pq.write_table(pa.table({"audio": ["1.wav"], "mood": ["joy"]}), table)
    with pytest.raises(ValueError, match=r"lacks the column\(s\) speaker, emotion; it has audio"):
        prepare("MINE", [table])
    table.write_bytes(table.read_bytes()[:40])
    with pytest.raises(ValueError, match="no parquet file, or a damaged one"):
        prepare("MINE", [table])
    broken = write_cameo(tmp_path / "broken.parquet", "cafe")
    rows = pq.read_table(broken).to_pylist()
    rows[2]["audio"]["bytes"] = b"no audio"
    pq.write_table(pa.Table.from_pylist(rows), broken)
    with pytest.raises(PrepareError, match="5 utterances can be used") as refusal:
        prepare("MINE", [broken])
    assert "corrupt: 000002.flac: not audio" in refusal.value.listing[0]
    assert not (root / "MINE").exists()
    assert prepare("MINE", [broken], allow_partial=True).partial
    assert not list(root.rglob(".unpacking*"))

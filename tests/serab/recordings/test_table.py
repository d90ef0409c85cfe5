"""A folder to a table: formats, order, windows, what can't be read, resumption after a kill."""

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from pyarrow import parquet

from serab.embed.__main__ import main
from serab.embed.waveforms import read_waveform
from serab.extractors.template import TemplateExtractor
from serab.recordings.embedding import Embedded
from serab.recordings.inputs import find_recordings
from serab.recordings.parts import Parts
from serab.recordings.windows import Windows
from tests.support.paths import ROOT
from tests.support.speech import voiced

TEMPLATE = ("--extractor", "template", "bands=4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Recordings of several lengths and rates, and what can't be one."""
    root = tmp_path_factory.mktemp("recordings")
    for number, seconds in enumerate((1.0, 0.3, 2.05, 0.7)):
        path = root / f"{'ba'[number % 2]}/=take {number}.wav"
        path.parent.mkdir(exist_ok=True)
        sf.write(
            path, voiced(seconds, (16_000, 8_000)[number % 2], number), (16_000, 8_000)[number % 2]
        )
    (root / "a/broken.wav").write_bytes(b"RIFF\x24\x00\x00\x00WAVE")
    (root / "a/empty.flac").write_bytes(b"")
    (root / "a/.hidden.wav").write_bytes(b"")
    (root / "a/notes.pdf").write_bytes(b"%PDF")
    return root


@pytest.fixture(scope="module")
def readable(folder) -> list[str]:
    return [
        str(folder / name)
        for name in ("a/=take 1.wav", "a/=take 3.wav", "b/=take 0.wav", "b/=take 2.wav")
    ]


def sentence(capsys) -> str:
    """The one line of an error."""
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ")
    return line


def test_formats_agree(folder, readable, tmp_path, capsys):
    """Parquet, CSV and npz have the extractor's own numbers, in order, and their provenance."""
    extractor = TemplateExtractor(bands=4)
    expected = np.concatenate(
        [extractor.transform([read_waveform(path, 16_000)]) for path in readable]
    )
    for suffix in ("parquet", "csv", "npz"):
        assert main([str(folder), *TEMPLATE, "--out", str(tmp_path / f"t.{suffix}")]) == 0
        assert "3 files are left out" in capsys.readouterr().err
        with (tmp_path / f"t.{suffix}.left_out.csv").open() as file:
            left_out = {row["file"]: row["reason"] for row in csv.DictReader(file)}
        assert [Path(path).name for path in sorted(left_out)] == [
            ".hidden.wav", "broken.wav", "empty.flac",
        ]  # fmt: skip
        assert "empty (0 bytes)" in left_out[str(folder / "a/empty.flac")]
    table = parquet.read_table(tmp_path / "t.parquet")
    assert table.column("file").to_pylist() == readable
    assert np.array_equal(np.stack(table.column("embedding").to_numpy()), expected)
    with (tmp_path / "t.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == readable
    values = [[np.float32(row[f"e{i}"]) for i in range(8)] for row in rows]
    assert np.array_equal(np.array(values), expected)
    with np.load(tmp_path / "t.npz") as arrays:
        assert arrays["file"].tolist() == readable
        assert np.array_equal(arrays["embedding"], expected)
        in_npz = json.loads(str(arrays["provenance"]))
    in_parquet = json.loads(table.schema.metadata[b"serab"])
    assert in_parquet == in_npz == json.loads((tmp_path / "t.csv.json").read_text())
    assert in_npz["job"]["fingerprint"] == extractor.fingerprint
    assert (in_npz["rows"], in_npz["left_out"]) == (4, 3)
    assert in_npz["job"]["versions"]["numpy"] == np.__version__
    assert "serab-byols" in in_npz["about"]["versions"]


def test_windows_leave_nothing_out(folder, readable, tmp_path):
    out = tmp_path / "w.npz"
    windows = ("--segments", "1", "--hop", "0.5")
    assert main([str(folder), *TEMPLATE, *windows, "--out", str(out)]) == 0
    with np.load(out) as arrays:
        rows = list(
            zip(
                arrays["file"].tolist(),
                arrays["start"].tolist(),
                arrays["end"].tolist(),
                strict=True,
            )
        )
        embeddings = arrays["embedding"]
    assert [row[1:] for row in rows if row[0] == readable[0]] == [(0, 0.3)]
    assert [row[1:] for row in rows if row[0] == readable[2]] == [(0, 1)]
    assert [row[1:] for row in rows if row[0] == readable[3]] == [
        (0, 1),
        (0.5, 1.5),
        (1, 2),
        (1.5, 2.05),
    ]
    waveform = read_waveform(readable[3], 16_000)[8_000:24_000]
    third = [k for k, row in enumerate(rows) if row[0] == readable[3]][1]
    assert np.array_equal(embeddings[third], TemplateExtractor(bands=4).transform([waveform])[0])
    for samples in (1, 99, 100, 101, 150, 151, 1_000):
        cuts = Windows(1, 0.5).cut(samples, 100)
        assert cuts[-1][1] == samples
        assert {s for start, end in cuts for s in range(start, end)} == set(range(samples))
        assert all(end - start == 100 for start, end in cuts[:-1])


def test_ways_to_name_recordings(folder, readable, tmp_path):
    """Each keeps its order; lists and manifests are relative to themselves."""
    backwards = readable[::-1]
    names = [Path(path).relative_to(folder).as_posix() for path in backwards]
    (folder / "list.txt").write_bytes("\ufeff".encode() + "\r\n".join([*names, ""]).encode())
    (folder / "rows.csv").write_text(
        "speaker;Path\n" + "".join(f"s{k};{n}\n" for k, n in enumerate(names))
    )
    assert list(find_recordings([str(folder / "list.txt")]).paths) == backwards
    manifest = find_recordings([str(folder / "rows.csv")])
    assert list(manifest.paths) == backwards
    assert manifest.column("Speaker") == ("s0", "s1", "s2", "s3")
    assert list(find_recordings([f"{folder}/**/=take*.wav"]).paths) == readable
    assert list(find_recordings(backwards[:2]).paths) == backwards[:2]
    with pytest.raises(ValueError, match="no such column"):
        manifest.column("age")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["{tmp}/none"], "no such file or folder"),
        (["{tmp}"], "no recordings in it"),
        (["{take}", "{take}"], "is given twice"),
        (["{take}", "{link}"], "is given twice, as"),
        (["{tmp}/lacks.csv"], "lacks the column"),
        (["{tmp}/part.csv"], "has a column start"),
        (["{take}", "--out", "{tmp}/t.txt"], "expected a file ending in .parquet"),
        (["{take}", "--hop", "1"], "give --segments"),
        (["{take}", "--segments", "0"], "expected seconds above 0"),
        (["{take}", "--segments", "1", "--hop", "2"], "leaves speech out"),
        (["{take}", "--extractor", "templet"], "expected one of"),
        (["{take}", "--extractor", "template", "band=3"], "no setting band"),
        (["{take}", "--extractor", "template", "bands=x"], "expected a whole number"),
        (["{take}", "--extractor", "template", "{take}"], "recordings come before"),
        (["{take}", "--encoder", "{tmp}/no.safetensors"], "no.safetensors"),
        (["{broken}"], "none of 1 recordings could be embedded"),
        (["{take}", "--out", "{take}/t.csv"], "choose another place"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(folder, readable, tmp_path, capsys, arguments, expected):
    (tmp_path / "lacks.csv").write_text("file\na.wav\n")
    (tmp_path / "part.csv").write_text("path,start,end\na.wav,0.5,1\n")
    os.symlink(readable[0], tmp_path / "link.dat")
    names = {
        "tmp": tmp_path,
        "take": readable[0],
        "link": tmp_path / "link.dat",
        "broken": folder / "a/broken.wav",
    }
    arguments = [argument.format(**names) for argument in arguments]
    arguments += [] if {"--extractor", "--encoder"} & set(arguments) else TEMPLATE
    arguments += [] if "--out" in arguments else ["--out", str(tmp_path / "t.csv")]
    before = sorted(tmp_path.rglob("*"))
    assert main(arguments) == 1
    assert expected in sentence(capsys)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_table_that_is_there(folder, readable, tmp_path, capsys):
    """The same run's stays; another run's, or another file, is refused and stays too."""
    out = tmp_path / "t.parquet"
    arguments = [str(folder / "b"), *TEMPLATE, "--out", str(out)]
    assert main(arguments) == 0
    content = out.read_bytes()
    assert main(arguments) == 0
    assert "was there already" in capsys.readouterr().out
    for other in (["--extractor", "template", "bands=5"], [*TEMPLATE, "--segments", "1"]):
        assert main([str(folder / "b"), *other, "--out", str(out)]) == 1
        assert "is another run's" in sentence(capsys)
    sf.write(folder / "b/more.wav", voiced(0.2, 16_000, 9), 16_000)
    assert main(arguments) == 1
    assert "its recordings, inputs differ" in sentence(capsys)
    (folder / "b/more.wav").unlink()
    assert out.read_bytes() == content
    (tmp_path / "u.csv").write_text("my notes")
    assert main([str(folder / "b"), *TEMPLATE, "--out", str(tmp_path / "u.csv")]) == 1
    assert "isn't a table of this command" in sentence(capsys)
    assert (tmp_path / "u.csv").read_text() == "my notes"


class Refusing(TemplateExtractor):
    """Refuses what is short, is given batches, and is fitted."""

    batch_size = 3
    fits = 0

    def fit(self, train_waveforms):
        Refusing.fits += 1
        self.longest = max(map(len, train_waveforms))
        return self

    def state(self):
        return {"longest": self.longest}

    def restore(self, state):
        self.longest = state["longest"]
        return self

    def transform(self, waveforms):
        assert len(waveforms) <= 3
        if min(map(len, waveforms)) < 8_000:
            raise ValueError("shorter than 0.5 s.")
        return super().transform(waveforms) / self.longest


def test_one_refused_recording_costs_no_other(folder, readable, tmp_path, capsys):
    """Nor does it matter in which batch it came; what is fitted is fitted on the recordings."""
    out = tmp_path / "t.npz"
    own = ["--extractor", "own", f"_target_={__name__}.Refusing", "bands=4"]
    sys.modules.setdefault(__name__, sys.modules[Refusing.__module__])
    assert main([str(folder), *own, "--out", str(out)]) == 0
    with np.load(out) as arrays:
        assert arrays["file"].tolist() == readable[1:]
        waveform = read_waveform(readable[1], 16_000)
        expected = TemplateExtractor(bands=4).transform([waveform]) / round(2.05 * 16_000)
        assert np.allclose(arrays["embedding"][:1], expected)
        assert json.loads(str(arrays["provenance"]))["state"] == {"longest": round(2.05 * 16_000)}
    assert "shorter than 0.5 s." in (tmp_path / "t.npz.left_out.csv").read_text()


def test_parts_of_another_job_are_refused(folder, readable, tmp_path, capsys):
    """So are parts whose job nobody knows; what is there stays."""
    parts = Parts(tmp_path / "t.csv.parts", {"extractor": "another"})
    embedded = Embedded(0, np.array([[0.0, 1.0]]), np.ones((1, 8), "f4"))
    assert len(list(parts.add([embedded]))) == 1
    before = sorted(path.read_bytes() for path in parts.folder.iterdir())
    arguments = [*readable, *TEMPLATE, "--out", str(tmp_path / "t.csv")]
    assert main(arguments) == 1
    assert "(its format, extractor, " in sentence(capsys)
    assert sorted(path.read_bytes() for path in parts.folder.glob("[!.]*")) == before
    (parts.folder / "job.json").unlink()
    assert main(arguments) == 1
    assert "no readable job.json" in sentence(capsys)
    assert not (tmp_path / "t.csv").exists()


def test_dimensions_that_change_are_an_error(tmp_path):
    parts = Parts(tmp_path / "parts", {})
    bounds = np.array([[0.0, 1.0]])
    recordings = [Embedded(k, bounds, np.ones((1, width), "f4")) for k, width in enumerate((8, 9))]
    with pytest.raises(ValueError, match="recording 2 has 9 dimensions where others have 8"):
        list(parts.add(recordings))
    assert Parts(parts.folder, {}).dimensions == 8
    assert parts.missing(4) == [range(1, 4)]


SLOW = """
import sys, time
from serab.embed.__main__ import main
from serab.extractors.template import TemplateExtractor
from serab.recordings import parts

transform = TemplateExtractor.transform

def slow(self, waveforms):
    time.sleep(0.02)
    return transform(self, waveforms)

TemplateExtractor.transform, parts.FLUSH_SECONDS = slow, 0.1
sys.exit(main(sys.argv[1:]))
"""


def test_killed_and_gone_on_with(tmp_path, monkeypatch, capsys):
    """The table of an undisturbed run, byte by byte; what a part holds isn't done again."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(60):
        sf.write(folder / f"{number:02}.wav", voiced(0.2 + number / 1000, 16_000, number), 16_000)
    whole, out = tmp_path / "whole.parquet", tmp_path / "out.parquet"
    assert main([str(folder), *TEMPLATE, "--out", str(whole)]) == 0
    arguments = [str(folder), *TEMPLATE, "--out", str(out)]
    parts = tmp_path / "out.parquet.parts"
    process = subprocess.Popen([sys.executable, "-c", SLOW, *arguments], cwd=ROOT)
    while len(list(parts.glob("*.npz"))) < 2:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not out.exists()
    first, *others = sorted(parts.glob("*.npz"))
    content = first.read_bytes()
    first.write_bytes(content[:-10])
    capsys.readouterr()
    assert main(arguments) == 1
    assert f"{first}: damaged; delete this file" in sentence(capsys)
    first.unlink()  # as it says, which leaves a gap in front of what is there
    covered = sum(int(path.stem[10:]) - int(path.stem[:9]) for path in others)
    embedded = []
    transform = TemplateExtractor.transform

    def counted(self, waveforms):
        waveforms = list(waveforms)
        embedded.extend(waveforms)
        return transform(self, waveforms)

    monkeypatch.setattr(TemplateExtractor, "transform", counted)
    assert main(arguments) == 0
    assert len(embedded) == 60 - covered < 60
    assert out.read_bytes() == whole.read_bytes()
    assert not parts.exists()

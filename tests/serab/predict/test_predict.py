"""From an evaluation to a table of emotions, as on the command line; what is refused."""

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from models.checkpoint import save_encoder
from models.encoders import encoder_spec, random_encoder
from serab.evaluation import plan, run_plan
from serab.index import load_index
from serab.launch.extractor import compose_extractor, recorded_settings
from serab.predict.__main__ import main
from serab.results.run_files import RunFiles
from serab.verify import main as verify
from tests.support.small_corpus import make_corpus


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A corpus, an encoder's file, and an evaluation of it under each protocol."""
    root = tmp_path_factory.mktemp("place")
    make_corpus(root / "data", takes=3)
    for name, seed in (("encoder", 1), ("other", 2)):
        model = random_encoder("cvt_small", seed)
        spec = encoder_spec(model.encoder, model.frontend)
        save_encoder(root / f"{name}.safetensors", spec, model.encoder.state_dict(), (-3.0, 4.0))
    before = os.environ.get("SERAB_DATA")
    os.environ["SERAB_DATA"] = str(root / "data")
    try:
        for protocol in ("strict", "published"):
            settings = {"device": "cpu"}
            extractor = compose_extractor("encoder", settings, str(root / "encoder.safetensors"))
            config = {
                "_target_": "serab.extractors.encoder.EncoderExtractor",
                "weights": str(root / "encoder.safetensors"),
                "encoder": None, "norm": "corpus", "name": None, "device": "cpu", "trust": None,
            }  # fmt: skip
            planned = plan(["EMV"], protocol, classifiers=["LDA"], jobs=1, cache=False)
            run_plan(planned, extractor, root / protocol, yaml.safe_dump({"extractor": config}))
    finally:
        os.environ.pop("SERAB_DATA")
        if before is not None:
            os.environ["SERAB_DATA"] = before
    return root


def test_test_part_is_told_as_recorded(place, tmp_path, capsys):
    """The recordings of the test part, out of their order, get the labels of the evaluation."""
    index = load_index("EMV", place / "data")
    (answers,) = RunFiles(place / "strict").predictions
    paths = {u.id: str(index.audio(u)) for u in index.utterances}
    recorded = {
        paths[i]: label for i, label in zip(answers.utterances, answers.predicted, strict=True)
    }
    (tmp_path / "test.txt").write_text("\n".join(sorted(recorded, reverse=True)))
    out = tmp_path / "emotions.csv"
    common = ["--from", str(place / "strict"), "--task", "emv"]
    assert main([str(tmp_path / "test.txt"), *common, "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    for text in ("LDA on cvt_small", "speakers of EMOVO (Italian)", "strict accuracy: LDA",
                 "between the 2 test speakers", "temperature", "another language"):  # fmt: skip
        assert text in shown
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == sorted(recorded, reverse=True)
    assert {row["file"]: row["label"] for row in rows} == recorded
    columns = [f"p_{emotion}" for emotion in index.emotions]
    assert list(rows[0]) == ["file", "label", *columns]
    shares = np.array([[float(row[name]) for name in columns] for row in rows])
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)
    assert [columns[k][2:] for k in shares.argmax(axis=1)] == [row["label"] for row in rows]
    summary = json.loads((place / "strict/summary.json").read_text())
    calibration = summary["calibration"]["EMV"]
    assert f"{100 * calibration['error_after']:.1f} % after" in shown
    windows = tmp_path / "windows.npz"
    segments = ["--segments", "0.3", "--hop", "0.2"]
    assert main([str(tmp_path / "test.txt"), *common, *segments, "--out", str(windows)]) == 0
    with np.load(windows) as arrays:
        assert arrays["columns"].tolist() == columns
        assert arrays["end"].tolist() == [0.3, 0.5] * len(rows)
        assert arrays["values"].shape == (2 * len(rows), 7)


def test_published_needs_speakers(place, tmp_path, capsys):
    """Given them, the test part alone is told as recorded: it is normalised as it was there."""
    index = load_index("EMV", place / "data")
    (answers,) = RunFiles(place / "published").predictions
    common = ["--from", str(place / "published"), "--task", "EMV"]
    out = ["--out", str(tmp_path / "t.csv")]
    assert main([str(index.root), *common, *out]) == 1
    assert "needs to know who speaks" in capsys.readouterr().err
    paths = {u.id: index.audio(u) for u in index.utterances}
    listed = list(zip(answers.utterances, answers.speakers, strict=True))
    rows = "".join(f"{paths[utterance]},{speaker}\n" for utterance, speaker in listed)
    (tmp_path / "m.csv").write_text(f"path,who\n{rows}")
    manifest = [str(tmp_path / "m.csv"), *common, "--speaker-column"]
    assert main([*manifest, "who", *out]) == 0
    assert "not a strict accuracy" in capsys.readouterr().out
    with (tmp_path / "t.csv").open() as file:
        assert [row["label"] for row in csv.DictReader(file)] == answers.predicted
    (tmp_path / "m.csv").write_text(f"path,who\n{rows.replace(',f1', ',', 1)}")
    for column, expected in (("whom", "no such column"), ("who", "is empty for 1")):
        assert main([*manifest, column, "--out", str(tmp_path / "u.csv")]) == 1
        assert expected in capsys.readouterr().err
    (tmp_path / "m.csv").write_text("path,who\n" + rows.splitlines()[0])
    assert main([*manifest, "who", "--out", str(tmp_path / "u.csv")]) == 1
    assert "has a single recording" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--task", "EMB"], "has EMV and no EMB"),
        (["--from", "{data}"], "no results of emotions in it"),
        (["--encoder", "{other}"], "is another encoder"),
        (["--encoder", "{encoder}", "norm=pretraining"], "is another encoder"),
        (["--extractor", "template"], "is another encoder"),
        (["--speaker-column", "who"], "doesn't look at who speaks"),
        (["--out", "{tmp}/t.xlsx"], "expected a file ending in"),
    ],
)
def test_bad_input_is_one_sentence(place, tmp_path, capsys, arguments, expected):
    names = {"data": place / "data", "other": place / "other.safetensors", "tmp": tmp_path,
             "encoder": place / "encoder.safetensors"}  # fmt: skip
    given = [argument.format(**names) for argument in arguments]
    defaults = {"--from": str(place / "strict"), "--task": "EMV", "--out": str(tmp_path / "t.csv")}
    for option, value in defaults.items():
        given += [] if option in given else [option, value]
    assert main([str(place / "data/EMV"), *given]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert expected in line
    assert not list(tmp_path.iterdir())


def test_an_encoder_that_moved(place, tmp_path, capsys):
    """It is asked for, and with it all goes on; so where config.yaml names code to run."""
    run_dir = tmp_path / "run"
    shutil.copytree(place / "strict", run_dir)
    recordings = sorted(map(str, (place / "data/EMV/audio").glob("f1-*")))
    common = [*recordings, "--from", str(run_dir), "--task", "EMV", "--out"]
    config = yaml.safe_load((run_dir / "config.yaml").read_text())
    for changes, expected in (
        ({"weights": "/nowhere/encoder.safetensors"}, "give --encoder with the place"),
        ({"_target_": "os.system"}, "names code to run"),
        ({"trust": "mypackage"}, "names code to run"),
    ):
        changed = {"extractor": config["extractor"] | changes}
        (run_dir / "config.yaml").write_text(yaml.safe_dump(changed))
        assert main([*common, str(tmp_path / "t.csv")]) == 1
        assert expected in capsys.readouterr().err
        moved = ["--encoder", str(place / "encoder.safetensors"), "device=cpu"]
        assert main([*common, str(tmp_path / "t.csv"), *moved]) == 0
        (tmp_path / "t.csv").unlink()
    (run_dir / "config.yaml").write_text("extractor: [1")
    assert recorded_settings(run_dir / "config.yaml") is None


def test_verify_knows_the_calibration(place, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SERAB_DATA", str(place / "data"))
    run_dir = tmp_path / "run"
    shutil.copytree(place / "strict", run_dir)
    assert verify([str(run_dir)]) == 0
    summary = json.loads((run_dir / "summary.json").read_text())
    summary["calibration"]["EMV"]["error_after"] = 0.0
    (run_dir / "summary.json").write_text(json.dumps(summary))
    assert verify([str(run_dir)]) == 1
    assert "summary.json: calibration is" in capsys.readouterr().err

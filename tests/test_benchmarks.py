"""The benchmarks' own parts: simulated corpora, stages, and tables that can be compared."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks import __main__ as table
from benchmarks import whole
from benchmarks.simulated import RECORDED, make_corpus, make_repeated
from benchmarks.stages import Meter
from serab.corpora import CORPORA
from serab.prepare.corpus import prepare
from tests.support.speech import voiced

VOICES = [voiced(4.0, 16_000, seed) for seed in range(3)]


def test_simulated_corpora_are_prepared_as_real_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SERAB_DATA", str(tmp_path / "data"))
    paths = make_corpus("EMB", tmp_path / "EMB", VOICES, share=0.1)
    index = prepare("EMB", [str(tmp_path / "EMB")], allow_partial=True)
    assert len(index.utterances) == len(paths) > 30
    assert len({utterance.sha256 for utterance in index.utterances}) == len(paths)
    assert len({utterance.speaker for utterance in index.utterances}) > 5
    seconds = [utterance.seconds for utterance in index.utterances]
    assert np.mean(seconds) == pytest.approx(CORPORA["EMB"].mean_seconds, rel=0.25)
    assert np.std(seconds) > 0.3
    assert all(soundfile.info(path).samplerate == RECORDED["EMB"].rate for path in paths)

    listed = make_repeated("EMV", 2, tmp_path / "twice", VOICES, share=0.02)
    twice = prepare("TWICE", [str(listed)])
    assert len(twice.utterances) == len({utterance.sha256 for utterance in twice.utterances})
    assert not twice.partial


def test_stages_are_summed(tmp_path: Path):
    meter = Meter(tmp_path / "stages.json")
    for meter.task in ("EMB", "RAV"):
        with meter.stage("LDA"):
            held = np.ones(30_000_000)
        del held
        with meter.stage("RF"):
            pass
    stages = json.loads((tmp_path / "stages.json").read_text())
    assert {"EMB LDA", "RAV LDA", "EMB RF", "RAV RF", "all rest"} == stages.keys()
    assert stages["EMB LDA"]["megabytes"] > stages["RAV RF"]["megabytes"] + 150
    assert stages["RAV LDA"]["cpu"] > 0
    rows = whole.table_of({"evaluate": {"wall": 2.0, "cpu": 1.0, "stages": stages}}).splitlines()
    assert sum(row.startswith("| – LDA") for row in rows) == 1


@pytest.mark.parametrize(
    ("kept", "arguments", "message"),
    [
        (
            '{"made with": {"scale": 0.1, "speech": null}}',
            [],
            r"was begun with .*0\.1.* another --out",
        ),
        ('{"made with"', [], "whole.json: is damaged .* delete it to begin anew"),
        ("{}", ["--speech", "nowhere"], "expected a folder for each speaker"),
    ],
)
def test_a_whole_benchmark_that_cannot_go_on(
    tmp_path: Path, kept: str, arguments: list[str], message: str
):
    (tmp_path / "whole.json").write_text(kept)
    with pytest.raises(ValueError, match=message):
        whole.main(["--out", str(tmp_path), "--tasks", "EMB", *arguments])
    assert (tmp_path / "whole.json").read_text() == kept


PRINTED = {
    "whole": "evaluate audio_ntt_512 from files        284.4 s wall      68.5 s CPU    1379 MB",
    "extraction": "ours      4.70 s      317 s of audio a second     812 MB",
    "search": "all ours       2.10 s wall      3.90 s CPU     412 MB",
    "onnx": "audio_ntt_512    0.95      12.1      10.2      8.1 1e-06",
    "crops": "shards, a thread              50300     1.0 x",
    "step": "audio_ntt_512           12.1        40.2        3.32        80.0",
}


def test_two_commits_can_be_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for name, cpu, commit in (("before", 4.0, "one"), ("after", 2.0, "two")):
        rows = {
            bench.name: {"command": bench.command, "wall": 9.0, "cpu": cpu}
            | {"figures": table.figures(bench.pattern, PRINTED.get(bench.name, ""))}
            for bench in table.BENCHMARKS
        }
        assert all(rows[name]["figures"] for name in PRINTED)
        (tmp_path / name).write_text(json.dumps({"machine": {"code": commit}, "benchmarks": rows}))
    compared = [str(tmp_path / "before"), str(tmp_path / "after")]
    assert table.main(["--compare", *compared]) == 0
    printed = capsys.readouterr().out
    assert "| code | one | two |" in printed
    assert "| search: cpu | 4 | 2 | 0.50 |" in printed
    assert "| onnx: audio_ntt_512 0.95: onnx ms | 8.1 | 8.1 | 1.00 |" in printed

    (tmp_path / "after").write_text("{}")
    assert table.main(["--compare", *compared]) == 1
    assert "expected two bench.json" in capsys.readouterr().err


def test_a_benchmark_that_fails_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    failing = table.Benchmark("start", "-c raise(SystemExit(3))")
    monkeypatch.setattr(table, "BENCHMARKS", (failing,))
    assert table.main(["--only", "start", "--out", str(tmp_path)]) == 1
    assert (
        "ended with 3"
        in json.loads((tmp_path / "bench.json").read_text())["benchmarks"]["start"]["failed"]
    )
    assert "Failed: start." in (tmp_path / "bench.md").read_text()

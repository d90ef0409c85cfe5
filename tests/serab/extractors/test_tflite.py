"""YAMNet's real .tflite: what is read lies in front of its classifier; other files are refused."""

import sys
from pathlib import Path

import numpy as np
import pytest

from serab.extractors.framing import FRAME, HOP
from serab.extractors.tflite import YamnetTfliteExtractor
from tests.support.speech import voiced


@pytest.fixture(scope="module")
def yamnet(shared: Path) -> YamnetTfliteExtractor:
    pytest.importorskip("ai_edge_litert", reason="pip install ai-edge-litert==2.3.0")
    path = shared / "models" / "yamnet.tflite"
    if not path.is_file():
        pytest.skip("the shared data has no yamnet.tflite")
    return YamnetTfliteExtractor(str(path))


def test_the_classifier_follows_from_the_embedding(yamnet: YamnetTfliteExtractor):
    """Its scores are a linear map of what we read, a bias that all frames share, then a sigmoid."""
    frames = [voiced(FRAME / 16_000, 16_000, seed)[:FRAME] for seed in range(3)]
    interpreter = yamnet._interpreter
    (scores,) = (o["index"] for o in interpreter.get_output_details() if o["shape"][-1] == 521)
    details = interpreter.get_tensor_details()
    (kernel,) = (each for each in details if tuple(each["shape"]) == (521, 1024))
    scale, zero = kernel["quantization"]
    weights = (interpreter.get_tensor(kernel["index"]).astype(np.float64) - zero) * scale
    logits = []
    for frame in frames:
        embedding = yamnet._frame(frame)
        given = interpreter.get_tensor(scores)[0].astype(np.float64)
        logits.append(np.log(given / (1 - given)) - embedding @ weights.T)
    bias = np.median(logits, axis=0)
    for difference in logits:
        usual = np.isfinite(difference)
        assert usual.mean() > 0.9
        assert difference[usual] == pytest.approx(bias[usual], abs=0.5)  # int8 arithmetic


def test_frames_are_averaged(yamnet: YamnetTfliteExtractor):
    waveform = voiced(2.5, 16_000, 4)
    frames = [yamnet._frame(waveform[at : at + FRAME]) for at in (0, HOP)]
    assert yamnet.transform([waveform])[0] == pytest.approx(np.mean(frames, axis=0), abs=1e-6)


def test_what_is_not_yamnet(yamnet: YamnetTfliteExtractor, shared: Path, tmp_path: Path):
    with pytest.raises(ValueError, match=r"no such file; download YAMNet's \.tflite from https"):
        YamnetTfliteExtractor(str(tmp_path / "nowhere.tflite"))
    (tmp_path / "cut.tflite").write_bytes((shared / "models" / "yamnet.tflite").read_bytes()[:5000])
    (tmp_path / "page.tflite").write_text("<html>")
    for name in ("cut", "page"):
        with pytest.raises(ValueError, match=r"can't be loaded as a \.tflite"):
            YamnetTfliteExtractor(str(tmp_path / f"{name}.tflite"))


def test_without_the_package_the_error_says_what_to_install(monkeypatch, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    (tmp_path / "yamnet.tflite").write_bytes(b"")
    with pytest.raises(ValueError, match="pip install ai-edge-litert"):
        YamnetTfliteExtractor(str(tmp_path / "yamnet.tflite"))

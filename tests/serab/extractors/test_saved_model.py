"""VGGish, YAMNet and TRILL: SavedModels of the published signatures through the real loader."""

import io
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from serab.extractors.framing import FRAME, HOP, waveform_frames
from serab.extractors.published_model import model_folder
from serab.extractors.saved_model import SavedModelExtractor
from tests.support.foreign_models import save_tensorflow
from tests.support.speech import voiced


def test_frames_don_t_overlap_and_short_clips_are_padded():
    ramp = np.arange(100_000, dtype=np.float32)
    frames = waveform_frames(ramp)
    assert [frame[0] for frame in frames] == [0, HOP, 2 * HOP, 3 * HOP, 4 * HOP, 5 * HOP]
    assert {len(frame) for frame in frames} == {FRAME}
    (short,) = waveform_frames(np.ones(100, dtype=np.float32))
    assert len(short) == FRAME
    assert short.sum() == 100
    assert len(waveform_frames(np.ones(FRAME + HOP - 1, dtype=np.float32))) == 1


def test_without_tensorflow_the_error_says_what_to_install(monkeypatch, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ValueError, match="pip install tensorflow=="):
        SavedModelExtractor("vggish", str(tmp_path))
    with pytest.raises(ValueError, match="expected one of vggish, yamnet, trill, frill, trillsson"):
        SavedModelExtractor("resnet", str(tmp_path))
    with pytest.raises(ValueError, match="expected one of paper, model"):
        SavedModelExtractor("vggish", str(tmp_path), framing="mine")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    pytest.importorskip("tensorflow", reason="needs requirements-tf.txt")
    return save_tensorflow(tmp_path_factory.mktemp("saved_models"))


@pytest.mark.parametrize(
    ("kind", "embed_dim"),
    [("vggish", 128), ("yamnet", 1024), ("trill", 12_288), ("frill", 2048), ("trillsson", 1024)],
)
def test_table_2(models: dict[str, str], kind: str, embed_dim: int):
    extractor = SavedModelExtractor(kind, models[kind])
    waveforms = [voiced(seconds, 16_000, 7) for seconds in (0.01, 0.1, 0.97, 3.3)]
    embeddings = extractor.transform(waveforms)
    assert embeddings.shape == (4, embed_dim)
    assert embeddings.dtype == np.float32
    assert np.isfinite(embeddings).all()
    assert np.array_equal(extractor.transform(waveforms[::-1])[::-1], embeddings)
    frames = np.concatenate([extractor._frames(frame) for frame in waveform_frames(waveforms[3])])
    assert embeddings[3] == pytest.approx(frames.mean(0), rel=1e-5, abs=1e-5)


def test_our_frames_are_vggish_s_own(models: dict[str, str]):
    waveform = voiced(5.0, 16_000, 8)
    ours, whole = (
        SavedModelExtractor("vggish", models["vggish"], framing).transform([waveform])
        for framing in ("paper", "model")
    )
    assert ours == pytest.approx(whole, abs=1e-5)
    ours, whole = (
        SavedModelExtractor("yamnet", models["yamnet"], framing) for framing in ("paper", "model")
    )
    assert ours.fingerprint != whole.fingerprint
    assert not np.allclose(ours.transform([waveform]), whole.transform([waveform]), atol=1e-4)


def test_other_models_are_refused(models: dict[str, str], tmp_path: Path):
    for kind, other in (
        ("vggish", "yamnet"),
        ("yamnet", "vggish"),
        ("trill", "vggish"),
        ("frill", "trillsson"),
    ):
        with pytest.raises(ValueError, match=other) as caught:
            SavedModelExtractor(kind, models[other])
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=r"no SavedModel there"):
        SavedModelExtractor("vggish", str(tmp_path))
    (tmp_path / "saved_model.pb").write_bytes(
        Path(models["trill"], "saved_model.pb").read_bytes()[:999]
    )
    with pytest.raises(ValueError, match="can't be loaded as a SavedModel"):
        SavedModelExtractor("trill", str(tmp_path))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A server of model archives, as TensorFlow Hub answers; gives its address and its answers."""
    monkeypatch.setenv("SERAB_DATA", str(tmp_path / "data"))
    answers: dict[str, bytes] = {}

    class Hub(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answers.pop(self.path))  # once: then it must be at hand

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/google/trill/3", answers
    server.shutdown()
    server.server_close()


def tar(*members: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as file:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def test_a_handle_is_downloaded_and_unpacked_once(hub, tmp_path: Path):
    handle, answers = hub
    members = [("./saved_model.pb", b"graph"), ("./variables/variables.index", b"weights")]
    asked = "/google/trill/3?tf-hub-format=compressed"
    answers[asked] = tar(*members)
    for _ in range(2):
        folder = model_folder(handle, handle)
        assert (folder / "saved_model.pb").read_bytes() == b"graph"
        assert (folder / "variables" / "variables.index").read_bytes() == b"weights"
    assert [path.name for path in folder.parent.iterdir()] == ["trill-3"]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (tar(("../outside", b"")), "a path that leads outside"),
        (tar(("notes.txt", b"")), "no SavedModel there"),
        (b"<html>", "cut off or damaged"),
    ],
    ids=["hostile", "other", "page"],
)
def test_another_answer_is_refused(hub, content: bytes, match: str):
    handle, answers = hub
    answers["/google/trill/3?tf-hub-format=compressed"] = content
    with pytest.raises(ValueError, match=match) as caught:
        model_folder(handle, handle)
    assert str(caught.value).startswith(f"extractor.model={handle}: ")


def test_a_handle_out_of_reach_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SERAB_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=r"http://127.0.0.1:9/trill/3.*Connection refused"):
        model_folder("http://127.0.0.1:9/trill/3", "")

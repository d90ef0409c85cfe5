"""emotion2vec's published layout, its network held to FunASR's own embeddings."""

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import constants

from serab.extractors.contract import check_extractor
from serab.extractors.emotion2vec import Emotion2vecExtractor
from serab.extractors.transformers.revisions import pinned_revision
from tests.support.emotion2vec_files import save_emotion2vec

TONE = (0.3 * np.sin(0.02 * np.arange(16_000) ** 1.2)).astype(np.float32)
VARIANTS = {
    "base": {},
    "a scale a layer": {"learned_alibi_scale_per_layer": True, "num_extra_tokens": 10},
    "one scale": {"learned_alibi_scale_per_head": False, "prenet_depth": 2},
}
FUNASR = {
    "base": (
        *(-0.20005, 1.686169, 2.28613, 1.042772, 1.814998, -0.244539),
        *(-0.635466, -0.082377, -1.422731, -0.779972, -0.477695, -1.321533),
    ),
    "a scale a layer": (
        *(-0.195945, 1.669262, 2.219953, 1.066286, 1.848044, -0.28168),
        *(-0.624663, -0.100736, -1.455028, -0.729172, -0.482705, -1.263931),
    ),
    "one scale": (
        *(-0.083316, 1.406377, 2.809678, 0.484293, 1.768763, 0.058188),
        *(-0.669114, -0.135774, -1.396932, -0.771246, -0.513281, -1.32909),
    ),
}
"""`AutoModel.generate(TONE, granularity="utterance", extract_embedding=True)` of FunASR 1.4.16."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_emotion2vec(tmp_path_factory.mktemp("emotion2vec") / "base")


@pytest.mark.parametrize("variant", VARIANTS)
def test_its_embeddings_are_funasr_s(tmp_path: Path, variant: str):
    folder = save_emotion2vec(tmp_path, **VARIANTS[variant])
    embedding = Emotion2vecExtractor(str(folder), device="cpu").transform([TONE])[0]
    assert embedding == pytest.approx(FUNASR[variant], abs=2e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_with_funasr_itself(tmp_path: Path, variant: str):
    funasr = pytest.importorskip("funasr", reason="pip install funasr==1.4.16")
    folder = save_emotion2vec(tmp_path, **VARIANTS[variant])
    model = funasr.AutoModel(
        model=str(folder),
        init_param=str(folder / "emotion2vec_base.pt"),
        disable_update=True,
        device="cpu",
    )
    (answer,) = model.generate(TONE, granularity="utterance", extract_embedding=True)
    embedding = Emotion2vecExtractor(str(folder), device="cpu").transform([TONE])[0]
    assert embedding == pytest.approx(answer["feats"], abs=1e-5)
    assert answer["feats"] == pytest.approx(FUNASR[variant], abs=2e-5)


def test_emotion2vec_plus_has_another_prefix(folder: Path, tmp_path: Path):
    shutil.copytree(folder, tmp_path / "plus")
    weights = tmp_path / "plus" / "emotion2vec_base.pt"
    state = torch.load(weights, weights_only=True)["model"]
    state = {key if "proj." in key[:5] else f"d2v_model.{key}": v for key, v in state.items()}
    torch.save({"model": state}, weights)
    plus, base = (Emotion2vecExtractor(str(f), device="cpu") for f in (weights.parent, folder))
    assert np.array_equal(plus.transform([TONE]), base.transform([TONE]))


def test_contract(folder: Path):
    extractor = Emotion2vecExtractor(str(folder), device="cpu")
    assert check_extractor(extractor, longest=None) == 12
    extractor.window = 8_000  # of several parts
    halves = extractor.transform(np.split(TONE, 2))
    assert extractor.transform([TONE])[0] == pytest.approx(halves.mean(0), abs=1e-5)


def test_all_layers_at_once(folder: Path):
    together = Emotion2vecExtractor(str(folder), "all", device="cpu")
    assert together.layers == (0, 1, 2, 3)
    waveforms = [TONE, TONE[:100]]
    side_by_side = together.transform(waveforms).reshape(2, 4, 12)
    alone = [Emotion2vecExtractor(str(folder), i, device="cpu") for i in range(4)]
    for i, one in enumerate(alone):
        embeddings = one.transform(waveforms)
        assert embeddings == pytest.approx(side_by_side[:, i], abs=1e-5)
        assert np.array_equal(together.at_layer(i).transform(waveforms), embeddings)
        assert together.at_layer(i).fingerprint == one.fingerprint
    mean = Emotion2vecExtractor(str(folder), "mean", device="cpu").transform(waveforms)
    assert mean == pytest.approx(side_by_side.mean(1), abs=1e-5)
    with pytest.raises(ValueError, match=r"layer=4: the model has 3 layers"):
        Emotion2vecExtractor(str(folder), 4)


def changed(folder: Path, tmp_path: Path, old: str, new: str) -> str:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    config = tmp_path / "config.yaml"
    assert old in config.read_text()
    config.write_text(config.read_text().replace(old, new))
    return str(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[(8, 10, 5)]", "[open(1)]", "feature_encoder_spec is '[open(1)]"),
        ("[(8, 10, 5)]", "[(8, 0, 5)]", "feature_encoder_spec is '[(8, 0, 5)]"),
        ("model: Emotion2vec", "model: Paraformer", "describes no Emotion2vec"),
        ("model: Emotion2vec", "model: [", "isn't YAML"),
        ("depth: 2", "depth: two", "depth should be a valid integer"),
        ("embed_dim: 12", "embed_dim: 2020-01-01", "more than plain values"),
        ("embed_dim: 12", "embed_dim: 13", "isn't a multiple of num_heads 6"),
        ("embed_dim: 12", "embed_dim: 24", "the two files are of different models"),
        ("layer_norm_first: false", "layer_norm_first: true", "layer_norm_first is True"),
        ("norm_eps: 1e-05", "norm_eps: small", "norm_eps should be a valid number"),
        ("conv_pos_width: 15", "conv_pos_width: 12", "an even number"),
    ],
)
def test_another_config_is_refused(folder: Path, tmp_path: Path, old, new, sentence):
    with pytest.raises(ValueError) as caught:
        Emotion2vecExtractor(changed(folder, tmp_path, old, new))
    assert sentence in str(caught.value)
    assert "config.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


class Bomb:
    def __reduce__(self):
        return Path.touch, (Path("exploded"),)


def test_other_weights_are_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="no such directory"):
        Emotion2vecExtractor("./none")
    with pytest.raises(ValueError, match=r"has no config\.yaml"):
        Emotion2vecExtractor(str(tmp_path))
    shutil.copytree(folder, "one")
    weights = Path("one/emotion2vec_base.pt")
    content = torch.load(weights, weights_only=True)["model"]
    dropped = {key: value for key, value in content.items() if "blocks.1.norm1.bias" not in key}
    torch.save(dropped, weights)
    with pytest.raises(ValueError, match=r"has nothing as blocks\.1\.norm1\.bias"):
        Emotion2vecExtractor("one")
    torch.save({"model": content, "x": Bomb()}, weights)
    with pytest.raises(ValueError, match="refused unexecuted"):
        Emotion2vecExtractor("one")
    assert not Path("exploded").exists()
    weights.write_bytes(weights.read_bytes()[:2000])
    with pytest.raises(ValueError, match="damaged"):
        Emotion2vecExtractor("one")
    weights.unlink()
    with pytest.raises(ValueError, match=r"has 0 files \*\.pt"):
        Emotion2vecExtractor("one")


@pytest.fixture
def hub(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A server that answers for one repository as the Hub does."""
    commit = "c" * 40

    class Hub(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            path = folder / self.path.rsplit("/", 1)[-1].split("?")[0]
            if self.path.startswith("/api/models/someone/emotion2vec"):
                asked.append(self.path)
                names = [{"rfilename": p.name} for p in (*folder.iterdir(), Path("example.wav"))]
                tree = [
                    {"type": "file", "path": n["rfilename"], "size": 1, "oid": "0"} for n in names
                ]
                answer = {"id": "someone/emotion2vec", "sha": commit, "siblings": names}
                content = json.dumps(tree if "/tree/" in self.path else answer).encode()
            elif path.is_file():
                content = path.read_bytes()
            else:
                return self.send_error(404)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Type", "application/json")
            self.send_header("ETag", f'"{path.name}"')
            self.send_header("X-Repo-Commit", commit)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_HEAD = do_GET

    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE
    for name, value in {
        "ENDPOINT": address,
        "HUGGINGFACE_CO_URL_TEMPLATE": address + template.removeprefix(constants.ENDPOINT),
        "HF_HUB_CACHE": str(tmp_path / "hub"),
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_OFFLINE": False,
    }.items():
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    yield commit, asked
    server.shutdown()
    server.server_close()


def test_from_the_hub(hub, folder: Path):
    commit, asked = hub
    there = Emotion2vecExtractor("someone/emotion2vec", device="cpu")
    assert there.revision == pinned_revision("someone/emotion2vec") == commit
    here = Emotion2vecExtractor(str(folder), device="cpu")
    assert np.array_equal(there.transform([TONE]), here.transform([TONE]))
    asked.clear()
    Emotion2vecExtractor("someone/emotion2vec", device="cpu")
    assert all(commit in path for path in asked)  # the commit that it was pinned to
    with pytest.raises(ValueError, match=r"someone/other: can't be downloaded .*; give a folder"):
        Emotion2vecExtractor("someone/other")

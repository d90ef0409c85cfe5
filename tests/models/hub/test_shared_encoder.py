"""Shared encoders: exact round trips, cards with real scores, a Hub that is there or isn't."""

import json
import re
import socket
import threading
import time
from dataclasses import replace
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
import yaml
from huggingface_hub import ModelCard, constants
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from safetensors.torch import load_file, save_file

import serab.report.words
import train  # noqa: F401  registers the resolvers of its configuration
from models.checkpoint import load_encoder, save_encoder
from models.encoders import ENCODERS, encoder_spec, random_encoder
from models.files import CheckpointError
from models.hub import model_card
from models.hub.__main__ import main
from models.hub.recipe import GROUPS, read_recipe
from models.hub.shared_encoder import SharedEncoder
from models.hub_download import UnreachableError, is_repo_id
from models.speech_encoder import SpeechEncoder
from serab.results.records import ClassifierResult
from serab.results.run_files import RunFiles
from tests.support.hub_server import Hub
from tests.support.paths import ROOT

ABOUT = {"hours": 4.2, "recordings": 1932, "data_digest": "ab12", "epochs": 93, "demo": False}
ABOUT["parts"] = [{"source": "BOOKS", "crops_an_epoch": 8}, {"source": "OTHER"}]


def artefact(folder: Path, name: str = "cvt_small") -> Path:
    encoder = random_encoder(name, seed=1)
    spec = encoder_spec(encoder.encoder, encoder.frontend)
    weights = encoder.encoder.state_dict()
    return save_encoder(folder / "encoder.safetensors", spec, weights, (-5.0, 4.0), ABOUT)


def results(folder: Path, fingerprint: str) -> Path:
    row = {
        "extractor": "cvt_small",
        "extractor_fingerprint": f"{fingerprint}-corpus",
        "task": "EMB",
        "protocol": "strict",
        "classifier": "LR",
        "test_accuracy": 0.7976,
        "test_uar": 0.75,
        "over_speakers": [0.71, 0.88],
        "over_utterances": [0.70, 0.87],
        "n_test": 84,
        "speakers": ["03", "12"],
        "demo": False,
        "selected": True,
    }
    untested = {**row, "classifier": "RF", "selected": False, "test_accuracy": None}
    (folder / "results.jsonl").write_text(f"{json.dumps(row)}\n{json.dumps(untested)}\n")
    return folder


@pytest.mark.parametrize("name", [n for n in ENCODERS if n != "resnetish34"])  # slow
def test_round_trip_is_exact(name: str, tmp_path: Path):
    before = load_encoder(artefact(tmp_path, name))
    SharedEncoder(before).save_pretrained(tmp_path / "shared")
    for after in (
        SharedEncoder.from_pretrained(tmp_path / "shared"),
        load_encoder(tmp_path / "shared"),
        load_encoder(tmp_path / "shared" / "model.safetensors"),
    ):
        assert isinstance(after, SpeechEncoder)
        assert not after.training
        assert (after.name, after.norm, after.about) == (name, before.norm, ABOUT)
        assert after.frontend.arguments == before.frontend.arguments
        assert after.fingerprint == before.fingerprint
        waveform = 0.1 * torch.randn(2, 16_000)
        assert torch.equal(after.embed(waveform, 16_000), before.embed(waveform, 16_000))


def test_command_writes_a_card_with_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    source = artefact(tmp_path)
    run = results(tmp_path, load_encoder(source).fingerprint)
    for _ in range(2):  # a second time over what is there
        main([str(source), "--out", str(tmp_path / "shared"), "--results", str(run)])
    files = {path.name: path for path in (tmp_path / "shared").iterdir()}
    assert sorted(files) == ["README.md", "config.json", "model.safetensors"]
    assert all(path.stat().st_mode & 0o044 for path in files.values())
    card = ModelCard.load(files["README.md"])
    assert card.data.license == "mit"
    (score,) = card.data.eval_results
    assert (score.dataset_type, score.metric_value) == ("EMB", 0.7976)
    row = (
        "| EMB | strict | LR | 79.8 | 95 % interval 70.0-87.0 | 71.0-88.0 between the 2 | 75.0 | "
        "84 utterances, 2 speakers |"
    )
    for part in (
        row,
        "4.2 h, 1932 recordings",
        "- source BOOKS, crops an epoch 8",
        "`ab12`",
        "epochs: 93",
        "mean -5.000, std 4.000",
    ):
        assert part in card.text
    assert "aren't recorded in these weights, and the run's config.yaml wasn't beside" in card.text


def test_intervals_are_named_as_the_evaluation_does(tmp_path: Path):
    assert model_card.FEW_SPEAKERS == serab.report.words.FEW_SPEAKERS
    (few,) = model_card.read_scores(results(tmp_path, "0123"), "0123")
    assert "71.0-88.0 between the 2 |" in card_text_of(few)
    assert "| 95 % interval 71.0-88.0 | 75.0 |" in card_text_of(replace(few, speakers=5))
    alone = card_text_of(replace(few, speakers=1, over_speakers=None))
    assert "| 95 % interval 70.0-87.0 | - | 75.0 |" in alone


def card_text_of(score: model_card.Score) -> str:
    encoder = random_encoder("cvt_small")
    return SharedEncoder(encoder, "mit", (score,)).generate_model_card().text


def test_a_runs_recipe_is_on_its_card(tmp_path: Path):
    """As train.py writes its config.yaml, beside the artefact and above the checkpoints."""
    source = artefact(tmp_path)
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        overrides = ["experiment=byol_s_cosine", "data=folder", "data.root=SPEECH"]
        config = compose("train", [*overrides, "trainer.devices=2", "run_dir=here"])
    OmegaConf.save(config, tmp_path / "config.yaml", resolve=True)
    main([str(source), "--out", str(tmp_path / "shared")])
    card = (tmp_path / "shared" / "README.md").read_text()
    (block,) = re.findall("```yaml\n(.*?)```", card, re.DOTALL)
    recipe = yaml.safe_load(block)
    assert list(recipe) == list(GROUPS)
    assert recipe["optimizer"]["lr"] == 0.0003
    assert recipe["module"]["schedule"]["warmup"] == 0.1
    assert recipe["augment"]["mixup"]["ratio"] == 0.4
    assert recipe["data"]["batch_size"] == 256
    assert recipe["trainer"]["devices"] == 2
    assert not {"encoder", "frontend", "views", "optimizer"} & set(recipe["module"])
    assert "SPEECH" not in card, "a path of the machine"
    assert read_recipe(source) == block
    (tmp_path / "checkpoints").mkdir()
    checkpoint = source.rename(tmp_path / "checkpoints" / "last.ckpt")
    assert read_recipe(checkpoint) == read_recipe(tmp_path) == block
    assert read_recipe("someone/cvt") == ""


@pytest.mark.parametrize("content", ["module: [", "- module", "module", "\x00"])
def test_a_damaged_config_is_one_sentence(content: str, tmp_path: Path):
    (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(ValueError, match=r"config.yaml: isn't the configuration that train.py"):
        read_recipe(tmp_path)


def test_scores_are_read_from_what_the_evaluation_writes(tmp_path: Path):
    """The other end of the file format: `serab.results` writes, the card reads by name."""
    row = ClassifierResult(
        task="EMB", extractor="e", protocol="strict", classifier="LR", params={"C": 1.0},
        val_accuracy=0.6, test_accuracy=0.5, test_uar=0.4, test_macro_f1=0.3,
        over_utterances=[0.1, 0.9], over_speakers=None, n_train=10, n_val=5, n_test=84,
        speakers=["03", "12"], embed_dim=8, chance=1 / 7, majority=0.3, seed=0, seconds=1.0,
        corpus_digest="d", extractor_fingerprint="0123-corpus", scikit_learn="1", partial=False,
        demo=True, leaks=[], selected=True,
    )  # fmt: skip
    files = RunFiles(tmp_path)
    files.results.put(row)
    (score,) = model_card.read_scores(tmp_path, "0123")
    assert score == model_card.Score(
        "EMB", "strict", "LR", 0.5, 0.4, (0.1, 0.9), None, 84, 2, demo=True
    )


def refused(tmp_path: Path, *arguments: str) -> str:
    with pytest.raises(SystemExit) as stop:
        main([*arguments, "--out", str(tmp_path / "shared")])
    assert not (tmp_path / "shared").exists()
    return str(stop.value)


def test_bad_results_are_refused(tmp_path: Path):
    source = str(artefact(tmp_path))
    assert "results.jsonl: no such file" in refused(tmp_path, source, "--results", "nowhere")
    results(tmp_path, "0123")
    assert "line 1 is of another encoder" in refused(tmp_path, source, "--results", str(tmp_path))
    (tmp_path / "results.jsonl").write_text('{"task": "EMB"}\n')
    message = refused(tmp_path, source, "--results", str(tmp_path))
    assert "line 1 isn't a result of evaluate.py" in message


def test_others_weights_need_a_licence(tmp_path: Path):
    weights = tmp_path / "theirs.pth"
    torch.save(random_encoder("cvt_small").encoder.state_dict(), weights)
    assert "give the licence" in refused(tmp_path, str(weights))
    main([str(weights), "--out", str(tmp_path / "shared"), "--license", "cc-by-nc-4.0"])
    assert SharedEncoder.from_pretrained(tmp_path / "shared").licence == "cc-by-nc-4.0"
    assert load_encoder(tmp_path / "shared").norm is None


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"_target_": "os.system"}, r"unknown entries \['_target_'\] and lacks \[\]"),
        ({"architecture": "os.system"}, "not imported unasked"),
        ({"arguments": {"stage_dims": [64, 128, 256], "hook": "x"}}, "no encoder that this ver"),
        ({"arguments": {"stage_dims": [64, 128, 512]}}, "weights don't fit"),
        ({"norm": [0.0, 0.0]}, "with a positive std"),
        ({"norm": "zero"}, "expected null or"),
        ({"frontend": []}, "expected names and values"),
    ],
)
def test_a_config_is_not_trusted(change: dict, match: str, tmp_path: Path):
    """A stranger's, whose weights have no checksum that would refuse it before."""
    SharedEncoder(load_encoder(artefact(tmp_path))).save_pretrained(tmp_path / "shared")
    weights = tmp_path / "shared" / "model.safetensors"
    save_file(load_file(weights), weights)
    config = tmp_path / "shared" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), **change}))
    with pytest.raises(CheckpointError, match=match):
        load_encoder(tmp_path / "shared")


def test_damaged_config_and_pickled_weights(tmp_path: Path):
    SharedEncoder(load_encoder(artefact(tmp_path))).save_pretrained(tmp_path / "shared")
    config = tmp_path / "shared" / "config.json"
    whole = config.read_text()
    config.write_text(whole[:100])
    with pytest.raises(CheckpointError, match=r"config.json: isn't JSON"):
        load_encoder(tmp_path / "shared")
    config.write_text(whole)
    (tmp_path / "shared" / "model.safetensors").rename(
        tmp_path / "shared" / "pytorch_model.bin"
    )  # what the mixin would unpickle
    with pytest.raises(CheckpointError, match="a directory without"):
        SharedEncoder.from_pretrained(tmp_path / "shared")


def test_mistyped_paths_are_no_repositories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    assert is_repo_id("someone/byol-s.v1")
    for path in ("runs/byol", "/someone/byol", "a/b/c", "./byol", "../byol", "byol", "~/byol"):
        assert not is_repo_id(path)
    with pytest.raises(CheckpointError, match="no such file"):
        load_encoder("runs/byol")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.files, server.asked = {}, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE
    for name, value in {
        "ENDPOINT": address,
        "HUGGINGFACE_CO_URL_TEMPLATE": address + template.removeprefix(constants.ENDPOINT),
        "HF_HUB_CACHE": str(tmp_path / "cache"),
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_OFFLINE": False,
    }.items():
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield server
    server.shutdown()
    server.server_close()


def test_push_and_load_and_a_hub_that_is_gone(
    hub: ThreadingHTTPServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    source = artefact(tmp_path)
    command = [str(source), "--out", str(tmp_path / "shared"), "--push", "someone/cvt"]
    main(command)
    assert f"/commit/{'a' * 40}" in capsys.readouterr().out
    assert {"README.md", "config.json", "model.safetensors"} <= set(hub.files)
    assert ("/api/repos/create", "Bearer hf_test") in hub.asked
    fingerprint = load_encoder(source).fingerprint
    assert load_encoder("someone/cvt").fingerprint == fingerprint
    assert SharedEncoder.from_pretrained("someone/cvt").fingerprint == fingerprint
    with pytest.raises(UnreachableError, match=r"doesn't give config.json and model.safetensors"):
        load_encoder("someone/empty")

    hub.shutdown()
    hub.server_close()
    assert load_encoder("someone/cvt").fingerprint == fingerprint  # from the cache
    begun = time.monotonic()
    with pytest.raises(UnreachableError, match=r"someone/other: no such file or folder here, and"):
        load_encoder("someone/other")
    with pytest.raises(SystemExit, match=r"error: someone/cvt: http.* can't be reached; check"):
        main(command)
    assert time.monotonic() - begun < 12


def test_a_host_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch):
    from models import hub_download

    with socket.socket() as full:  # bound, and listening to nobody
        full.bind(("127.0.0.1", 0))
        monkeypatch.setattr(
            "huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{full.getsockname()[1]}"
        )
        monkeypatch.setattr("urllib.request.getproxies", dict)
        assert not hub_download.reachable()
        full.listen()
        assert hub_download.reachable()

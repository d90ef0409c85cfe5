"""The released weights by name, from a real local server: whole, cut, wrong, out of reach."""

from __future__ import annotations

import hashlib
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.checkpoint import load_encoder
from models.encoders import ENCODERS, random_encoder
from models.files import CheckpointError
from models.initial import start_from
from models.weights import released
from models.weights.released import RELEASED
from serab.extractors.encoder import EncoderExtractor
from tests.support.file_server import FileServer
from tests.support.fits import module


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A server of random weights under byol_s_512's name and, NTT's, byol_a_512's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    torch.save(random_encoder("audio_ntt_512", seed=3).encoder.state_dict(), tmp_path / "w.pth")
    with FileServer((tmp_path / "w.pth").read_bytes()) as running:
        for name in ("byol_s_512", "byol_a_512"):
            record = replace(
                RELEASED[name], url=running.url, git_sha1=git_sha1(running.content), bytes=None
            )
            monkeypatch.setitem(released.RELEASED, name, record)
        yield running


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


def test_the_table():
    assert len(RELEASED) == 12
    for name, release in RELEASED.items():
        assert release.encoder in ENCODERS
        assert len(bytes.fromhex(release.git_sha1)) == 20
        assert release.url.startswith("https://")
        assert release.url.endswith(".pth")
        assert release.licence == ("NTT" if name.startswith("byol_a") else "MIT")
        assert release.file.name == f"{name}.pth"


def test_downloaded_once_then_without_a_network(server: FileServer, tmp_path: Path):
    expected = random_encoder("audio_ntt_512", seed=3).fingerprint
    for _ in range(2):
        assert load_encoder("byol_s_512").fingerprint == expected
    assert EncoderExtractor("byol_s_512", "audio_ntt_512", device="cpu").name == "audio_ntt_512"
    assert len(server.asked) == 1
    (file,) = (tmp_path / "cache/serab/weights").iterdir()
    assert file.name == "byol_s_512.pth"


def test_a_cut_download_goes_on(server: FileServer):
    server.cut = 300_000
    with pytest.raises(CheckpointError, match=r"byol_s_512: http.*stopped .*, it resumes\. Or"):
        load_encoder("byol_s_512")
    load_encoder("byol_s_512")
    assert server.asked == [None, "bytes=300000-"]


def test_other_content_is_refused_and_not_kept(server: FileServer, tmp_path: Path):
    genuine, server.content = server.content, b"<html>sign in</html>"
    with pytest.raises(CheckpointError, match=r"isn't the released byol_s_512 .20 bytes"):
        load_encoder("byol_s_512")
    assert not list((tmp_path / "cache/serab/weights").iterdir())
    server.content = genuine + b"\0"
    with pytest.raises(CheckpointError, match="isn't the released byol_s_512"):
        load_encoder("byol_s_512")
    server.content = genuine
    load_encoder("byol_s_512")


def test_a_larger_file_than_the_release_s_is_refused_early(server: FileServer, monkeypatch):
    record = replace(released.RELEASED["byol_s_512"], bytes=1000)
    monkeypatch.setitem(released.RELEASED, "byol_s_512", record)
    with pytest.raises(CheckpointError, match="where at most 1000 were expected"):
        load_encoder("byol_s_512")


def test_another_file_under_the_same_name(server: FileServer):
    file = released.RELEASED["byol_s_512"].file
    file.parent.mkdir(parents=True)
    torch.save(random_encoder("audio_ntt_512", seed=4).encoder.state_dict(), file)
    with pytest.raises(CheckpointError, match=r"isn't the released .* remove it and run the same"):
        load_encoder("byol_s_512")
    assert file.exists()  # the user's, perhaps
    assert server.asked == []


def test_ntt_s_terms_are_agreed_to_once(server: FileServer):
    with pytest.raises(CheckpointError, match=r"evaluation only.*extractor\.accept_licence=true"):
        EncoderExtractor("byol_a_512")
    assert server.asked == []
    EncoderExtractor("byol_a_512", accept_licence=True, device="cpu")
    EncoderExtractor("byol_a_512", device="cpu")
    assert len(server.asked) == 1


def test_training_begins_with_them(server: FileServer):
    model = module()
    with pytest.raises(CheckpointError, match=r"init=byol_s_512: .*embed_dim 32"):
        start_from(model, "byol_s_512")
    with pytest.raises(CheckpointError, match="init_accept_licence=true"):
        start_from(model, "byol_a_512")


def test_out_of_reach_says_where_to_put_the_file(server: FileServer, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/w.pth"
    record = replace(released.RELEASED["byol_s_512"], url=url)
    monkeypatch.setitem(released.RELEASED, "byol_s_512", record)
    with pytest.raises(CheckpointError) as caught:
        load_encoder("byol_s_512")
    assert f"{url}: download stopped" in str(caught.value)
    assert f"to {record.file}." in str(caught.value)


def test_the_real_file(official_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The table's own size and checksum hold the released file."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with FileServer(official_weights.read_bytes()) as running:
        record = replace(RELEASED["byol_s_512"], url=running.url)
        monkeypatch.setitem(released.RELEASED, "byol_s_512", record)
        assert load_encoder("byol_s_512").fingerprint == load_encoder(official_weights).fingerprint

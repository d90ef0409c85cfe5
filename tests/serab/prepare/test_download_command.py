"""`prepare --download` of each corpus, from a local server."""

import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from serab.corpora import CORPORA
from serab.corpora.records import Archive
from serab.index import load_index
from serab.prepare.__main__ import main
from serab.prepare.downloads import fetch
from serab.prepare.errors import PrepareError
from tests.support.corpus_trees import provider_paths, write_tree
from tests.support.prepare_command import pack, refused


@pytest.mark.parametrize("code", ["IEM", "SAV"])
def test_download_of_restricted_corpora_says_where_to_register(code, capsys, root):
    said = refused(capsys, code, "--download")
    assert "on request only: register at http" in said


def test_download_without_a_direct_link(capsys, root):
    assert "get it from https://github.com/CheyneyComputerScience/CREMA-D" in refused(
        capsys, "CRE", "--download"
    )
    with pytest.raises(PrepareError, match="no direct link"):
        fetch("AES")


def test_download_and_prepare(root, tmp_path, monkeypatch, capsys):
    write_tree(tmp_path / "in", provider_paths("EMB"))
    (tmp_path / "web").mkdir()
    pack(tmp_path / "in", tmp_path / "web/download.zip")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "web"))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/download.zip"
        local = replace(CORPORA["EMB"], archives=(Archive("download.zip", url),))
        for room in ("corpus", "downloads"):
            monkeypatch.setattr(f"serab.prepare.{room}.corpus", lambda code: local)
        assert main(["EMB", "--download"]) == 0
        server.shutdown()
    assert "EMB: 535 utterances" in capsys.readouterr().out
    assert (root / "downloads/EMB/download.zip").is_file()
    assert len(load_index("EMB").utterances) == 535

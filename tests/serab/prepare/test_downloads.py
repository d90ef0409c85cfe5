"""Downloads from a real local server: whole, cut off and resumed, changed meanwhile, refused."""

import hashlib
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from serab.corpora.records import Archive
from serab.prepare.archives import ArchiveError
from serab.prepare.downloads import download
from serab.prepare.errors import PrepareError

CONTENT = bytes(range(256)) * 4096  # 1 MiB


class Provider(BaseHTTPRequestHandler):
    """Serves one file with ranges; `cut` makes it hang up after so many bytes."""

    def __init__(self, state, *arguments):
        self.state = state
        super().__init__(*arguments)

    def log_message(self, *_):
        pass

    def do_GET(self):
        content, tag = self.state["content"], self.state["tag"]
        asked = self.headers.get("Range")
        self.state["asked"].append(asked)
        if self.state.get("status"):
            self.send_error(self.state["status"])
            return
        start = 0
        if asked and self.headers.get("If-Range") == tag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
        self.send_response(206 if start else 200)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        rest = content[start:]
        cut = self.state.pop("cut", None)
        self.wfile.write(rest if cut is None else rest[:cut])
        self.close_connection = True


@pytest.fixture
def provider():
    state = {"content": CONTENT, "tag": '"one"', "asked": []}
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Provider, state))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state["url"] = f"http://127.0.0.1:{server.server_port}/a.zip"
    yield state
    server.shutdown()
    server.server_close()


def archive(provider, **known):
    return Archive("a.zip", provider["url"], **known)


MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


def test_whole_and_then_not_again(provider, tmp_path):
    for _ in range(2):
        path = download(archive(provider, size=len(CONTENT), md5=MD5), tmp_path)
        assert path.read_bytes() == CONTENT
    assert len(provider["asked"]) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


def test_resumed_where_it_stopped(provider, tmp_path):
    provider["cut"] = 300_000
    with pytest.raises(PrepareError, match=r"download stopped .* it resumes"):
        download(archive(provider), tmp_path)
    assert not (tmp_path / "a.zip").exists()
    assert (tmp_path / "a.zip.part").stat().st_size == 300_000
    assert download(archive(provider, md5=MD5), tmp_path).read_bytes() == CONTENT
    assert provider["asked"] == [None, "bytes=300000-"]
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


def test_changed_at_the_provider_meanwhile(provider, tmp_path):
    provider["cut"] = 300_000
    with pytest.raises(PrepareError):
        download(archive(provider), tmp_path)
    provider |= {"content": CONTENT[::-1], "tag": '"two"'}
    assert download(archive(provider), tmp_path).read_bytes() == CONTENT[::-1]


def test_stopped_after_the_last_byte(provider, tmp_path):
    (tmp_path / "a.zip.part").write_bytes(CONTENT)
    (tmp_path / "a.zip.part.json").write_text('{"version": "\\"one\\""}')
    assert download(archive(provider, md5=MD5), tmp_path).read_bytes() == CONTENT


def test_longer_than_it_should_be(provider, tmp_path):
    (tmp_path / "a.zip.part").write_bytes(CONTENT + b"x")
    (tmp_path / "a.zip.part.json").write_text('{"version": "\\"one\\""}')
    assert download(archive(provider, md5=MD5), tmp_path).read_bytes() == CONTENT


def test_wrong_checksum_is_not_kept(provider, tmp_path):
    with pytest.raises(ArchiveError, match="md5"):
        download(archive(provider, md5="0" * 32), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_refused_and_unreachable(provider, tmp_path):
    provider["status"] = 404
    with pytest.raises(PrepareError, match=r"download stopped \(Not Found\)"):
        download(archive(provider), tmp_path)
    with pytest.raises(PrepareError, match="download stopped"):
        download(Archive("a.zip", "http://127.0.0.1:1/a.zip"), tmp_path)
    with pytest.raises(PrepareError, match="no direct link"):
        download(Archive("a.zip"), tmp_path)

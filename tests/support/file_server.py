"""A local server of one file, with ranges, that can hang up in the middle."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class FileServer:
    """Serves `content` while the block runs.

    Attributes:
        url: of the file.
        content: what it has now; its tag follows.
        cut: bytes after which the next answer breaks off.
        asked: the ranges that were asked for, None for the whole file.
    """

    def __init__(self, content: bytes):
        self.content, self.cut = content, None
        self.asked: list[str | None] = []

    def __enter__(self) -> Self:
        state = self

        class Answer(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                state.answer(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/file"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        content, asked = self.content, request.headers.get("Range")
        tag = f'"{hashlib.sha1(content).hexdigest()}"'
        self.asked.append(asked)
        start = 0
        if asked and request.headers.get("If-Range") == tag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        request.send_response(206 if start else 200)
        request.send_header("ETag", tag)
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        rest = content[start:]
        request.wfile.write(rest if self.cut is None else rest[: self.cut])
        self.cut = None
        request.close_connection = True

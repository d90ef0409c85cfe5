"""A web server that answers as slowly as an object store, for measurements and tests.

    python benchmarks/slow_store.py DIR [--latency 0.03] [--rate 80e6] [--failing 0.01]

Each answer waits `latency` and then as long as its bytes take at `rate` a connection, however many
connections there are; a share of them fails with 503. It prints its port, and at its end (on
SIGTERM) the requests and bytes it answered.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import signal
import urllib.parse
from pathlib import Path


class SlowStore(asyncio.Protocol):
    """GET and HEAD of files, whole or a range."""

    requests, sent = 0, 0

    def __init__(self, root: Path, latency: float, rate: float, failing: float):
        self.root, self.latency, self.rate, self.failing = root, latency, rate, failing
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            request, self.received = self.received[:end].decode(), self.received[end + 4 :]
            answer = self.answer(request)
            SlowStore.requests += 1
            SlowStore.sent += len(answer)
            wait = self.latency + len(answer) / self.rate
            asyncio.get_running_loop().call_later(wait, self.transport.write, answer)

    def answer(self, request: str) -> bytes:
        method, target, _ = request.split("\r\n")[0].split(" ")
        path = self.root / urllib.parse.unquote(target).lstrip("/")
        if random.random() < self.failing:
            return b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n"
        if method not in ("GET", "HEAD"):
            return b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n"
        if not path.is_file():
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        size = path.stat().st_size
        wanted = re.search(r"(?im)^range: bytes=(\d+)-(\d*)", request)
        first, last = 0, size - 1
        if wanted:
            first, last = int(wanted[1]), min(int(wanted[2] or last), last)
        if wanted and first > last:
            return b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n"
        lines = [
            "HTTP/1.1 206 Partial Content" if wanted else "HTTP/1.1 200 OK",
            f"Content-Length: {last - first + 1}",
            "Last-Modified: Mon, 02 Nov 2026 00:00:00 GMT",
        ]
        if wanted:
            lines.append(f"Content-Range: bytes {first}-{last}/{size}")
        head = "\r\n".join((*lines, "", "")).encode()
        if method == "HEAD":
            return head
        with path.open("rb") as file:
            return head + os.pread(file.fileno(), last - first + 1, first)


async def serve(options: argparse.Namespace) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(
        lambda: SlowStore(options.root, options.latency, options.rate, options.failing),
        "127.0.0.1",
        0,
        backlog=4096,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    print(SlowStore.requests, SlowStore.sent, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path)
    parser.add_argument("--latency", type=float, default=0.03, help="seconds")
    parser.add_argument("--rate", type=float, default=80e6, help="bytes a second and connection")
    parser.add_argument("--failing", type=float, default=0.0, help="share of answers")
    asyncio.run(serve(parser.parse_args()))

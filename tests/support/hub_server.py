"""As much of the Hugging Face Hub as an upload and a download need."""

from __future__ import annotations

import base64
import json
from http.server import BaseHTTPRequestHandler


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub's interface as an upload in one commit and a download need."""

    def log_message(self, *args) -> None:
        pass

    def answer(self, content: bytes, **headers: str) -> None:
        self.send_response(200)
        for key, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        url = f"http://{self.headers['Host']}/someone/cvt"
        if self.path.endswith("/preupload/main"):
            paths = [file["path"] for file in json.loads(body)["files"]]
            files = [{"path": p, "uploadMode": "regular", "shouldIgnore": False} for p in paths]
            answer = {"files": files}
        elif "/commit/" in self.path:
            for line in body.splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    content = base64.b64decode(entry["value"]["content"])
                    self.server.files[entry["value"]["path"]] = content
            answer = {"commitUrl": f"{url}/commit/{'a' * 40}", "commitOid": "a" * 40}
        else:
            answer = {"url": url, "id": "someone/cvt", "name": "someone/cvt"}
        self.answer(json.dumps(answer).encode(), Content_Type="application/json")

    def do_GET(self) -> None:
        name = self.path.rsplit("/", 1)[-1]
        if self.path.startswith("/someone/cvt/resolve/") and name in self.server.files:
            self.answer(self.server.files[name], ETag=f'"{name}"', X_Repo_Commit="a" * 40)
        else:
            self.send_error(404)

    do_HEAD = do_GET

"""A small Hub on this machine: what `datasets` asks for to load a data set, and no more.

Paths and answers are the Hub's own (`HF_ENDPOINT`), so that the real loading code runs: repository
information, the tree, and files with their commit and etag.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"

Repositories = Mapping[str, Mapping[str, bytes]]
"""By name, the files by path."""


class _Handler(BaseHTTPRequestHandler):
    repositories: Repositories
    asked: list[str]

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.asked.append(f"{self.command} {path}")
        for name, files in self.repositories.items():
            if path.startswith(f"/api/datasets/{name}"):
                return self._api(path.removeprefix(f"/api/datasets/{name}"), name, files)
            if path.startswith(f"/datasets/{name}/resolve/"):
                file = path.removeprefix(f"/datasets/{name}/resolve/").partition("/")[2]
                return self._file(files.get(file))
        return self._say(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def _api(self, rest: str, name: str, files: Mapping[str, bytes]) -> None:
        if rest.startswith("/tree/"):
            under = rest.removeprefix("/tree/").partition("/")[2]
            return self._json(_entries(files, under))
        siblings = [{"rfilename": path} for path in files]
        return self._json({"id": name, "sha": COMMIT, "siblings": siblings, "tags": []})

    def _file(self, data: bytes | None) -> None:
        if data is None:
            return self._say(404, b"", {"X-Error-Code": "EntryNotFound"})
        etag = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        return self._say(200, data, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})

    def _json(self, value: Any) -> None:
        self._say(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _say(self, status: int, data: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _entries(files: Mapping[str, bytes], under: str) -> list[dict[str, Any]]:
    inside = {path for path in files if path.startswith(f"{under}/" if under else "")}
    folders = {path.rpartition("/")[0] for path in inside if "/" in path} - {under}
    entries: list[dict[str, Any]] = [
        {"type": "directory", "path": one, "oid": "0" * 40, "size": 0} for one in sorted(folders)
    ]
    for path in sorted(inside):
        oid = hashlib.sha1(files[path], usedforsecurity=False).hexdigest()
        entries.append({"type": "file", "path": path, "oid": oid, "size": len(files[path])})
    return entries


@contextmanager
def hub(repositories: Repositories) -> Iterator[tuple[str, list[str]]]:
    """Serves repositories; gives the endpoint, and what was asked for so far."""
    asked: list[str] = []
    handler = type("Handler", (_Handler,), {"repositories": repositories, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()

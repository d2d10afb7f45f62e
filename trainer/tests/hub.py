"""A stand-in for the Hugging Face Hub: enough of its HTTP API to load data sets by their names.

What asks is the real `datasets` and `huggingface_hub`, in a process of its own: they read
`HF_ENDPOINT` when they are imported.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from process import TRAINER

Repository = Mapping[str, bytes]
"""By path: what is in the file."""
_COMMIT = "c0ffee" * 6 + "c0de"


class Hub:
    """Serves data sets by their names until it is closed."""

    def __init__(self, repositories: Mapping[str, Repository]) -> None:
        self.asked: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                path = urlparse(self.path).path
                hub.asked.append(f"{self.command} {path}")
                status, body, headers = _answer(repositories, path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def run_with(url: str, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python to which that Hub is the Hub; what it loads is kept below `home`."""
    known = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    known |= {"HF_ENDPOINT": url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    known |= {"HF_HUB_DISABLE_TELEMETRY": "1", "PYTHONPATH": str(TRAINER)}
    command = [sys.executable, "-W", "ignore", *arguments]
    return subprocess.run(
        command,
        env=known,
        cwd=home.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


Answer = tuple[int, bytes, dict[str, str]]


def _answer(repositories: Mapping[str, Repository], path: str) -> Answer:
    for name, files in repositories.items():
        about = f"/api/datasets/{name}"
        if path.startswith(f"{about}/tree/"):
            return _json(_listed(files, path.removeprefix(f"{about}/tree/{_COMMIT}").strip("/")))
        if path.startswith(about):
            return _json(
                {"id": name, "sha": _COMMIT, "siblings": [{"rfilename": f} for f in files]}
            )
        if path.startswith(f"/datasets/{name}/resolve/"):
            file = path.removeprefix(f"/datasets/{name}/resolve/").partition("/")[2]
            if file in files:
                tag = f'"{hashlib.sha1(files[file]).hexdigest()}"'
                return 200, files[file], {"ETag": tag, "X-Repo-Commit": _COMMIT}
            return 404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": _COMMIT}
    return 404, b"", {"X-Error-Code": "RepoNotFound"}


def _listed(files: Repository, folder: str) -> list[dict[str, Any]]:
    prefix = f"{folder}/" if folder else ""
    below = [name.removeprefix(prefix) for name in files if name.startswith(prefix)]
    folders = sorted({one.partition("/")[0] for one in below if "/" in one})
    found: list[dict[str, Any]] = [
        {"type": "directory", "oid": "0" * 40, "size": 0, "path": f"{prefix}{one}"}
        for one in folders
    ]
    for one in below:
        if "/" not in one:
            data = files[f"{prefix}{one}"]
            entry = {"oid": hashlib.sha1(data).hexdigest(), "size": len(data)}
            found.append({"type": "file", "path": f"{prefix}{one}", **entry})
    return found


def _json(value: Any) -> Answer:
    return 200, json.dumps(value).encode(), {"Content-Type": "application/json"}

"""Sends one viewer what the files of a run hold beyond its offsets, and then what comes.

One frame is on its way at a time, and the next is read only when the last was taken by the network:
a viewer that stops reading costs the memory of one frame, and nobody else notices.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from aiohttp import web

from ..frames import frame_end
from ..manifest import EVENTS, MANIFEST, ROLLOUTS

ENDED, OFFSET, TROUBLE = 1001, 4000, 4001
"""Close codes: the trainer ends; the client holds bytes that this run doesn't have; the files can't
be read."""

_EVENTS_CHUNK = 256 * 1024


class Viewer:
    """One subscriber.

    Args:
        directory: of the run
        socket: to the client
        events: bytes of `events.jsonl` the client has
        rollouts: bytes of `rollouts.arrows` it has
    """

    def __init__(
        self, directory: Path, socket: web.WebSocketResponse, events: int, rollouts: int
    ) -> None:
        self._directory = directory
        self._socket = socket
        self._events = events
        self._rollouts = rollouts
        self._manifest_seen: tuple[int, int] | None = None
        self._news = asyncio.Event()
        self._ending = False

    def notify(self) -> None:
        """Something may have been written."""
        self._news.set()

    def end(self) -> None:
        """Sends what is left and closes."""
        self._ending = True
        self._news.set()

    async def run(self) -> None:
        """Runs until the socket is closed. Never raises."""
        try:
            if not await self._offsets_are_there():
                return
            while not self._socket.closed:
                self._news.clear()
                if await self._send_some():
                    continue
                if self._ending:
                    await self._socket.close(code=ENDED, message=b"The engine ends.")
                    return
                # What another process writes (the extension's probes) is seen a second later.
                try:
                    async with asyncio.timeout(1):
                        await self._news.wait()
                except TimeoutError:
                    continue
        except (OSError, ValueError) as error:
            await self._fail(TROUBLE, f"The run can't be read: {error}.")

    async def _offsets_are_there(self) -> bool:
        """A viewer that holds bytes this run doesn't have is a mirror of something else."""
        for name, offset in ((EVENTS, self._events), (ROLLOUTS, self._rollouts)):
            path = self._directory / name
            size = path.stat().st_size if path.exists() else 0
            if offset > size:
                message = f"{name} has {size} bytes; there is nothing after byte {offset}."
                await self._fail(OFFSET, message)
                return False
        return True

    async def _fail(self, code: int, message: str) -> None:
        if not self._socket.closed:
            await self._send({"type": "error", "message": message})
            # A close reason holds at most 123 bytes.
            await self._socket.close(code=code, message=message[:100].encode())

    async def _send_some(self) -> bool:
        """One round over all that may be new; false when there was nothing."""
        await self._send_manifest()
        events = await self._send_events()
        rollouts = await self._send_batch()
        return events or rollouts

    async def _send_manifest(self) -> None:
        path = self._directory / MANIFEST
        status = path.stat()
        seen = (status.st_mtime_ns, status.st_ino)
        if seen == self._manifest_seen:
            return
        manifest: dict[str, Any] = json.loads(path.read_text("utf8"))
        self._manifest_seen = seen
        if manifest.get("endpoint"):
            manifest["endpoint"] = {**manifest["endpoint"], "token": ""}
        await self._send({"type": "manifest", "manifest": manifest})

    async def _send_events(self) -> bool:
        """Whole lines, at least one where there is one."""
        with (self._directory / EVENTS).open("rb") as file:
            file.seek(self._events)
            chunk = file.read(_EVENTS_CHUNK)
            if b"\n" not in chunk:
                chunk += file.readline()
        lines = chunk[: chunk.rfind(b"\n") + 1]
        if not lines:
            return False
        data = lines.decode("utf8")
        await self._send({"type": "events", "offset": self._events, "data": data})
        self._events += len(lines)
        return True

    async def _send_batch(self) -> bool:
        """One whole Arrow message."""
        with (self._directory / ROLLOUTS).open("rb") as file:
            end = frame_end(file, self._rollouts)
            if end is None:
                return False
            file.seek(self._rollouts)
            message = file.read(end - self._rollouts)
        await self._socket.send_bytes(self._rollouts.to_bytes(8, "little") + message)
        self._rollouts = end
        return True

    async def _send(self, message: dict[str, Any]) -> None:
        await self._socket.send_str(json.dumps(message, ensure_ascii=False))

"""The server: a thread of its own, on a free port of 127.0.0.1.

It reads the directory as any viewer does, so what is slow or broken on this side never reaches the
writer.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from .http import Routes, answer, error_response, refusal
from .viewer import ENDED, Viewer

SUBPROTOCOL = "adaptive-grpo.v1"
STREAM_PATH = "/stream"
COMMANDS = ("stop", "pause", "resume", "step", "set", "checkpoint")

_MAX_MESSAGE = 64 * 1024
_MAX_BODY = 4 * 1024 * 1024
_PING = 15.0
_FLUSH = 3.0
"""Seconds that viewers get for the rest when the trainer ends."""
_BAD_MESSAGE = 1008


class CommandAnswer(Protocol):
    """What became of a command."""

    @property
    def outcome(self) -> str:
        """`applied` or `refused`."""

    @property
    def message(self) -> str:
        """A plain sentence."""


OnCommand = Callable[[str, str, Mapping[str, Any]], "Future[Any]"]
"""Of id, name and arguments; settles with a `CommandAnswer`."""


class RunServer:
    """Tails a run directory over WebSockets, passes commands on, and answers HTTP routes.

    Args:
        directory: of the run
        on_command: carries out a command at the next safe point
        routes: by method and path, behind the same token
        token: that everybody has to know
    """

    def __init__(self, directory: Path, on_command: OnCommand, routes: Routes, token: str) -> None:
        self._directory = directory
        self._on_command = on_command
        self._routes = routes
        self._token = token
        self._viewers: set[Viewer] = set()
        self._sockets: set[web.WebSocketResponse] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="server")
        self._thread.start()
        self.url = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        """`http://127.0.0.1:PORT`"""

    def notify(self) -> None:
        """Something was written: have it sent now."""
        self._loop.call_soon_threadsafe(self._notify_all)

    def close(self) -> None:
        """Sends viewers the rest, closes their sockets and the port."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _notify_all(self) -> None:
        for viewer in self._viewers:
            viewer.notify()

    async def _start(self) -> str:
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return f"http://127.0.0.1:{port}"

    async def _stop(self) -> None:
        for viewer in self._viewers:
            viewer.end()
        # Who only sends commands has nothing to be sent.
        deadline = self._loop.time() + _FLUSH
        while self._viewers and self._loop.time() < deadline:
            await asyncio.sleep(0.01)
        for socket in list(self._sockets):
            await socket.close(code=ENDED, message=b"The engine ends.")
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        refused = refusal(request, self._token)
        if refused is not None:
            return refused
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return await answer(self._routes, request)
        if request.path != STREAM_PATH:
            return error_response(404, "There is nothing here.")
        offered = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        if SUBPROTOCOL not in [one.strip() for one in offered]:
            message = f"This server speaks the subprotocol {SUBPROTOCOL} only."
            return error_response(400, message)
        return await self._converse(request)

    async def _converse(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,), heartbeat=_PING, max_msg_size=_MAX_MESSAGE, compress=False
        )
        await socket.prepare(request)
        self._sockets.add(socket)
        tasks: set[asyncio.Task[None]] = set()
        subscribed: Viewer | None = None
        try:
            async for incoming in socket:
                message = _parse(incoming)
                if isinstance(message, str):
                    await _turn_away(socket, message)
                elif message["type"] == "command":
                    tasks.add(asyncio.create_task(self._command(socket, message)))
                elif subscribed is not None:
                    await _turn_away(socket, "This connection has subscribed already.")
                else:
                    offsets = message["events"], message["rollouts"]
                    subscribed = Viewer(self._directory, socket, *offsets)
                    self._viewers.add(subscribed)
                    tasks.add(asyncio.create_task(self._watch(subscribed)))
        finally:
            self._sockets.discard(socket)
            for task in tasks:
                task.cancel()
        return socket

    async def _watch(self, viewer: Viewer) -> None:
        try:
            await viewer.run()
        except ConnectionError:
            pass  # the viewer is gone
        finally:
            self._viewers.discard(viewer)

    async def _command(self, socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
        future = self._on_command(message["id"], message["command"], message.get("args", {}))
        # The command goes on, whoever asked for it.
        result: CommandAnswer = await asyncio.shield(asyncio.wrap_future(future))
        if not socket.closed:
            told = {"outcome": result.outcome, "message": result.message}
            await socket.send_str(json.dumps({"type": "answer", "id": message["id"], **told}))


async def _turn_away(socket: web.WebSocketResponse, message: str) -> None:
    await socket.send_str(json.dumps({"type": "error", "message": message}))
    await socket.close(code=_BAD_MESSAGE, message=message[:100].encode())


def _parse(incoming: Any) -> dict[str, Any] | str:
    """A client's message, or a plain sentence saying why it is none."""
    if incoming.type is not WSMsgType.TEXT:
        return "Messages to the engine are text."
    try:
        message = json.loads(incoming.data)
    except ValueError:
        return "The message is not valid JSON."
    if not isinstance(message, dict):
        return "The message is not one of ours (type)."
    if message.get("type") == "subscribe":
        offsets = [message.get(name) for name in ("events", "rollouts")]
        if all(type(one) is int and one >= 0 for one in offsets):
            return message
        return "The message is not one of ours (events, rollouts)."
    if message.get("type") == "command":
        id_, command, args = (message.get(name) for name in ("id", "command", "args"))
        if not isinstance(id_, str) or not 0 < len(id_) <= 100:
            return "The message is not one of ours (id)."
        if command not in COMMANDS:
            return "The message is not one of ours (command)."
        values = args.values() if isinstance(args, dict) else [] if args is None else [()]
        if any(not isinstance(one, str | int | float | bool | None) for one in values):
            return "The message is not one of ours (args)."
        return message
    return "The message is not one of ours (type)."

"""JSON in, JSON out, errors in the dialect of the OpenAI API."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

Route = Callable[[Any], Awaitable[Any]]
Routes = Mapping[str, Route]
"""By method and path: `POST /v1/completions`."""

_LOCAL = ("127.0.0.1", "localhost", "[::1]")


class HttpError(Exception):
    """An error a route answers with."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def error_response(status: int, message: str) -> web.Response:
    """As the OpenAI API says it."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    return web.json_response(
        {"error": {"message": message, "type": kind, "code": status}}, status=status
    )


def refusal(request: web.Request, token: str) -> web.Response | None:
    """Who may not talk to the trainer.

    A process on this machine that knows the token may. A page in a browser may not, whatever it
    knows: it always sends `Origin`, and a name that was rebound to 127.0.0.1 shows in `Host`.
    """
    host = re.sub(r":\d+$", "", request.headers.get("Host", "")).lower()
    if host not in _LOCAL:
        return error_response(403, "This server answers to 127.0.0.1 and localhost only.")
    if "Origin" in request.headers:
        return error_response(403, "Web pages may not talk to this server.")
    given = re.match(r"(?i)bearer (.+)$", request.headers.get("Authorization", ""))
    # Headers may hold bytes that are no text.
    told = b"" if given is None else given[1].encode("utf8", "surrogateescape")
    if not hmac.compare_digest(told, token.encode()):
        return error_response(401, "The token is missing or wrong.")
    return None


async def answer(routes: Routes, request: web.Request) -> web.Response:
    """Answers one request that may pass."""
    route = routes.get(f"{request.method} {request.path}")
    if route is None:
        known = any(one.endswith(f" {request.path}") for one in routes)
        if known:
            return error_response(405, f"{request.path} does not take {request.method}.")
        return error_response(404, f"There is nothing at {request.path}.")
    try:
        text = await request.text()
        body = json.loads(text) if text else None
    except (ValueError, UnicodeDecodeError):
        return error_response(400, "The body is not valid JSON.")
    except web.HTTPRequestEntityTooLarge:
        return error_response(413, "The body is too large.")
    try:
        return web.json_response(await route(body))
    except HttpError as error:
        return error_response(error.status, str(error))
    except Exception as error:  # whatever it is belongs to who asked, not to the run
        return error_response(500, str(error))

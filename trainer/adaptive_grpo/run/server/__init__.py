"""Serves a run directory on 127.0.0.1. The twin of `src/run/server`."""

from .http import HttpError, Routes
from .server import RunServer

__all__ = ["HttpError", "Routes", "RunServer"]

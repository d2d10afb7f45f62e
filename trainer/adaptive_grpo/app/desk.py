"""What the main process keeps of a run: its record, its commands, its server."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from typing import Any

from ..errors import PlainError
from ..run.server import RunServer
from ..training import TokenAdaptiveGRPOTrainer
from .completions import completion_routes
from .control import Control
from .judging import reward_routes
from .recipe import Recipe
from .start import Start, open_recorder


class Desk:
    """Opens the run directory; `finish` or `fail` closes it.

    Args:
        recipe: what is trained
        start: where it begins
        trainer: whose run it is
    """

    def __init__(self, recipe: Recipe, start: Start, trainer: TokenAdaptiveGRPOTrainer) -> None:
        self.recorder = open_recorder(recipe, start, trainer)
        self.control = Control(self.recorder.say, lambda mode: self.recorder.manifest(state=mode))
        self._server: RunServer | None = None
        self._warnings = recipe.warnings
        self._start = start
        self._trainer = trainer
        trainer.ledger.recorder = self.recorder

    def serve(self) -> dict[str, Any]:
        """Lets others watch and steer; returns the line that says where."""
        token = secrets.token_hex(32)
        name = str(self.recorder.writer.manifest["name"])
        routes = {
            **completion_routes(self._trainer, self.control, name),
            **reward_routes(self._trainer, self.control),
        }
        directory = self._start.directory
        self._server = RunServer(directory, self.control.submit, routes, token)
        self.recorder.writer.on_write = self._server.notify
        self.recorder.manifest(endpoint={"url": self._server.url, "token": token})
        return {
            "type": "ready",
            "url": self._server.url,
            "token": token,
            "run_directory": str(directory),
            "pid": os.getpid(),
        }

    def begin(self) -> None:
        """Says that the run starts, and from where."""
        start, size = self._start, self.recorder.writer.rollouts_size
        # What a crash left of steps that are repeated stays in the file, and no view shows it.
        lost = start.resumes and start.rollouts_bytes < size
        # Rows of no step begin behind the schema.
        kept = max(start.rollouts_bytes, self.recorder.writer.schema_size)
        self.recorder.manifest(state="running")
        self.recorder.say(
            "run_started",
            resumed_from_step=start.step if start.resumes or start.checkpoint else None,
            superseded=[kept, size] if lost and kept < size else None,
        )
        for warning in self._warnings:
            self.recorder.say("warning", code="recipe", message=warning)

    def changed(self, changes: Mapping[str, Any]) -> None:
        """A command has changed keys of the recipe."""
        values = {name: one["new"] for name, one in changes.items()}
        recipe = {**self.recorder.writer.manifest["recipe"], **values}
        self.recorder.manifest(recipe=recipe)

    def finish(self, reason: str) -> None:
        """The run has come to an end: `max_steps`, `max_generated_tokens` or `stopped`."""
        # What came too late is refused before the log says that the run is over.
        self.control.close()
        self.recorder.say("run_finished", reason=reason)
        self._close("stopped" if reason == "stopped" else "finished")

    def fail(self, error: PlainError) -> None:
        """The run has failed."""
        self.control.close()
        self.recorder.say("run_failed", message=error.message, next=error.next_step)
        self._close("failed")

    def _close(self, state: str) -> None:
        self.recorder.manifest(state=state)
        if self._server is not None:
            self._server.close()
            self.recorder.writer.on_write = lambda: None
        self.recorder.manifest(endpoint=None)
        self.recorder.close()

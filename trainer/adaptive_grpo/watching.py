"""Looking at a plain TRL run: one line more, and nothing of it changes."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import uuid
from collections.abc import Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import yaml

from . import __version__
from .compat import check_trl, trl_version
from .events import RunEvents
from .run import Recorder, RunWriter
from .run.server import RunServer
from .training.baseline import baseline_groups
from .training.ledger import Capture, Ledger
from .training.sharing import total
from .training.state import write_state


class RolloutStreamCallback(RunEvents):
    """Streams the rollouts of any TRL `GRPOTrainer` into a run directory.

        trainer = GRPOTrainer(...)
        trainer.add_callback(RolloutStreamCallback(trainer, "runs/first"))
        trainer.train()

    What TRL samples, scores and trains is untouched; the policy reads the recorded completions
    once more to say what it thought of each token.

    Args:
        trainer: whose rollouts
        directory: of the run; must not hold one
        capture: what part of the rollouts is recorded
        serve: lets others watch while it goes on; the endpoint is in `run.json`

    Raises:
        DiskError: the directory can't be written
    """

    def __init__(
        self,
        trainer: Any,
        directory: str | Path,
        *,
        capture: Capture | None = None,
        serve: bool = False,
    ) -> None:
        check_trl()
        capture = capture or Capture()
        recorder = None
        self._server: RunServer | None = None
        if trainer.accelerator.is_main_process:
            recorder = _open(trainer, Path(directory).resolve(), capture)
            if serve:
                self._server = _serve(recorder)
        super().__init__(
            Ledger(trainer._tokenizer, recorder, records=True, capture=capture), saves_last=False
        )
        self._trainer = trainer
        self._rewards = torch.zeros(0)
        self._watch(trainer)

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        """The run starts."""
        if self.ledger.recorder is not None:
            self.ledger.recorder.manifest(state="running", max_steps=int(state.max_steps))
            self.ledger.recorder.say("run_started", resumed_from_step=None, superseded=None)

    def on_train_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        """The run has come to its end; one that raises instead is seen to have crashed."""
        recorder = self.ledger.recorder
        if recorder is None:
            return
        done = state.global_step >= state.max_steps
        recorder.say("run_finished", reason="max_steps" if done else "stopped")
        recorder.manifest(state="finished" if done else "stopped")
        if self._server is not None:
            self._server.close()
            recorder.writer.on_write = lambda: None
        recorder.manifest(endpoint=None)
        recorder.close()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A checkpoint is written; what the run had come to goes beside it."""
        step = state.global_step
        folder = Path(args.output_dir) / f"checkpoint-{step}"
        write_state(folder, step, self.ledger, self._trainer.accelerator)
        super().on_save(args, state, control)

    def _watch(self, trainer: Any) -> None:
        """Looks at what three methods of this one trainer return."""
        generate, rewards = trainer._generate_and_score_completions, trainer._calculate_rewards
        loss = trainer._compute_loss

        def watched_rewards(inputs: Any, prompts: Any, *rest: Any, **named: Any) -> Any:
            table = rewards(inputs, prompts, *rest, **named)
            first = trainer.accelerator.process_index * len(prompts)
            self._rewards = table[first : first + len(prompts)]
            return table

        def watched_generate(inputs: Any) -> Any:
            output = generate(inputs)
            if trainer.model.training:
                groups = baseline_groups(trainer, self.ledger, inputs, output, self._rewards)
                step = trainer.state.global_step + 1
                processes = trainer.accelerator.num_processes
                self.round = self.ledger.finish_round(groups, step, processes)
            return output

        def watched_loss(model: Any, inputs: Any) -> Any:
            if trainer.model.training:
                mask = inputs["completion_mask"] * inputs.get("tool_mask", 1)
                trained = total(trainer.accelerator, [float((mask > 0).sum())])
                self.ledger.counters.trained += int(trained[0])
            return loss(model, inputs)

        trainer._calculate_rewards = watched_rewards
        trainer._generate_and_score_completions = watched_generate
        trainer._compute_loss = watched_loss


def _open(trainer: Any, directory: Path, capture: Capture) -> Recorder:
    values = trainer.args.to_dict().items()
    recipe = {key: value for key, value in values if _is_plain(value)}
    recipe |= {"engine": "trl", "use_token_adaptive": False}
    manifest = {
        "schema_version": 1,
        "run_id": str(uuid.uuid4()),
        "name": trainer.args.run_name or directory.name,
        "engine": {"name": "trl", "version": f"{__version__} (TRL {trl_version()}, watched)"},
        "strategy": "baseline",
        "recipe": recipe,
        "model": str(trainer.model.config.name_or_path),
        "seed": trainer.args.seed,
        "git_commit": None,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started_at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "state": "starting",
        "max_steps": max(0, int(trainer.args.max_steps)),
        "endpoint": None,
        "capture": {
            "top_k": capture.top_k,
            "below": capture.below,
            "groups_per_step": capture.groups_per_step,
        },
    }
    source = yaml.safe_dump(recipe, allow_unicode=True).encode("utf8")
    writer = RunWriter.create(directory, manifest, source)
    return Recorder(writer, lambda line: print(line, file=sys.stderr, flush=True))


def _serve(recorder: Recorder) -> RunServer:
    token = secrets.token_hex(32)
    server = RunServer(recorder.writer.directory, _nobody, {}, token)
    recorder.writer.on_write = server.notify
    recorder.manifest(endpoint={"url": server.url, "token": token})
    return server


class _Refused:
    outcome = "refused"
    message = "This run is only watched: TRL trains it, and nobody takes commands here."


def _nobody(_id: str, _command: str, _args: Mapping[str, Any]) -> Future[Any]:
    answer: Future[Any] = Future()
    answer.set_result(_Refused())
    return answer


def _is_plain(value: Any) -> bool:
    if isinstance(value, float):
        return float("-inf") < value < float("inf")
    return value is None or isinstance(value, str | int | list)

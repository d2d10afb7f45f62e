"""Where a run lives and where it begins."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__
from ..compat import trl_version
from ..errors import PlainError
from ..run import Recorder, RunWriter
from ..training import TokenAdaptiveGRPOTrainer
from ..training.state import STATE, read_state
from .recipe import Recipe


@dataclass(frozen=True)
class Start:
    """Where a run begins."""

    directory: Path
    checkpoint: Path | None
    """To go on from."""
    resumes: bool
    """Whether the directory holds a run already."""
    state: dict[str, Any] | None
    """What the run had come to at the checkpoint."""

    @property
    def step(self) -> int:
        """Optimizer steps done."""
        return 0 if self.state is None else int(self.state["step"])

    @property
    def rollouts_bytes(self) -> int:
        """Bytes of `rollouts.arrows` that belong to those steps."""
        return 0 if self.state is None else int(self.state["rollouts_bytes"])


def find_start(recipe: Recipe, now: datetime) -> Start:
    """Where the run lives, and where it begins.

    Raises:
        PlainError: there is no run to go on with
    """
    wanted = recipe.written.get("output_dir")
    resume = recipe.training.resume_from_checkpoint
    if isinstance(resume, str) and resume.lower() in ("true", "false"):
        resume = resume.lower() == "true"
    if not resume:
        name = f"{recipe.path.stem}-{now:%Y%m%d-%H%M%S}"
        return Start(Path(wanted or Path("runs") / name).resolve(), None, resumes=False, state=None)
    if resume is True:
        if wanted is None:
            step = "Set `output_dir` to the run's directory."
            raise PlainError("It isn't said which run is to go on.", step)
        directory = Path(wanted).resolve()
        folders = (directory / "checkpoints").glob("checkpoint-*")
        # Its state is written last: without it, a checkpoint isn't all there.
        whole = (one for one in folders if (one / STATE).is_file())
        known = [(read_state(one), one) for one in whole]
        state, newest = max(known, key=lambda one: int(one[0]["step"]), default=(None, None))
        return Start(directory, newest, resumes=True, state=state)
    checkpoint = Path(resume).resolve()
    home, state = checkpoint.parent.parent, read_state(checkpoint)
    if wanted is not None and Path(wanted).resolve() != home:
        # A new run that begins where another one's checkpoint stands.
        return Start(Path(wanted).resolve(), checkpoint, resumes=False, state=state)
    return Start(home, checkpoint, resumes=True, state=state)


def open_recorder(recipe: Recipe, start: Start, trainer: TokenAdaptiveGRPOTrainer) -> Recorder:
    """The run's directory, made or taken up again."""
    args = recipe.training
    adaptive = args.use_token_adaptive
    flat = recipe.flat()
    flat["output_dir"] = str(start.directory)
    manifest = {
        "schema_version": 1,
        "run_id": str(uuid.uuid4()),
        "name": args.run_name or recipe.path.stem,
        "engine": {"name": "trl", "version": f"{__version__} (TRL {trl_version()})"},
        "strategy": "adaptive" if adaptive else "baseline",
        "recipe": flat,
        "model": str(recipe.model.model_name_or_path),
        "seed": args.seed,
        "git_commit": _git_commit(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started_at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "state": "starting",
        "max_steps": _steps(trainer),
        "endpoint": None,
        "capture": {
            "top_k": args.capture_top_k,
            "below": args.capture_below,
            "groups_per_step": args.capture_groups_per_step,
        },
    }

    def log(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    if not start.resumes:
        return Recorder(RunWriter.create(start.directory, manifest, recipe.source), log)
    writer = RunWriter.resume(start.directory)
    kept = {key: writer.manifest[key] for key in ("run_id", "started_at", "name")}
    writer.update_manifest(**{**manifest, **kept})
    return Recorder(writer, log)


def _steps(trainer: TokenAdaptiveGRPOTrainer) -> int:
    """How many optimizer steps the run has."""
    if trainer.args.max_steps > 0:
        return int(trainer.args.max_steps)
    rounds = len(trainer.get_train_dataloader()) // trainer.args.gradient_accumulation_steps
    return int(rounds * trainer.args.num_train_epochs)


def _git_commit() -> str | None:
    command = ["git", "rev-parse", "HEAD"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=5)
    except (OSError, subprocess.SubprocessError):
        return None
    return ran.stdout.strip() if ran.returncode == 0 else None

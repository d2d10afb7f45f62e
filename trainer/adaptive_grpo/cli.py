"""`adaptive-grpo`: train by a recipe."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from .errors import PlainError, RecipeError

USAGE = """Usage: adaptive-grpo train RECIPE [--output_dir DIR] [--max_steps N] [--key value …]
                           [--serve] [--resume_from_checkpoint DIR|true]
       adaptive-grpo eval CHECKPOINT --benchmarks math500,aime24,… [--samples K] [--help]

Trains by a recipe with TRL. Every key of a recipe can be set here as well; - and _ are the same.
  --serve   watched from outside: prints one JSON line when it can be reached, and nothing else;
            everything in words goes to trainer.log in the run directory
On several devices: accelerate launch --config_file FILE -m adaptive_grpo train RECIPE …
Exit codes: 0 finished or stopped, 1 failed, 2 the recipe or the command line is wrong."""

_ENDINGS = {
    "max_steps": "Finished: all steps are done.",
    "max_generated_tokens": "Finished: the token budget is used up.",
    "stopped": "Stopped. It can go on with --resume_from_checkpoint true.",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["eval"]:
        return _evaluate(given[1:])
    if "--help" in given or "-h" in given:
        print(USAGE)
        return 0
    serve = "--serve" in given
    rest = [one for one in given if one != "--serve"]
    stage = _Stage(serve)
    try:
        if len(rest) < 2 or rest[0] != "train" or rest[1].startswith("--"):
            raise RecipeError("It has to be `train` and a recipe.", USAGE)
        return _train(Path(rest[1]), rest[2:], stage)
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        return stage.failed(error)


def _train(path: Path, overrides: Sequence[str], stage: _Stage) -> int:
    from .compat import check_trl

    check_trl()
    # Heavy: PyTorch and TRL take seconds to load.
    from .app.launch import train
    from .app.recipe import load_recipe

    recipe = load_recipe(path, overrides)
    reason = train(recipe, serve=stage.serves, say_ready=stage.ready)
    if int(os.environ.get("RANK", "0")) == 0:
        print(_ENDINGS[reason], flush=True)
    return 0


def _evaluate(arguments: Sequence[str]) -> int:
    try:
        from .evaluation.command import evaluate

        evaluate(arguments)
    except (PlainError, ImportError) as error:
        return _Stage(serves=False).failed(error)
    return 0


class _Stage:
    """Where words go: with `--serve`, stdout carries one JSON line and nothing else."""

    def __init__(self, serves: bool) -> None:
        self.serves = serves
        self._told = False
        self._stdout = os.dup(1) if serves else -1
        if serves:
            # What libraries print before the run directory is known goes to stderr.
            os.dup2(2, 1)

    def ready(self, line: dict[str, Any]) -> None:
        """The run can be reached; from here on, words go to its log."""
        from .run.manifest import LOG

        log = os.open(Path(line["run_directory"]) / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        self._say(json.dumps(line, ensure_ascii=False))

    def failed(self, error: BaseException) -> int:
        """Says why in a sentence; returns the exit code."""
        plain = _plain(error)
        if self.serves and not self._told:
            told = {"type": "failed", "message": plain.message, "next": plain.next_step}
            self._say(json.dumps(told, ensure_ascii=False))
        if not isinstance(error, PlainError):
            import traceback

            traceback.print_exception(error)
        print(f"{plain.message}\n{plain.next_step}", file=sys.stderr, flush=True)
        return 2 if isinstance(error, RecipeError) else 1

    def _say(self, line: str) -> None:
        self._told = True
        # Whoever read our output may be gone; the run is not theirs.
        with suppress(OSError):
            os.write(self._stdout, f"{line}\n".encode())


def _plain(error: BaseException) -> PlainError:
    if isinstance(error, PlainError):
        return error
    if isinstance(error, ImportError):
        # What optional packages are asked for in comes in paragraphs.
        reason = next((line for line in map(str.strip, str(error).splitlines()) if line), "")
        return PlainError(
            f"A package is missing: {reason.removesuffix('.')}.",
            "Install it, or the trainer again with all it needs: pip install ./trainer",
        )
    from .app.launch import plain

    return plain(error)

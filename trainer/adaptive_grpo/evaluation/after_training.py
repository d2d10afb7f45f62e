"""The benchmarks of a recipe, tried when its run has come to its end."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..run import Recorder
from ..training import TokenAdaptiveGRPOTrainer
from ..training.sharing import shards_parameters
from .benchmarks import Problem, load_benchmark
from .command import line_of
from .trial import Asking, LeftError, Result, ask

BENCHMARKS = "benchmarks.json"
"""In the run directory: the figures, as `adaptive-grpo eval --output` writes them."""


class Benchmarks:
    """Loaded before the run begins, so that a wrong name is said before hours are spent.

    Args:
        names: of the recipe's `benchmarks`: see `load_benchmark`
        folders: where files of theirs are looked for before the Hub
        system_prompt: before each problem, as in training

    Raises:
        PlainError: one can't be had
    """

    def __init__(
        self, names: Sequence[str], folders: Sequence[Path], system_prompt: str | None
    ) -> None:
        self._system_prompt = system_prompt
        self._problems: Mapping[str, Sequence[Problem]] = {
            name: load_benchmark(name, folders) for name in names
        }

    def run(self, trainer: TokenAdaptiveGRPOTrainer, left: Callable[[], bool]) -> None:
        """Asks the trained policy greedily and tells the log, `benchmarks.json` and the reports.

        The main process calls it. Where no process has all parameters, and for what is left, it
        says how to try the last checkpoint instead.

        Args:
            trainer: whose run is done and saved
            left: asked between batches of problems whether the rest is to be left
        """
        recorder = trainer.ledger.recorder
        if not self._problems or recorder is None:
            return

        def warn(message: str) -> None:
            recorder.say("warning", code="benchmarks", message=message, key="benchmarks")
            print(message, flush=True)

        def later(names: Sequence[str]) -> str:
            checkpoint = Path(trainer.args.output_dir) / f"checkpoint-{trainer.state.global_step}"
            told = f"--benchmarks {','.join(names)} --temperature 0"
            return f"adaptive-grpo eval {checkpoint} {told}"

        if shards_parameters(trainer.accelerator):
            why = "The parameters are spread over processes, so the benchmarks are left to"
            warn(f"{why}: {later(list(self._problems))}")
            return
        try:
            results = self._asked(trainer, left)
            if results:
                self._tell(trainer, recorder, results)
        except Exception as error:  # the run is done and saved: nothing may make it a failed one
            warn(f"The benchmarks could not be tried: {type(error).__name__}: {error}")
            return
        rest = [name for name in self._problems if name not in results]
        if rest:
            warn(f"The run was told to end, so benchmarks are left to: {later(rest)}")

    def _tell(
        self, trainer: TokenAdaptiveGRPOTrainer, recorder: Recorder, results: Mapping[str, Result]
    ) -> None:
        step = trainer.state.global_step
        figures = {Path(name).stem: one.figures["pass@1"] for name, one in results.items()}
        told = {
            f"{name}/{part}": value
            for name, figure in figures.items()
            for part, value in zip(("accuracy", "low", "high"), figure, strict=True)
        }
        recorder.say("evaluation", step=step, metrics={f"eval/{k}": v for k, v in told.items()})
        whole: dict[str, Any] = {"step": step, "temperature": 0.0}
        whole["benchmarks"] = {name: one.told() for name, one in results.items()}
        (recorder.writer.directory / BENCHMARKS).write_text(
            json.dumps(whole, indent=2) + "\n", "utf8"
        )
        logs = {f"eval_{name}": value for name, value in told.items()}
        trainer.callback_handler.on_log(trainer.args, trainer.state, trainer.control, logs)

    def _asked(
        self, trainer: TokenAdaptiveGRPOTrainer, left: Callable[[], bool]
    ) -> dict[str, Result]:
        model = trainer.accelerator.unwrap_model(trainer.model)
        asking = Asking(
            max_tokens=trainer.max_completion_length,
            batch=trainer.args.per_device_eval_batch_size,
            system_prompt=self._system_prompt,
            seed=trainer.args.seed,
        )
        training = model.training
        model.eval()
        results: dict[str, Result] = {}
        try:
            for name, problems in self._problems.items():
                results[name] = ask(model, trainer._tokenizer, problems, asking, left)
                print(line_of(name, results[name]), flush=True)
        except LeftError:
            pass
        finally:
            model.train(training)
        return results

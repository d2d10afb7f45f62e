"""What a person at a terminal sees of a run."""

from __future__ import annotations

import sys
import time
from typing import Any


class Progress:
    """A line every `logging_steps` steps; every step is in the run directory in any case.

    Args:
        args: the training arguments
        max_steps: of the run, 0 or less where it isn't known
    """

    def __init__(self, args: Any, max_steps: int) -> None:
        self._every = max(1, int(args.logging_steps)) if args.logging_steps >= 1 else 1
        self._max_steps = max_steps
        self._began = time.perf_counter()

    def step(self, step: int, metrics: dict[str, float]) -> None:
        """A step is done."""
        if step % self._every:
            return
        shown = {
            "reward": metrics.get("reward"),
            "truncated": metrics.get("adaptive/truncation_rate"),
            "entropy": metrics.get("entropy"),
            "loss": metrics.get("loss"),
        }
        parts = [f"{name} {value:.3f}" for name, value in shown.items() if value is not None]
        whole = f"/{self._max_steps}" if self._max_steps > 0 else ""
        tokens = f"{metrics.get('tokens/generated', 0):,.0f} tokens"
        seconds = f"{time.perf_counter() - self._began:.0f} s"
        line = f"step {step}{whole}  {'  '.join(parts)}  {tokens}  {seconds}"
        print(line, file=sys.stdout, flush=True)

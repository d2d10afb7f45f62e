"""What a step of the strategy costs beside TRL's own GRPO, and what watching is of it.

`python bench/cost.py [MODEL] [--pairs 7]`: both trainers take turns on the same prompts, and the
ratio of each pair counts, so that whatever else the machine does weighs on both. Prompts are the
shipped model's sums unless the model has a tokenizer of its own for them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import training
from conftest import BASE

from adaptive_grpo.generation import sampler as sampling
from adaptive_grpo.run import Recorder, RunWriter
from adaptive_grpo.training import TokenAdaptiveGRPOTrainer


class Meter:
    """Seconds of the sampler's methods, and tokens that its model calls read."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.read = 0
        self.prefilled = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Counts while it is open."""
        inside = {name: getattr(sampling.Sampler, name) for name in ("_watch", "_alternatives")}
        prefill = sampling.prefill

        def timed(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
            def call(sampler: Any, *arguments: Any) -> Any:
                began = time.perf_counter()
                try:
                    return method(sampler, *arguments)
                finally:
                    self.seconds[name] += time.perf_counter() - began

            return call

        def counted_prefill(model: Any, sequences: Any) -> Any:
            found = prefill(model, sequences)
            self.prefilled += sum(map(len, sequences))
            return found

        def count(_model: Any, _arguments: Any, keys: dict[str, Any]) -> None:
            mask = keys.get("attention_mask")
            if keys.get("use_cache") and mask is not None:
                # What is new: the last columns of the mask, without the padding.
                self.read += int(mask[:, -keys["input_ids"].shape[1] :].sum())

        for name, method in inside.items():
            setattr(sampling.Sampler, name, timed(name, method))
        sampling.prefill = counted_prefill
        hook = self._model.register_forward_pre_hook(count, with_kwargs=True)
        try:
            yield
        finally:
            hook.remove()
            sampling.prefill = prefill
            for name, method in inside.items():
                setattr(sampling.Sampler, name, method)

    def of(self, model: torch.nn.Module) -> Meter:
        """The model whose calls count."""
        self._model = model
        return self


def step(
    model: torch.nn.Module, tokenizer: Any, options: argparse.Namespace, seed: int, adaptive: bool
) -> dict[str, float]:
    """One training step of one of the two, everything recorded."""
    with tempfile.TemporaryDirectory() as folder:
        args = training.config(
            Path(folder),
            use_token_adaptive=adaptive,
            per_device_train_batch_size=options.rows,
            max_completion_length=options.tokens,
            min_prefix_length=options.prefix,
            uncertainty_threshold=options.threshold,
            reward_weights=[1.0],
            max_steps=1,
            seed=seed,
        )
        writer = RunWriter.create(Path(folder) / "run", {"schema_version": 1}, b"")
        trainer = TokenAdaptiveGRPOTrainer(
            recorder=Recorder(writer, print),
            model=model,
            processing_class=tokenizer,
            reward_funcs=[training.accuracy],
            args=args,
            train_dataset=Dataset.from_list(training.problems(64)),
        )
        meter = Meter().of(model)
        with meter.watching():
            trainer.train()
        logged = next(line for line in trainer.state.log_history if "step_time" in line)
        names = ("step_time", "time/generate", "time/credit", "time/record", "tokens/generated")
        found = {name: float(logged.get(name, 0.0)) for name in names}
        found["alternatives"] = meter.seconds["_alternatives"]
        found["watch"] = meter.seconds["_watch"] - meter.seconds["_alternatives"]
        found["read"], found["prefilled"] = meter.read, meter.prefilled
        return found


def middle(values: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def main() -> None:
    """Prints the figures, and the raw ones as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default=str(BASE))
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--prefix", type=int, default=15)
    parser.add_argument("--threshold", type=float, default=0.7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32)
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    pairs: list[tuple[dict[str, float], dict[str, float]]] = []
    for number in range(-1, options.pairs):
        sides = {}
        # In turn, each first as often as the other.
        for adaptive in (True, False) if number % 2 else (False, True):
            model.load_state_dict(weights)
            sides[adaptive] = step(model, tokenizer, options, 7 + number, adaptive)
        if number >= 0:  # the first is for caches to warm up
            pairs.append((sides[True], sides[False]))
    ours = [one for one, _ in pairs]
    ratio = [one["step_time"] / other["step_time"] for one, other in pairs]
    print(f"{options.model}: {options.pairs} pairs, {options.rows} completions of at most")
    print(f"{options.tokens} tokens, adaptive over TRL's GRPO, median and range")
    print("step time, ratio      ", middle(ratio))
    sampled = [one["tokens/generated"] / other["tokens/generated"] for one, other in pairs]
    print("generated tokens      ", middle(sampled))
    per = [r / s for r, s in zip(ratio, sampled, strict=True)]
    print("step time a token     ", middle(per))
    for label, names in (
        ("detection", ("watch",)),
        ("credit", ("time/credit",)),
        ("recording", ("alternatives", "time/record")),
        ("all three", ("watch", "alternatives", "time/credit", "time/record")),
    ):
        share = [100 * sum(one[name] for name in names) / one["step_time"] for one in ours]
        print(f"{label:22}", middle(share), "% of the step")
    twice = [one["read"] - one["prefilled"] - one["tokens/generated"] for one in ours]
    print("tokens read by the model, less sampled, less prompts read once:", *map(int, twice))
    print(json.dumps(pairs))
    assert not any(twice), "tokens were paid for twice"


if __name__ == "__main__":
    main()

"""Asks a model the problems of a benchmark."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import PlainError
from ..generation import GeneratedSegment, RoundSettings, Sampler
from ..rewards.correctness import is_right
from ..strategy import RolloutPlan, StrategyParameters
from ..training.prompts import NO_END
from .benchmarks import Problem
from .intervals import Figure, mean_over_problems, pass_at


@dataclass(frozen=True, kw_only=True)
class Asking:
    """How problems are asked."""

    max_tokens: int
    """Of an answer."""
    samples: int = 1
    """Answers to each problem: the k of avg@k."""
    temperature: float = 0.0
    """0 is greedy."""
    batch: int = 32
    """Answers sampled at once."""
    system_prompt: str | None = None
    seed: int = 42


@dataclass(frozen=True)
class Result:
    """What came of a benchmark."""

    problems: int
    samples: int
    tokens: int
    """Sampled."""
    cut: int
    """Answers that ran into `max_tokens`."""
    seconds: float
    figures: dict[str, Figure]
    """By name: `pass@1`, and of several samples `avg@k` and `pass@k`."""

    def told(self) -> dict[str, Any]:
        """As JSON."""
        sizes = {"problems": self.problems, "samples": self.samples, "tokens": self.tokens}
        figures = {name: one._asdict() for name, one in self.figures.items()}
        return {**sizes, "cut": self.cut, "seconds": self.seconds, **figures}


class LeftError(Exception):
    """Somebody doesn't want to wait for the rest of the problems."""


def ask(
    model: Any,
    tokenizer: Any,
    problems: Sequence[Problem],
    asking: Asking,
    left: Callable[[], bool] = lambda: False,
) -> Result:
    """Samples answers and counts the right ones.

    Args:
        model: a causal language model, in evaluation mode
        tokenizer: its own; with a chat template, a problem is a user's message
        problems: at least one
        asking: how
        left: asked before each batch whether the rest is to be left

    Raises:
        PlainError: no token ends an answer
        LeftError: it was
    """
    began = time.perf_counter()
    plain = StrategyParameters(
        use_token_adaptive=False,
        num_generations=asking.samples,
        temperature=asking.temperature,
    )
    ends = model.generation_config.eos_token_id or tokenizer.eos_token_id
    if ends is None:
        raise PlainError(*NO_END)
    ids = [_prompt_ids(tokenizer, one.prompt, asking.system_prompt) for one in problems]
    # Problems of about the same length belong together.
    order = sorted(range(len(problems)), key=lambda i: len(ids[i]))
    each = max(1, asking.batch // asking.samples)
    rights: list[list[bool]] = [[] for _ in problems]
    tokens = cut = 0
    for first in range(0, len(order), each):
        if left():
            raise LeftError
        chunk = order[first : first + each]
        found: list[GeneratedSegment] = []
        settings = RoundSettings(
            parameters=plain,
            temperature=1.0,
            max_completion_length=asking.max_tokens,
            end_tokens=frozenset([ends] if isinstance(ends, int) else ends),
            capture_top_k=0,
            capture_below=0.0,
            stream=(asking.seed, 0),
            first_tree=first,
        )
        plan = RolloutPlan(plain, len(chunk), lambda: 0.0)
        Sampler(model, [ids[i] for i in chunk], plan, settings, found.append).run()
        for segment in sorted(found, key=lambda one: one.segment):
            problem = chunk[segment.request.tree]
            text = tokenizer.decode(segment.token_ids.tolist(), skip_special_tokens=True)
            # A gold answer that can't be read counts against the model, not for it.
            rights[problem].append(is_right(text, problems[problem].answer) is True)
            tokens += len(segment.token_ids)
            cut += segment.status == "length"
        done = min(len(order), first + each)
        if sys.stderr.isatty():
            print(f"{done} of {len(order)} problems", end="\r", file=sys.stderr, flush=True)
    seconds = time.perf_counter() - began
    return Result(len(problems), asking.samples, tokens, cut, seconds, _figures(rights, asking))


def _figures(rights: Sequence[Sequence[bool]], asking: Asking) -> dict[str, Figure]:
    figures = {"pass@1": mean_over_problems(rights)}
    if asking.samples > 1:
        figures[f"avg@{asking.samples}"] = figures["pass@1"]
        figures[f"pass@{asking.samples}"] = pass_at(asking.samples, rights)
    return figures


def _prompt_ids(tokenizer: Any, prompt: str, system: str | None) -> list[int]:
    if tokenizer.chat_template is None:
        text = prompt if system is None else f"{system}\n\n{prompt}"
        return list(tokenizer(text)["input_ids"])
    messages = [] if system is None else [{"role": "system", "content": system}]
    messages.append({"role": "user", "content": prompt})
    rendered = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
    return list(rendered["input_ids"])

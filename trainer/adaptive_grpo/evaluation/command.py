"""`adaptive-grpo eval`: samples answers to benchmarks and says how many are right."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from ..errors import PlainError, RecipeError
from ..generation import GeneratedSegment, RoundSettings, Sampler
from ..rewards.correctness import is_right
from ..strategy import RolloutPlan, StrategyParameters
from .benchmarks import Problem, load_benchmark
from .intervals import Figure, mean_over_problems, pass_at


def evaluate(arguments: Sequence[str]) -> None:
    """Prints a table, and with `--output` writes a JSON file.

    Raises:
        PlainError: the checkpoint or a benchmark can't be had
    """
    options = _parser().parse_args(list(arguments))
    if min(options.samples, options.max_tokens, options.batch) < 1 or options.temperature < 0:
        raise RecipeError("An option is below what makes sense.", "See adaptive-grpo eval --help.")
    names = [name for name in options.benchmarks.split(",") if name]
    problems = {name: load_benchmark(name, options.benchmark_folder) for name in names}
    model, tokenizer = _load(options.checkpoint)
    results: dict[str, Any] = {}
    for name, asked in problems.items():
        few = asked[: options.limit]
        began = time.perf_counter()
        rights, tokens = _answer(model, tokenizer, few, options)
        results[name] = {
            "problems": len(few),
            "samples": options.samples,
            "tokens": tokens,
            "seconds": time.perf_counter() - began,
            **{key: one._asdict() for key, one in _figures(rights, options.samples).items()},
        }
        _print(name, results[name])
    if options.output is not None:
        told = {"checkpoint": options.checkpoint, "temperature": options.temperature}
        told |= {"seed": options.seed, "max_tokens": options.max_tokens, "benchmarks": results}
        options.output.write_text(json.dumps(told, indent=2) + "\n", "utf8")


def _figures(rights: Sequence[Sequence[bool]], samples: int) -> dict[str, Figure]:
    figures = {"pass@1": mean_over_problems(rights)}
    if samples > 1:
        figures[f"avg@{samples}"] = figures["pass@1"]
        figures[f"pass@{samples}"] = pass_at(samples, rights)
    return figures


def _answer(
    model: Any, tokenizer: Any, problems: Sequence[Problem], options: argparse.Namespace
) -> tuple[list[list[bool]], int]:
    """For each problem, which of its answers are right; and the tokens it took."""
    plain = StrategyParameters(
        use_token_adaptive=False,
        num_generations=options.samples,
        temperature=options.temperature,
    )
    ends = model.generation_config.eos_token_id or tokenizer.eos_token_id
    ids = [_prompt_ids(tokenizer, one.prompt, options.system_prompt) for one in problems]
    # Problems of about the same length belong together.
    order = sorted(range(len(problems)), key=lambda i: len(ids[i]))
    each = max(1, options.batch // options.samples)
    rights: list[list[bool]] = [[] for _ in problems]
    tokens = 0
    for first in range(0, len(order), each):
        chunk = order[first : first + each]
        found: list[GeneratedSegment] = []
        settings = RoundSettings(
            parameters=plain,
            temperature=1.0,
            max_completion_length=options.max_tokens,
            end_tokens=frozenset([ends] if isinstance(ends, int) else ends),
            capture_top_k=0,
            capture_below=0.0,
            stream=(options.seed, 0),
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
        done = min(len(order), first + each)
        print(f"{done} of {len(order)} problems", end="\r", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return rights, tokens


def _prompt_ids(tokenizer: Any, prompt: str, system: str | None) -> list[int]:
    if tokenizer.chat_template is None:
        text = prompt if system is None else f"{system}\n\n{prompt}"
        return list(tokenizer(text)["input_ids"])
    messages = [] if system is None else [{"role": "system", "content": system}]
    messages.append({"role": "user", "content": prompt})
    rendered = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
    return list(rendered["input_ids"])


def _load(checkpoint: str) -> tuple[Any, Any]:
    try:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint)
        model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype="auto")
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        message = f"The checkpoint {checkpoint} can't be loaded: {reason}"
        raise PlainError(
            message, "Name a folder `checkpoints/checkpoint-N`, or a model."
        ) from error
    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else "cpu"
    return model.eval().to(device), tokenizer


def _print(name: str, result: dict[str, Any]) -> None:
    shown = [
        f"{key} {100 * one['mean']:.1f} % ({100 * one['low']:.1f} to {100 * one['high']:.1f})"
        for key, one in result.items()
        if isinstance(one, dict)
    ]
    sizes = f"{result['problems']} problems, {result['tokens']:,} tokens"
    print(f"{name}: {', '.join(shown)}; {sizes}, {result['seconds']:.0f} s", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("adaptive-grpo eval", description=evaluate.__doc__)

    def error(message: str) -> NoReturn:
        raise RecipeError(f"The command line is wrong: {message}.", parser.format_usage().strip())

    parser.error = error  # type: ignore[method-assign]
    add = parser.add_argument
    add("checkpoint", help="a folder, or a model's name on the Hub")
    add("--benchmarks", required=True, help="math500, aime24, amc23, gsm8k or files, with commas")
    add("--benchmark_folder", type=Path, help="where NAME.jsonl is looked for before the Hub")
    add("--samples", type=int, default=1, help="answers to each problem: the k of avg@k")
    add("--temperature", type=float, default=0.6, help="0 is greedy")
    add("--max_tokens", type=int, default=2048)
    add("--system_prompt", help="before each problem")
    add("--limit", type=int, help="only the first so many problems")
    add("--batch", type=int, default=32, help="answers sampled at once")
    add("--seed", type=int, default=42)
    add("--output", type=Path, help="a JSON file for the figures")
    return parser

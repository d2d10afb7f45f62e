"""`adaptive-grpo eval`: samples answers to benchmarks and says how many are right."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from ..errors import PlainError, RecipeError
from .benchmarks import load_benchmark
from .trial import Asking, Result, ask


def evaluate(arguments: Sequence[str]) -> None:
    """Prints a table, and with `--output` writes a JSON file.

    Raises:
        PlainError: the checkpoint or a benchmark can't be had
    """
    options = _parser().parse_args(list(arguments))
    least = min(options.samples, options.max_tokens, options.batch, options.limit or 1)
    if least < 1 or options.limit == 0 or options.temperature < 0:
        raise RecipeError("An option is below what makes sense.", "See adaptive-grpo eval --help.")
    names = [name.strip() for name in options.benchmarks.split(",") if name.strip()]
    if not names:
        raise RecipeError("`--benchmarks` names none.", "Say --benchmarks math500,gsm8k.")
    own = [] if options.benchmark_folder is None else [options.benchmark_folder]
    problems = {name: load_benchmark(name, [*own, Path()]) for name in names}
    model, tokenizer = _load(options.checkpoint)
    asking = Asking(
        max_tokens=options.max_tokens,
        samples=options.samples,
        temperature=options.temperature,
        batch=options.batch,
        system_prompt=options.system_prompt,
        seed=options.seed,
    )
    results: dict[str, Any] = {}
    for name, asked in problems.items():
        result = ask(model, tokenizer, asked[: options.limit], asking)
        results[name] = result.told()
        print(line_of(name, result), flush=True)
    if options.output is not None:
        told = {"checkpoint": options.checkpoint, "temperature": options.temperature}
        told |= {"seed": options.seed, "max_tokens": options.max_tokens, "benchmarks": results}
        _write(options.output, json.dumps(told, indent=2) + "\n")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf8")
    except OSError as error:
        message = f"{path} can't be written: {error.strerror}."
        raise PlainError(message, "Name another file; the figures are above.") from error


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


def line_of(name: str, result: Result) -> str:
    """What came of a benchmark, for a person."""
    shown = [
        f"{key} {100 * one.mean:.1f} % ({100 * one.low:.1f} to {100 * one.high:.1f})"
        for key, one in result.figures.items()
    ]
    sizes = f"{result.problems} problems, {result.tokens:,} tokens, {result.seconds:.0f} s"
    return f"{name}: {', '.join(shown)}; {sizes}{_cut(result)}"


def _cut(result: Result) -> str:
    answers = result.problems * result.samples
    return f"; {result.cut} of {answers} answers cut at their limit" if result.cut else ""


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

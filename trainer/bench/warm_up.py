"""Shows a chat model the form of an answer in `countdown.py`, and nothing of how to find it.

`python bench/warm_up.py MODEL FOLDER` trains on true equations of both numbers whose sign is drawn
blindly, so that about a third of them reach the target: which one does is left to learn. Its
tokenizer is saved without a chat template, so that a prompt stays a few tokens long.
"""

from __future__ import annotations

import argparse
import random

import torch
from countdown import problems, prompt_of
from transformers import AutoModelForCausalLM, AutoTokenizer

BATCH = 32


def example(draw: random.Random) -> tuple[str, str]:
    """A prompt, and a true equation that need not reach its target."""
    numbers, target = next(problems(draw))
    (a, b), sign = sorted(numbers, reverse=True), draw.choice("+-*")
    result = {"+": a + b, "-": a - b, "*": a * b}[sign]
    return prompt_of(numbers, target), f"{a}{sign}{b}={result}"


def main() -> None:
    """Trains and saves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("folder")
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--learning_rate", type=float, default=5e-5)
    options = parser.parse_args()
    draw = random.Random(1)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32).train()
    optimizer = torch.optim.AdamW(model.parameters(), options.learning_rate)
    for step in range(options.steps):
        rows = []
        for _ in range(BATCH):
            asked, answered = (tokenizer(text)["input_ids"] for text in example(draw))
            rows.append((asked, [*answered, tokenizer.eos_token_id]))
        width = max(len(asked) + len(answered) for asked, answered in rows)
        ids = torch.full((BATCH, width), tokenizer.eos_token_id)
        labels = torch.full((BATCH, width), -100)
        for number, (asked, answered) in enumerate(rows):
            whole = torch.tensor([*asked, *answered])
            ids[number, : len(whole)] = whole
            labels[number, len(asked) : len(whole)] = whole[len(asked) :]
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        print(f"step {step + 1}/{options.steps}  loss {loss.item():.3f}", flush=True)
    tokenizer.chat_template = None
    model.save_pretrained(options.folder)
    tokenizer.save_pretrained(options.folder)


if __name__ == "__main__":
    main()

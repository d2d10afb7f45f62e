"""`POST /v1/rewards`: what the run's own reward functions say of completions of one of its prompts.

As `src/run/model/endpoint.ts` has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from ..run.server import HttpError, Routes
from ..training import TokenAdaptiveGRPOTrainer
from ..training.rounds import score_of
from .control import Control, RunEndedError

_MOST = 1024
"""Completions in one request."""


def reward_routes(trainer: TokenAdaptiveGRPOTrainer, control: Control) -> Routes:
    """Routes of a run's server."""
    places: dict[str, int] = {}

    async def judge(body: Any) -> Any:
        prompt_id, completions = _checked(body)
        if trainer.accelerator.num_processes > 1:
            raise HttpError(503, "Rewards are not given while several processes train.")
        if not places:
            ids = trainer.train_dataset["prompt_id"]
            places.update({str(one): number for number, one in enumerate(ids)})
        # The same prompt twice in a round is named `ID (2)`.
        place = places.get(prompt_id, places.get(prompt_id.rpartition(" (")[0]))
        if place is None:
            raise HttpError(404, f"The run has no prompt {prompt_id!r}.")
        row = trainer.train_dataset[place]
        try:
            job = control.at_safe_point(lambda: _judge(trainer, row, completions))
            return {"data": await asyncio.wrap_future(job)}
        except RunEndedError as error:
            raise HttpError(503, str(error)) from error

    return {"POST /v1/rewards": judge}


def _checked(body: Any) -> tuple[str, list[Any]]:
    if not isinstance(body, dict) or not isinstance(body.get("prompt_id"), str):
        raise HttpError(400, "`prompt_id`: the name of a prompt is needed.")
    completions = body.get("completions")
    if not isinstance(completions, list) or not 0 < len(completions) <= _MOST:
        raise HttpError(400, f"`completions`: a list of 1 to {_MOST} is needed.")
    for one in completions:
        ids = isinstance(one, list) and all(type(each) is int and each >= 0 for each in one)
        if not isinstance(one, str) and not ids:
            raise HttpError(400, "`completions`: texts or token ids are needed.")
    return body["prompt_id"], completions


def _judge(
    trainer: TokenAdaptiveGRPOTrainer, row: dict[str, Any], completions: Sequence[Any]
) -> list[dict[str, Any]]:
    tokenizer, prompt = trainer.processing_class, row["prompt"]
    ids = [
        tokenizer(one, add_special_tokens=False)["input_ids"] if isinstance(one, str) else one
        for one in completions
    ]
    texts = [
        one if isinstance(one, str) else tokenizer.decode(one, skip_special_tokens=True)
        for one in completions
    ]
    said: list[Any] = [
        text if isinstance(prompt, str) else [{"role": "assistant", "content": text}]
        for text in texts
    ]
    count = len(completions)
    table = trainer._calculate_rewards([row] * count, [prompt] * count, said, ids)
    names, weights = trainer.reward_func_names, trainer.reward_weights.tolist()
    scores = [score_of(names, values, weights) for values in table.tolist()]
    return [{"rewards": dict(score.rewards), "reward": score.reward} for score in scores]

"""`POST /v1/rewards`: what the run's own reward functions say of completions of one of its prompts.

As `src/run/model/endpoint.ts` has it.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import PlainError
from ..run.server import HttpError, Routes
from ..training import TokenAdaptiveGRPOTrainer
from ..training.prompts import text_of_prompt
from ..training.rounds import score_of
from .asked import Limits, is_ids
from .completions import limits_of
from .control import Control, RunEndedError

_MOST = 1024
"""Completions in one request."""


def reward_routes(trainer: TokenAdaptiveGRPOTrainer, control: Control) -> Routes:
    """Routes of a run's server."""
    limits = limits_of(trainer)
    places: dict[str, int] = {}

    async def judge(body: Any) -> Any:
        prompt_id, prompt, completions = _checked(body, limits)
        if trainer.accelerator.num_processes > 1:
            raise HttpError(503, "Rewards are not given while several processes train.")
        if not places:
            ids = trainer.train_dataset["prompt_id"]
            places.update({str(one): number for number, one in enumerate(ids)})
        # The same prompt twice in a round is named `ID (2)`.
        place = places.get(prompt_id, places.get(prompt_id.rpartition(" (")[0]))
        row = None if place is None else trainer.train_dataset[place]
        if row is None or prompt not in (None, text_of_prompt(trainer, row["prompt"])):
            name = json.dumps(prompt_id, ensure_ascii=False)
            raise HttpError(404, f"This run has no prompt {name}, or another one of that name.")
        if not completions:
            return {"data": []}
        try:
            job = control.at_safe_point(lambda: _judge(trainer, row, completions))
            return {"data": await asyncio.wrap_future(job)}
        except RunEndedError as error:
            raise HttpError(503, str(error)) from error
        except PlainError as error:
            raise HttpError(500, f"{error.message} {error.next_step}") from error

    return {"POST /v1/rewards": judge}


def _checked(body: Any, limits: Limits) -> tuple[str, str | None, list[Any]]:
    if not isinstance(body, dict) or not isinstance(body.get("prompt_id"), str):
        raise HttpError(400, "`prompt_id`: the name of a prompt is needed.")
    prompt, completions = body.get("prompt"), body.get("completions")
    if prompt is not None and not isinstance(prompt, str):
        raise HttpError(400, "`prompt`: a text is needed.")
    if not isinstance(completions, list) or len(completions) > _MOST:
        raise HttpError(400, f"`completions`: a list of at most {_MOST} is needed.")
    for one in completions:
        if not isinstance(one, str):
            if not is_ids(one, least=0):
                raise HttpError(400, "`completions`: texts or token ids are needed.")
            limits.check_ids(one)
    return body["prompt_id"], prompt, completions


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
    with _unlogged(trainer):
        table = trainer._calculate_rewards([row] * count, [prompt] * count, said, ids)
    names, weights = trainer.reward_func_names, trainer.reward_weights.tolist()
    scores = [score_of(names, values, weights) for values in table.tolist()]
    return [{"rewards": dict(score.rewards), "reward": score.reward} for score in scores]


@contextmanager
def _unlogged(trainer: TokenAdaptiveGRPOTrainer) -> Iterator[None]:
    """What reward functions log (`log_metric`, `log_extra`) of these completions is no training."""
    kept = trainer._pending_metrics, trainer._pending_extra_logs, trainer._rewards
    trainer._pending_metrics, trainer._pending_extra_logs = defaultdict(list), defaultdict(list)
    try:
        yield
    finally:
        trainer._pending_metrics, trainer._pending_extra_logs, trainer._rewards = kept

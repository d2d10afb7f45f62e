"""The OpenAI completions dialect over the current policy. The twin of `src/engine/completions.ts`.

`POST /v1/completions` and `GET /v1/models`, for the `openai` client, and `/tokenize` and
`/detokenize` as vLLM has them. Log probabilities are those at temperature 1, whatever the sampling
temperature. A request waits for the next safe point.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ..generation import GeneratedSegment, RoundSettings, Sampler, TokenTexts
from ..run.server import HttpError, Routes
from ..strategy import RolloutPlan, StrategyParameters
from ..training import TokenAdaptiveGRPOTrainer
from ..training.sharing import shards_parameters
from ..training.tree import unwrapped
from .control import Control, RunEndedError

_MAX_TOKENS = 1 << 16
"""Tokens one request may ask for."""
_MAX_WAITING = 16
_FIXED: Mapping[str, tuple[Any, ...]] = {
    "stream": (False, None),
    "echo": (False, None),
    "suffix": ("", None),
    "best_of": (1, None),
    "top_p": (1, None),
    "frequency_penalty": (0, None),
    "presence_penalty": (0, None),
    "stop": (None, [], ()),
}
"""What would change the answer and isn't there is refused rather than ignored."""


def completion_routes(trainer: TokenAdaptiveGRPOTrainer, control: Control, name: str) -> Routes:
    """Routes of a run's server; `name` is what the model is called."""
    texts = TokenTexts(trainer.processing_class)
    tokenizer = trainer.processing_class
    created = int(time.time())
    waiting = 0

    async def models(_body: Any) -> Any:
        model = {"id": name, "object": "model", "created": created, "owned_by": "adaptive-grpo"}
        return {"object": "list", "data": [model]}

    async def complete(body: Any) -> Any:
        nonlocal waiting
        request = _checked(body, name)
        if shards_parameters(trainer.accelerator):
            raise HttpError(503, "The parameters are spread over processes; ask a server instead.")
        prompts = _prompts(request, trainer)
        if waiting >= _MAX_WAITING:
            raise HttpError(429, "Too many requests wait already.")
        waiting += 1
        try:
            job = control.at_safe_point(lambda: _complete(trainer, texts, request, prompts))
            choices = await asyncio.wrap_future(job)
        except RunEndedError as error:
            raise HttpError(503, str(error)) from error
        finally:
            waiting -= 1
        prompt_tokens = sum(map(len, prompts))
        completion_tokens = sum(len(choice["token_ids"]) for choice in choices)
        if not request.get("return_token_ids"):
            choices = [
                {key: choice[key] for key in choice if not key.endswith("token_ids")}
                for choice in choices
            ]
        return {
            "id": f"cmpl-{uuid.uuid4()}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": name,
            "choices": choices,
            "usage": {
                "prompt_tokens": prompt_tokens,
                "completion_tokens": completion_tokens,
                "total_tokens": prompt_tokens + completion_tokens,
            },
        }

    async def tokenize(body: Any) -> Any:
        prompt = body.get("prompt") if isinstance(body, dict) else None
        if not isinstance(prompt, str) or not prompt:
            raise HttpError(400, "`prompt`: a text is needed.")
        tokens = tokenizer(prompt)["input_ids"]
        return {"tokens": tokens, "count": len(tokens)}

    async def detokenize(body: Any) -> Any:
        tokens = body.get("tokens") if isinstance(body, dict) else None
        if not isinstance(tokens, list) or not _is_ids(tokens):
            raise HttpError(400, "`tokens`: token ids are needed.")
        _check_ids(tokens, trainer)
        return {"prompt": texts.of(tokens)[0]}

    return {
        "GET /v1/models": models,
        "POST /v1/completions": complete,
        "POST /tokenize": tokenize,
        "POST /detokenize": detokenize,
    }


def _checked(body: Any, name: str) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise HttpError(400, "The body: an object is needed.")
    if body.get("model") not in (None, name):
        raise HttpError(404, f"There is no model {body['model']!r} here, only {name}.")
    for key, allowed in _FIXED.items():
        if key in body and body[key] not in allowed:
            raise HttpError(400, f"`{key}`: {body[key]!r} is not supported.")
    for key, low, high in (
        ("max_tokens", 1, _MAX_TOKENS),
        ("n", 1, 128),
        ("logprobs", 0, 50),
        ("seed", 0, 2**32 - 1),
    ):
        value = body.get(key)
        if value is not None and (type(value) is not int or not low <= value <= high):
            raise HttpError(400, f"`{key}`: a whole number from {low} to {high} is needed.")
    temperature = body.get("temperature")
    if temperature is not None and (
        isinstance(temperature, bool)
        or not isinstance(temperature, int | float)
        or not 0 <= temperature <= 100
    ):
        raise HttpError(400, "`temperature`: a number from 0 to 100 is needed.")
    return body


def _is_ids(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(type(one) is int and one >= 0 for one in value)
    )


def _prompts(request: dict[str, Any], trainer: TokenAdaptiveGRPOTrainer) -> list[list[int]]:
    prompt = request.get("prompt")
    given = [prompt] if isinstance(prompt, str) or _is_ids(prompt) else prompt
    if not isinstance(given, list) or not given:
        raise HttpError(400, "`prompt`: a text or token ids are needed.")
    found: list[list[int]] = []
    for one in given:
        if not isinstance(one, str) and not _is_ids(one):
            raise HttpError(400, "`prompt`: texts or token ids are needed.")
        ids = trainer.processing_class(one)["input_ids"] if isinstance(one, str) else list(one)
        if not ids:
            raise HttpError(400, "A prompt is empty.")
        _check_ids(ids, trainer)
        found.append(ids)
    return found


def _check_ids(ids: Sequence[int], trainer: TokenAdaptiveGRPOTrainer) -> None:
    size = trainer.model.get_input_embeddings().weight.shape[0]
    foreign = next((one for one in ids if one >= size), None)
    if foreign is not None:
        raise HttpError(400, f"There is no token {foreign}.")


def _complete(
    trainer: TokenAdaptiveGRPOTrainer,
    texts: TokenTexts,
    request: dict[str, Any],
    prompts: Sequence[Sequence[int]],
) -> list[dict[str, Any]]:
    count, longest = request.get("n") or 1, request.get("max_tokens") or 16
    room = getattr(trainer.model.config, "max_position_embeddings", None) or _MAX_TOKENS
    longest = min(longest, room - max(map(len, prompts)))
    if longest < 1:
        raise HttpError(400, f"The model takes {room} tokens with the completion.")
    if count * len(prompts) * longest > _MAX_TOKENS:
        raise HttpError(400, f"That is more than {_MAX_TOKENS} tokens at once.")
    temperature = request.get("temperature")
    plain = StrategyParameters(
        use_token_adaptive=False,
        num_generations=count,
        temperature=1.0 if temperature is None else temperature,
    )
    seed = request.get("seed")
    settings = RoundSettings(
        parameters=plain,
        temperature=1.0,
        max_completion_length=longest,
        end_tokens=trainer.end_tokens,
        capture_top_k=request.get("logprobs") or 0,
        # Every token counts as unsure: alternatives are asked for all of them.
        capture_below=2.0,
        stream=(secrets.randbits(32) if seed is None else seed, 0),
    )
    found: list[GeneratedSegment] = []
    with unwrapped(trainer) as model:
        plan = RolloutPlan(plain, len(prompts), lambda: 0.0)
        Sampler(model, prompts, plan, settings, found.append).run()
    found.sort(key=lambda one: one.segment)
    return [
        {"index": index, **_choice(texts, request, segment, prompts)}
        for index, segment in enumerate(found)
    ]


def _choice(
    texts: TokenTexts,
    request: dict[str, Any],
    segment: GeneratedSegment,
    prompts: Sequence[Sequence[int]],
) -> dict[str, Any]:
    text, ends = texts.of(segment.token_ids)
    starts = [0, *ends.tolist()][:-1]
    ids = segment.token_ids.tolist()
    named = request.get("return_tokens_as_token_ids") is True

    def name(id_: int, own: str) -> str:
        return f"token_id:{id_}" if named else own

    choice: dict[str, Any] = {
        "text": text,
        "finish_reason": "stop" if segment.status == "complete" else "length",
        "logprobs": None,
        "token_ids": ids,
        "prompt_token_ids": list(prompts[segment.request.tree]),
    }
    if request.get("logprobs") is not None:
        pieces = [text[a:b] for a, b in zip(starts, ends.tolist(), strict=True)]
        tokens = [name(id_, piece) for id_, piece in zip(ids, pieces, strict=True)]
        logprobs = [float(value) for value in segment.train_logprob]
        choice["logprobs"] = {
            "tokens": tokens,
            "token_logprobs": logprobs,
            "top_logprobs": [
                {**_alternatives(texts, segment, i, name), tokens[i]: logprobs[i]}
                for i in range(len(ids))
            ],
            "text_offset": starts,
        }
    if request.get("return_uncertainty"):
        choice["uncertainty"] = {
            "entropy": segment.entropy.tolist(),
            "max_prob": segment.max_prob.tolist(),
            "sampled_logprob": segment.logprob.tolist(),
        }
    return choice


def _alternatives(
    texts: TokenTexts, segment: GeneratedSegment, index: int, name: Any
) -> dict[str, float]:
    top = segment.top.get(index)
    if top is None:
        return {}
    pairs = zip(top.ids.tolist(), top.logprobs.tolist(), strict=True)
    return {name(id_, texts.of([id_])[0]): value for id_, value in pairs}

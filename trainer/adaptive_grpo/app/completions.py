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
from typing import Any

import numpy as np

from ..generation import GeneratedSegment, RoundSettings, Sampler, TokenTexts
from ..run.server import HttpError, Routes
from ..strategy import RolloutPlan, StrategyParameters
from ..training import TokenAdaptiveGRPOTrainer
from ..training.backends import unwrapped
from ..training.sharing import shards_parameters
from .asked import MAX_TOKENS, Asked, Limits, is_ids, read_request
from .control import Control, RunEndedError

_MAX_WAITING = 16


def limits_of(trainer: TokenAdaptiveGRPOTrainer) -> Limits:
    """What the policy can be asked."""
    config = trainer.accelerator.unwrap_model(trainer.model).config.get_text_config()
    return Limits(getattr(config, "max_position_embeddings", MAX_TOKENS), config.vocab_size)


def completion_routes(trainer: TokenAdaptiveGRPOTrainer, control: Control, name: str) -> Routes:
    """Routes of a run's server; `name` is what the model is called."""
    texts = TokenTexts(trainer.processing_class)
    limits = limits_of(trainer)
    created = int(time.time())
    waiting = 0

    def encode(text: str) -> list[int]:
        ids: list[int] = trainer.processing_class(text)["input_ids"]
        return ids

    async def models(_body: Any) -> Any:
        model = {"id": name, "object": "model", "created": created, "owned_by": "adaptive-grpo"}
        return {"object": "list", "data": [model]}

    async def complete(body: Any) -> Any:
        nonlocal waiting
        asked = read_request(body, name, limits, encode)
        if shards_parameters(trainer.accelerator):
            raise HttpError(503, "The parameters are spread over processes; ask a server instead.")
        if waiting >= _MAX_WAITING:
            raise HttpError(429, "Too many requests wait already.")
        waiting += 1
        try:
            job = control.at_safe_point(lambda: _generate(trainer, asked))
            segments = await asyncio.wrap_future(job)
        except RunEndedError as error:
            raise HttpError(503, str(error)) from error
        finally:
            waiting -= 1
        prompt_tokens = sum(map(len, asked.prompts))
        completion_tokens = sum(len(one.token_ids) for one in segments)
        return {
            "id": f"cmpl-{uuid.uuid4()}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": name,
            "choices": [
                {"index": index, **_choice(texts, asked, segment)}
                for index, segment in enumerate(segments)
            ],
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
        tokens = encode(prompt)
        return {"tokens": tokens, "count": len(tokens)}

    async def detokenize(body: Any) -> Any:
        tokens = body.get("tokens") if isinstance(body, dict) else None
        if not isinstance(tokens, list) or not is_ids(tokens):
            raise HttpError(400, "`tokens`: token ids are needed.")
        limits.check_ids(tokens)
        return {"prompt": texts.of(tokens)[0]}

    return {
        "GET /v1/models": models,
        "POST /v1/completions": complete,
        "POST /tokenize": tokenize,
        "POST /detokenize": detokenize,
    }


def _generate(trainer: TokenAdaptiveGRPOTrainer, asked: Asked) -> list[GeneratedSegment]:
    """All completions, prompt by prompt."""
    plain = StrategyParameters(
        use_token_adaptive=False, num_generations=asked.count, temperature=asked.temperature
    )
    settings = RoundSettings(
        parameters=plain,
        temperature=1.0,
        max_completion_length=asked.longest,
        end_tokens=trainer.end_tokens,
        capture_top_k=asked.logprobs or 0,
        # Every token counts as unsure: alternatives are asked for all of them.
        capture_below=2.0,
        stream=(secrets.randbits(32) if asked.seed is None else asked.seed, 0),
    )
    found: list[GeneratedSegment] = []
    with unwrapped(trainer) as model:
        plan = RolloutPlan(plain, len(asked.prompts), lambda: 0.0)
        Sampler(model, asked.prompts, plan, settings, found.append).run()
    return sorted(found, key=lambda one: one.segment)


def _choice(texts: TokenTexts, asked: Asked, segment: GeneratedSegment) -> dict[str, Any]:
    text, ends = texts.of(segment.token_ids)
    stop = min((at for at in map(text.find, asked.stops) if at >= 0), default=None)
    # Tokens that reach beyond the stop go with it.
    length = len(ends) if stop is None else int(np.searchsorted(ends, stop, side="right"))
    ids, to = segment.token_ids[:length].tolist(), ends[:length].tolist()
    starts = [0, *to][:length]

    def name(id_: int, own: str) -> str:
        return f"token_id:{id_}" if asked.tokens_as_ids else own

    choice: dict[str, Any] = {
        "text": text[:stop],
        "finish_reason": "length" if stop is None and segment.status != "complete" else "stop",
        "logprobs": None,
    }
    if asked.token_ids:
        choice |= {
            "token_ids": ids,
            "prompt_token_ids": list(asked.prompts[segment.request.tree]),
        }
    if asked.logprobs is not None:
        pieces = [text[a:b] for a, b in zip(starts, to, strict=True)]
        tokens = [name(id_, piece) for id_, piece in zip(ids, pieces, strict=True)]
        logprobs = [float(value) for value in segment.train_logprob[:length]]
        choice["logprobs"] = {
            "tokens": tokens,
            "token_logprobs": logprobs,
            "top_logprobs": [
                {**_alternatives(texts, segment, i, name), tokens[i]: logprobs[i]}
                for i in range(length)
            ],
            "text_offset": starts,
        }
    if asked.uncertainty:
        choice["uncertainty"] = {
            "entropy": segment.entropy[:length].tolist(),
            "max_prob": segment.max_prob[:length].tolist(),
            "sampled_logprob": segment.logprob[:length].tolist(),
        }
    return choice


def _alternatives(
    texts: TokenTexts, segment: GeneratedSegment, index: int, name: Any
) -> dict[str, float]:
    """By text; of two tokens that read the same, the likelier one."""
    top = segment.top.get(index)
    if top is None:
        return {}
    pairs = zip(top.ids.tolist(), top.logprobs.tolist(), strict=True)
    named = [(name(id_, texts.of([id_])[0]), value) for id_, value in pairs]
    return dict(reversed(named))

"""The prompts of a round."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..errors import PlainError
from .rounds import PromptGroup

NO_END = (
    "The tokenizer has no end-of-text token, so no completion would ever end.",
    "Set `eos_token` in its tokenizer_config.json, or choose another model.",
)


def empty_groups(
    trainer: Any,
    inputs: Sequence[dict[str, Any]],
    prompt_ids: Sequence[Sequence[int]],
) -> list[PromptGroup]:
    """One for each prompt, without segments yet.

    Args:
        trainer: a `GRPOTrainer`, whose tokenizer it is
        inputs: the data set's row of each prompt; named by its `prompt_id` or `id`
        prompt_ids: its tokens
    """
    seen: Counter[str] = Counter()
    groups: list[PromptGroup] = []
    for one, ids in zip(inputs, prompt_ids, strict=True):
        prompt = one["prompt"]
        if not ids:
            raise ValueError(f"a prompt has no token: {prompt!r}")
        text = text_of_prompt(trainer, prompt, ids)
        name = one.get("prompt_id", one.get("id"))
        if name is None:
            name = hashlib.sha256(text.encode("utf8", "replace")).hexdigest()[:12]
        seen[str(name)] += 1
        # A tree is named by its step and prompt: the same prompt twice in a round is two trees.
        again = "" if seen[str(name)] == 1 else f" ({seen[str(name)]})"
        groups.append(PromptGroup(f"{name}{again}", text, list(ids)))
    return groups


def text_of_prompt(trainer: Any, prompt: Any, ids: Sequence[int] | None = None) -> str:
    """A prompt as the run's rows have it: as it is, or as the chat template renders it.

    Args:
        trainer: a `GRPOTrainer`, whose tokenizer it is
        prompt: a text or messages
        ids: its tokens, where they are known
    """
    if isinstance(prompt, str):
        return prompt
    if ids is None:
        ids = trainer._tokenize_prompts([prompt])[0][0]
    return str(trainer.processing_class.decode(ids))


def end_tokens_of(trainer: Any) -> frozenset[int]:
    """The tokens that end a completion of a `GRPOTrainer`.

    Raises:
        PlainError: there are none
    """
    known = getattr(trainer, "eos_token_ids", None) or [trainer._tokenizer.eos_token_id]
    ids = frozenset(one for one in known if one is not None)
    if not ids:
        raise PlainError(*NO_END)
    return ids

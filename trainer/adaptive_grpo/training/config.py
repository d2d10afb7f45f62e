"""The keys this trainer adds to TRL's `GRPOConfig`, and what it asks of TRL's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from trl import GRPOConfig

from ..errors import RecipeError
from ..generation.vllm import HOTTEST, TOP
from ..strategy import StrategyParameters

_LOSSES = ("grpo", "bnpo", "dr_grpo", "dapo")


def _key(default: object, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass
class AdaptiveGRPOConfig(GRPOConfig):  # type: ignore[misc]
    """TRL's configuration with the token-adaptive strategy.

    Names and defaults are those of the recipe (`docs/recipe-keys.md`).
    """

    use_token_adaptive: bool = _key(
        True,
        "Cut a rollout where the policy gets unsure and go on from there; off is TRL's GRPO.",
    )
    uncertainty_threshold: float = _key(
        0.7, "A token triggers when the most likely token has a probability below this."
    )
    entropy_threshold: float = _key(
        2.0, "A token triggers when the entropy of the distribution is above this, in nats."
    )
    min_prefix_length: int = _key(15, "No token before this position of the completion triggers.")
    max_resamples_per_prefix: int = _key(3, "How many times a prefix is continued again at most.")
    adaptive_temperature_scale: float = _key(
        1.2, "Attempt k of a prefix samples at temperature × scale^k."
    )
    fork_policy: str = _key(
        "first_failure", "Where completions branch off: first_failure, top_entropy or random."
    )
    prefix_credit: str = _key("children", "What a cut rollout is worth: children, stub or mask.")
    tree_baseline: str = _key(
        "other_roots", "What a branch is compared with: other_roots or siblings."
    )
    importance_clip: float = _key(
        2.0, "Upper bound of the importance weight of a token sampled at a higher temperature."
    )
    num_roots: int | None = _key(
        None, "How many of the num_generations start from the prompt (empty: half)."
    )
    fork_spacing: int = _key(
        4, "Least distance between two forks of one root (top_entropy, random), in tokens."
    )
    vllm_chunk_length: int = _key(
        16, "Tokens a vLLM server generates before they are looked at; those behind a cut are lost."
    )
    max_generated_tokens: int | None = _key(
        None, "Budget of sampled tokens: the run ends after the step that uses it up."
    )
    capture_top_k: int = _key(5, "Alternatives recorded for each unsure token.")
    capture_below: float = _key(
        0.99, "A token counts as unsure for capture_top_k when its max prob is below this."
    )
    capture_groups_per_step: int | None = _key(
        None, "Prompts whose rollouts are recorded in each step; empty records all."
    )

    def __post_init__(self) -> None:
        """TRL's own checks, then ours."""
        super().__post_init__()
        self.check()

    def check(self) -> None:
        """Looks at all keys together.

        Raises:
            RecipeError: something makes no sense
        """
        problem = next(self._problems(), None)
        if problem is not None:
            raise RecipeError(*problem)

    @property
    def strategy(self) -> StrategyParameters:
        """The strategy these keys ask for."""
        own = {one.name for one in fields(StrategyParameters)} - {"num_roots"}
        roots = self.num_roots
        if roots is None:
            roots = max(2, self.num_generations // 2)
        values = {name: getattr(self, name) for name in own}
        return StrategyParameters(**values, num_roots=min(roots, self.num_generations))

    def _problems(self) -> Iterator[tuple[str, str]]:
        yield from self._out_of_range()
        if not self.use_token_adaptive:
            return
        if self.max_resamples_per_prefix == 0:
            yield (
                "`max_resamples_per_prefix` is 0 while `use_token_adaptive` is on: rollouts would "
                "be cut and never go on.",
                "Allow at least 1, or set `use_token_adaptive: false`.",
            )
        if self.num_roots is not None and not 2 <= self.num_roots <= self.num_generations:
            yield (
                f"`num_roots` is {self.num_roots} for {self.num_generations} `num_generations`.",
                f"It can be 2 to {self.num_generations}.",
            )
        rows = self.generation_batch_size // max(1, self.world_size)
        if rows % self.num_generations:
            yield (
                f"A process generates {rows} completions, which `num_generations` "
                f"({self.num_generations}) does not divide: a tree would be spread over processes.",
                "Make per_device_train_batch_size × gradient_accumulation_steps a multiple of it.",
            )
        if self.use_vllm and self.capture_top_k > TOP:
            yield (
                f"`capture_top_k` is {self.capture_top_k}; vLLM tells at most {TOP} alternatives.",
                f"Set it to {TOP} or less.",
            )
        most = self.max_resamples_per_prefix
        hottest = self.temperature * self.adaptive_temperature_scale**most
        if self.use_vllm and max(self.temperature, hottest) > HOTTEST:
            yield (
                f"Resample {most} of a prefix would sample at a temperature of {hottest:.2f}; vLLM "
                f"takes at most {HOTTEST}.",
                "Lower `adaptive_temperature_scale`, `max_resamples_per_prefix` or `temperature`.",
            )
        for key, allowed in _ALLOWED.items():
            value = getattr(self, key, None)
            if value not in allowed:
                choices = ", ".join(f"`{_yaml(one)}`" for one in allowed if one is not None)
                change = f"Set `{key}` to {choices}" if choices else f"Leave `{key}` out"
                yield (
                    f"`{key}: {_yaml(value)}` doesn't go together with `use_token_adaptive`.",
                    f"{change}, or set `use_token_adaptive: false`.",
                )

    def _out_of_range(self) -> Iterator[tuple[str, str]]:
        for key, (low, high) in _RANGES.items():
            value = getattr(self, key)
            if value is not None and not low <= value <= high:
                top = "" if high == _NO_LIMIT else f" to {high:g}"
                yield f"`{key}` is {value}.", f"It can be {low:g}{top or ' or more'}."
        for key, choices in _CHOICES.items():
            value = getattr(self, key)
            if value not in choices:
                known = ", ".join(f"`{one}`" for one in choices)
                yield f"`{key}: {value}` is not known.", f"It can be {known}."


def _yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_NO_LIMIT = float("inf")
_RANGES = {
    "uncertainty_threshold": (0, 1),
    "entropy_threshold": (0, _NO_LIMIT),
    "min_prefix_length": (0, _NO_LIMIT),
    "max_resamples_per_prefix": (0, 64),
    "adaptive_temperature_scale": (0.1, 10),
    "importance_clip": (1, _NO_LIMIT),
    "fork_spacing": (1, _NO_LIMIT),
    "vllm_chunk_length": (1, _NO_LIMIT),
    "capture_top_k": (0, 50),
    "capture_below": (0, 1),
    "capture_groups_per_step": (1, _NO_LIMIT),
    "max_generated_tokens": (1, _NO_LIMIT),
}
_CHOICES = {
    "fork_policy": ("first_failure", "top_entropy", "random"),
    "prefix_credit": ("children", "stub", "mask"),
    "tree_baseline": ("other_roots", "siblings"),
}
# What a tree's advantages, weights and behaviour log probabilities are defined for.
_ALLOWED: dict[str, tuple[object, ...]] = {
    "loss_type": _LOSSES,
    "importance_sampling_level": ("token",),
    "multi_objective_aggregation": ("sum_then_normalize",),
    "top_p": (1.0,),
    "top_k": (0, None),
    "min_p": (None, 0.0),
    "repetition_penalty": (1.0,),
    "generation_kwargs": (None, {}),
    "mask_truncated_completions": (False,),
    "use_liger_kernel": (False,),
    "use_transformers_paged": (False, None),
    "vllm_structured_outputs_regex": (None,),
}

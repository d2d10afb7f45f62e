"""The strategy's parameters under the names of the recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ForkPolicy = Literal["first_failure", "top_entropy", "random"]
PrefixCredit = Literal["children", "stub", "mask"]
TreeBaseline = Literal["other_roots", "siblings"]


@dataclass(frozen=True)
class StrategyParameters:
    """The first six and their defaults are fixed by the product's specification."""

    use_token_adaptive: bool = True
    """Off: plain GRPO, the baseline."""
    uncertainty_threshold: float = 0.7
    """Trigger when the most likely token's probability is below this."""
    entropy_threshold: float = 2.0
    """Trigger when the distribution's entropy is above this, in nats."""
    min_prefix_length: int = 15
    """No trigger before this many tokens of the completion."""
    max_resamples_per_prefix: int = 3
    adaptive_temperature_scale: float = 1.2
    """Resample attempt `k` of a prefix samples at `temperature · scale^k`."""

    fork_policy: ForkPolicy = "first_failure"
    prefix_credit: PrefixCredit = "children"
    tree_baseline: TreeBaseline = "other_roots"
    importance_clip: float = 2.0
    """Upper bound of the token-level importance weight of off-policy (hotter) tokens."""
    num_generations: int = 8
    """Answered completions a prompt gets in a step; TRL's name."""
    num_roots: int = 4
    """How many of them start from the prompt; the others branch off a prefix."""
    fork_spacing: int = 4
    """Least distance, in tokens, between two forks of one root (`top_entropy`, `random`)."""
    temperature: float = 1.0
    """Sampling temperature of the roots; TRL's name."""

    @property
    def cuts(self) -> bool:
        """Whether rollouts are cut; cutting without resampling would leave them unanswered."""
        return (
            self.use_token_adaptive
            and self.fork_policy == "first_failure"
            and self.max_resamples_per_prefix > 0
        )

    @property
    def roots_per_prompt(self) -> int:
        """How many completions of a prompt start from the prompt itself."""
        return self.num_roots if self.use_token_adaptive else self.num_generations

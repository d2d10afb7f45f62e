"""The versions of TRL this trainer works with, and the parts of it that it stands on."""

from __future__ import annotations

import inspect
from importlib.metadata import PackageNotFoundError, version

from packaging.version import Version

from .errors import PlainError

LOWEST, HIGHEST, ABOVE = "1.13", "1.16", "1.17"
"""Tested: 1.13.0 and 1.16.0, the lowest and the highest."""

_METHODS = {
    "_generate_and_score_completions": ("inputs",),
    "_calculate_rewards": ("inputs", "prompts", "completions", "completion_ids_list"),
    "_tokenize_prompts": ("prompts",),
    "_compute_loss": ("model", "inputs"),
}
"""Overridden or called, with the parameters they are known to take."""


def check_trl() -> None:
    """Looks at the TRL that is installed.

    Raises:
        PlainError: it is missing, of another version, or made differently than expected
    """
    install = f'pip install "trl>={LOWEST},<{ABOVE}"'
    try:
        found = version("trl")
    except PackageNotFoundError as error:
        raise PlainError("TRL is not installed.", f"Install it: {install}") from error
    # Builds before a version count as it, as in the extension's `lackOf`: 1.17.0.dev0 is a 1.17.
    if not Version(LOWEST).release <= Version(found).release < Version(ABOVE).release:
        message = f"TRL {found} is installed; this trainer works with {LOWEST} to {HIGHEST}."
        raise PlainError(message, f"Install one of them: {install}")
    from trl import GRPOTrainer

    for name, parameters in _METHODS.items():
        method = getattr(GRPOTrainer, name, None)
        known = () if method is None else tuple(inspect.signature(method).parameters)[1:]
        if known != parameters:
            message = f"TRL {found} has another `GRPOTrainer.{name}` than this trainer knows."
            raise PlainError(message, f"Install a TRL that was tested: {install}")
    if "rollout_func" not in inspect.signature(GRPOTrainer.__init__).parameters:
        message = f"TRL {found} has no `rollout_func`."
        raise PlainError(message, f"Install a TRL that was tested: {install}")


def trl_version() -> str:
    """The version of TRL that is installed."""
    return version("trl")

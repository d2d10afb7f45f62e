"""Whether an answer is right."""

from __future__ import annotations

import logging

from .answers import answer_of, reference_of

_LOG = logging.getLogger(__name__)


def is_right(completion: str, gold: str) -> bool | None:
    """Whether the final answer of a completion is the gold one; None where gold can't be read.

    The same text (as the built-in engine compares) is right at once; for everything else
    Math-Verify decides, as in open-r1: equal as mathematics, the boxed answer first.

    Args:
        completion: what the policy wrote
        gold: the answer, or a worked solution that ends with it
    """
    reference = reference_of(gold)
    if reference is not None and answer_of(completion) == reference:
        return True
    return _equal_as_mathematics(completion, gold)


def _equal_as_mathematics(completion: str, gold: str) -> bool | None:
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse, verify

    known = parse(gold, extraction_mode="first_match")
    if not known:
        # An answer that isn't mathematics is right only as the same text.
        return False if _is_word(gold) else None
    boxed = LatexExtractionConfig(
        normalization_config=NormalizationConfig(
            nits=False,
            malformed_operators=False,
            basic_latex=True,
            equations=True,
            boxed="all",
            units=True,
        ),
        boxed_match_priority=0,
        try_extract_without_anchor=False,
    )
    said = parse(completion, extraction_config=[boxed], extraction_mode="first_match")
    try:
        return bool(verify(known, said))
    except Exception as error:  # the library's own bugs must not end a run
        _LOG.warning("Math-Verify failed on %r and %r: %s", known, said, error)
        return None


def _is_word(gold: str) -> bool:
    reference = reference_of(gold)
    return reference is not None and 0 < len(reference) <= 40 and "\\" not in reference

"""Whether an answer is right."""

from __future__ import annotations

import logging

from .answers import answer_of, reference_of

_LOG = logging.getLogger(__name__)


def is_right(completion: str, answer: str) -> bool | None:
    """Whether the final answer of a completion is the given one; None where that can't be read.

    The same text (as the built-in engine compares) is right at once; for everything else
    Math-Verify decides. An answer that is a word is right only as the same text.

    Args:
        completion: what the policy wrote
        answer: the answer, or a text in which it is marked
    """
    reference = reference_of(answer)
    if reference is not None and answer_of(completion) == reference:
        return True
    right = is_equal(completion, answer)
    return False if right is None and _is_word(answer) else right


def is_equal(completion: str, solution: str) -> bool | None:
    """Whether a completion's final answer equals a solution's as mathematics, as in open-r1.

    The boxed answer goes first, and one that isn't written as LaTeX doesn't count.

    Args:
        completion: what the policy wrote
        solution: a worked solution that ends with the answer, or the answer alone

    Returns:
        None where the solution can't be read
    """
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse, verify

    known = parse(solution, extraction_mode="first_match")
    if not known:
        return None
    boxed = LatexExtractionConfig(
        normalization_config=NormalizationConfig(
            nits=False,
            malformed_operators=False,
            basic_latex=True,
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

"""Errors that a person reads."""

from __future__ import annotations


class PlainError(Exception):
    """A plain sentence, and what to do next."""

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class RecipeError(PlainError):
    """The recipe or the command line is wrong."""

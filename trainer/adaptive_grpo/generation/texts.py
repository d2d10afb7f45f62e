"""The text of tokens, and where each ends in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from transformers import PreTrainedTokenizerBase

from ..run.rows import Ints

_CONTEXT = 8
"""Tokens that a decoder sees before the one whose text is asked for."""


def _byte_table() -> dict[str, int]:
    """GPT-2's table: printable Latin-1 stands for itself, other bytes follow from U+0100 on."""
    table: dict[str, int] = {}
    following = 0x100
    for byte in range(256):
        if 0x21 <= byte <= 0x7E or 0xA1 <= byte <= 0xAC or byte >= 0xAE:
            table[chr(byte)] = byte
        else:
            table[chr(following)] = byte
            following += 1
    return table


_BYTES = _byte_table()


class TokenTexts:
    """Special tokens (the end of text, say) have no text of their own.

    A token that holds only part of a character ends before it, the one that completes the
    character after it. Bytes that never become a character are U+FFFD.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._special = frozenset(tokenizer.all_special_ids)
        self._added = {id_: str(token) for id_, token in tokenizer.added_tokens_decoder.items()}
        self._kind = _decoder_kind(tokenizer)
        self._known: dict[int, bytes] = {}

    def of(self, ids: Sequence[int] | Ints) -> tuple[str, Ints]:
        """The text, and where each token ends in it, in Unicode code points."""
        tokens = [int(one) for one in ids]
        if self._kind == "bytes":
            return _decode_bytes([self._bytes(one) for one in tokens])
        if self._kind == "joined":
            pieces = [self._plain(one) for one in tokens]
            return "".join(pieces), np.array(list(accumulate(map(len, pieces))), np.int32)
        return self._by_windows(tokens)

    def _plain(self, token: int) -> str:
        """As the vocabulary spells it."""
        if token in self._special:
            return ""
        if token in self._added:
            return self._added[token]
        return str(self._tokenizer.convert_ids_to_tokens(token) or "")

    def _bytes(self, token: int) -> bytes:
        known = self._known.get(token)
        if known is None:
            text = self._plain(token)
            if token in self._added:
                known = text.encode("utf8", "replace")
            else:
                known = b"".join(
                    bytes([_BYTES[one]]) if one in _BYTES else one.encode("utf8") for one in text
                )
            self._known[token] = known
        return known

    def _decode(self, tokens: Sequence[int]) -> str:
        shown = [one for one in tokens if one not in self._special]
        return str(self._tokenizer.decode(shown, clean_up_tokenization_spaces=False))

    def _by_windows(self, tokens: Sequence[int]) -> tuple[str, Ints]:
        """For decoders that change a token's text by its neighbours."""
        text = self._decode(tokens)
        ends: list[int] = []
        end = 0
        for i in range(len(tokens)):
            before = tokens[max(0, i - _CONTEXT) : i]
            added = len(self._decode([*before, tokens[i]])) - len(self._decode(before))
            end += added
            # What is only part of a character yet shows as U+FFFD.
            ends.append(end)
        if end != len(text):
            ends = [len(self._decode(tokens[: i + 1])) for i in range(len(tokens))]
        sure = [_agreeing(self, tokens, text, i, one) for i, one in enumerate(ends)]
        return text, np.array(list(accumulate(sure, max)), np.int32)


def _agreeing(texts: TokenTexts, tokens: Sequence[int], text: str, i: int, end: int) -> int:
    """Where decoding up to a token agrees with decoding everything."""
    end = min(max(end, 0), len(text))
    if i == len(tokens) - 1:
        return len(text)
    part = texts._decode(tokens[max(0, i + 1 - _CONTEXT) : i + 1])
    while part.endswith("\ufffd") and end > 0 and text[end - 1] != "\ufffd":
        part = part[:-1]
        end -= 1
    return end


def _decoder_kind(tokenizer: PreTrainedTokenizerBase) -> str:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    decoder = None if backend is None else json.loads(backend.to_str()).get("decoder")
    if decoder is None:
        return "other"
    kinds = [one["type"] for one in decoder.get("decoders", [decoder])]
    return (
        {"ByteLevel": "bytes", "Fuse": "joined"}.get(kinds[0], "other")
        if len(kinds) == 1
        else "other"
    )


def _decode_bytes(tokens: Sequence[bytes]) -> tuple[str, Ints]:
    data = b"".join(tokens)
    pieces: list[str] = []
    ends: list[int] = []
    at = 0
    while at < len(data):
        try:
            valid, bad = data[at:].decode("utf8"), None
        except UnicodeDecodeError as error:
            valid, bad = data[at : at + error.start].decode("utf8"), error
        for character in valid:
            at += len(character.encode("utf8"))
            ends.append(at)
        pieces.append(valid)
        if bad is not None:
            at += bad.end - bad.start
            ends.append(at)
            pieces.append("\ufffd")
    offsets = list(accumulate(map(len, tokens)))
    return "".join(pieces), np.searchsorted(ends, offsets, side="right").astype(np.int32)

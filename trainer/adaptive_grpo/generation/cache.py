"""Keys and values of rows that come, go and branch while a batch is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from ..errors import PlainError

Layers = list[tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True)
class Prefix:
    """What the model keeps of the first tokens of one sequence."""

    layers: Layers
    """Keys and values a layer, (heads, length, size of a head) each; empty for no token."""
    length: int

    def head(self, length: int) -> Prefix:
        """Of the first `length` tokens only."""
        if length == 0:
            return Prefix([], 0)
        return Prefix([(k[:, :length], v[:, :length]) for k, v in self.layers], length)

    def tail(self, length: int) -> Prefix:
        """Of the last `length` tokens only."""
        if length == 0:
            return Prefix([], 0)
        return Prefix([(k[:, -length:], v[:, -length:]) for k, v in self.layers], length)


class RowCache:
    """A cache whose rows are aligned at their ends: free slots are on the left, and masked.

    Keys know their positions (they were rotated when they were made), so a row may be moved to
    other slots.
    """

    def __init__(self) -> None:
        self.cache = DynamicCache()
        self.lengths: list[int] = []
        """Tokens each row holds."""

    @property
    def width(self) -> int:
        """Slots a row."""
        return int(self.cache.get_seq_length())

    def mask(self, device: torch.device) -> torch.Tensor:
        """Attention mask with the token that comes next: (rows, width + 1), 1 where to look."""
        lengths = torch.tensor(self.lengths, device=device)
        slots = torch.arange(self.width + 1, device=device)
        return (slots >= (self.width - lengths)[:, None]).long()

    def grown(self) -> None:
        """The model has put one more token into every row."""
        self.lengths = [length + 1 for length in self.lengths]

    def keep(self, rows: Sequence[int]) -> None:
        """Drops all other rows."""
        self.lengths = [self.lengths[row] for row in rows]
        width = max(self.lengths, default=0)
        layers: Layers = []
        for keys, values in _layers(self.cache):
            index = torch.tensor(rows, dtype=torch.long, device=keys.device)
            slots = slice(keys.shape[2] - width, None)
            layers.append((keys[index, :, slots], values[index, :, slots]))
        self._set(layers if width > 0 else [])

    def prefix(self, row: int, length: int) -> Prefix:
        """A copy of the first `length` tokens of a row."""
        if length == 0:
            return Prefix([], 0)
        start = self.width - self.lengths[row]
        part = slice(start, start + length)
        layers = [
            (k[row, :, part].clone(), v[row, :, part].clone()) for k, v in _layers(self.cache)
        ]
        return Prefix(layers, length)

    def join(self, prefixes: Sequence[Prefix]) -> None:
        """Appends rows that begin as these do."""
        width = max(self.width, *(prefix.length for prefix in prefixes))
        shapes = next((one.layers for one in prefixes if one.layers), [])
        old = _layers(self.cache) or [(k[None, :, :0][:0], v[None, :, :0][:0]) for k, v in shapes]
        rows = len(self.lengths)
        layers: Layers = []
        for number, pair in enumerate(old):
            widened: list[torch.Tensor] = []
            for side, tensor in enumerate(pair):
                heads, size = tensor.shape[1], tensor.shape[3]
                room = tensor.new_zeros(rows + len(prefixes), heads, width, size)
                if rows:
                    room[:rows, :, width - tensor.shape[2] :] = tensor
                for row, prefix in enumerate(prefixes, rows):
                    if prefix.length:
                        room[row, :, width - prefix.length :] = prefix.layers[number][side]
                widened.append(room)
            layers.append((widened[0], widened[1]))
        self._set(layers)
        self.lengths += [prefix.length for prefix in prefixes]

    def _set(self, layers: Layers) -> None:
        self.cache = DynamicCache()
        for number, (keys, values) in enumerate(layers):
            self.cache.update(keys, values, number)


def _layers(cache: DynamicCache) -> Layers:
    layers: Layers = []
    for layer in cache.layers:
        if not isinstance(layer, DynamicLayer):
            raise PlainError(
                "This model keeps more than keys and values of what it has read, so a rollout "
                "can't be cut and taken up again.",
                "Set `use_token_adaptive: false`, or train a model with ordinary attention.",
            )
        if layer.keys is not None and layer.values is not None and layer.get_seq_length() > 0:
            layers.append((layer.keys, layer.values))
    return layers


def prefill(model: torch.nn.Module, sequences: Sequence[Sequence[int]]) -> list[Prefix]:
    """Reads sequences, all at once.

    Args:
        model: a causal language model of transformers
        sequences: token ids; may be empty

    Returns:
        A prefix for each
    """
    width = max(map(len, sequences), default=0)
    if width == 0:
        return [Prefix([], 0) for _ in sequences]
    device = next(model.parameters()).device
    ids = torch.zeros(len(sequences), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, width - len(sequence) :] = torch.tensor(sequence)
        mask[row, width - len(sequence) :] = 1
    cache = DynamicCache()
    model(
        input_ids=ids.to(device),
        attention_mask=mask.to(device),
        position_ids=(mask.cumsum(-1) - 1).clamp(min=0).to(device),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    layers = _layers(cache)
    prefixes: list[Prefix] = []
    for row, sequence in enumerate(sequences):
        whole = Prefix([(k[row], v[row]) for k, v in layers], width)
        prefixes.append(whole.tail(len(sequence)))
    return prefixes

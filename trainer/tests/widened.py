"""The shipped model with heads of a size that vLLM's attention on the CPU takes."""

from __future__ import annotations

from pathlib import Path

import torch
from conftest import BASE
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

HEAD = 32


def widened(folder: Path, *, tied: bool = True) -> Path:
    """Writes a model that says exactly what `media/base` says, with heads of 32 instead of 24.

    vLLM's attention on the CPU takes 32, 64, 80, 96, … only. The new dimensions are zeros; the
    rotary embedding's base is raised so that the old pairs of dimensions turn as fast as before,
    and queries are scaled for the larger root that attention divides by.

    Args:
        folder: where to
        tied: whether the last layer is the first one's matrix, as it is in `media/base`
    """
    old = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32)
    config = AutoConfig.from_pretrained(BASE)
    narrow = config.head_dim
    theta = config.rope_parameters["rope_theta"] ** (HEAD / narrow)
    config.head_dim, config.tie_word_embeddings = HEAD, tied
    config.rope_parameters = {**config.rope_parameters, "rope_theta": theta}
    new = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    half = narrow // 2
    places = torch.tensor([*range(half), *(HEAD // 2 + i for i in range(half))])
    state = old.state_dict()
    for name, tensor in state.items():
        heads = {"q": config.num_attention_heads, "o": config.num_attention_heads}
        part = name.rsplit(".", 2)[-2][:1] if "_proj" in name and "self_attn" in name else ""
        if not part:
            continue
        count = heads.get(part, config.num_key_value_heads)
        rows = torch.cat([places + head * HEAD for head in range(count)])
        if part == "o":
            wide = tensor.new_zeros(tensor.shape[0], count * HEAD)
            wide[:, rows] = tensor
        else:
            wide = tensor.new_zeros(count * HEAD, tensor.shape[1])
            wide[rows] = tensor * (HEAD / narrow) ** 0.5 if part == "q" else tensor
        state[name] = wide
    new.load_state_dict(state)
    new.save_pretrained(folder)
    AutoTokenizer.from_pretrained(BASE).save_pretrained(folder)
    return folder

"""Data sets by their names, as they lie on the Hub, read by the real loading code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import training
from conftest import BASE
from hub import hub
from process import TRAINER

ROWS = training.problems(60, seed=11)
CARD = b"""---
configs:
- config_name: easy
  data_files:
  - split: train
    path: easy/train.jsonl
  - split: test
    path: easy/test.jsonl
- config_name: hard
  data_files: hard/train.jsonl
---
# Sums
"""
READ = """
import json, sys
from pathlib import Path
from adaptive_grpo.app.data import load_data, load_tokenizer
from adaptive_grpo.app.recipe import load_recipe
from adaptive_grpo.errors import PlainError

told = []
for path in sys.argv[1:]:
    recipe = load_recipe(Path(path), [])
    try:
        train, held_out = load_data(recipe, load_tokenizer(recipe))
    except PlainError as error:
        told.append(f"{error.message} {error.next_step}")
    else:
        parts = [None if one is None else list(one["prompt"]) for one in (train, held_out)]
        told.append([recipe.script.dataset_name, *parts])
print(json.dumps(told))
"""


def lines(first: int, last: int) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in ROWS[first:last])


def recipe(folder: Path, number: int, **keys: Any) -> str:
    path = folder / f"{number}.yaml"
    own = {"engine": "trl", "model_name_or_path": str(BASE), "report_to": "none"}
    path.write_text(json.dumps({**own, **keys}), "utf8")
    return str(path)


def prompts(first: int, last: int) -> list[str]:
    return [one["prompt"] for one in ROWS[first:last]]


def test_data_sets_of_the_hub(tmp_path: Path) -> None:
    repositories = {
        "somebody/sums": {
            "README.md": CARD,
            "easy/train.jsonl": lines(0, 30),
            "easy/test.jsonl": lines(30, 40),
            "hard/train.jsonl": lines(40, 60),
        },
        "somebody/plain": {"data/train.jsonl": lines(0, 20), "data/test.jsonl": lines(20, 24)},
    }
    held_out = {"eval_strategy": "steps", "eval_steps": 5}
    easy = {"dataset_name": "somebody/sums", "dataset_config": "easy"}
    entries = [
        {"path": "somebody/sums", "name": "hard"},
        {"path": "somebody/plain", "split": "test", "columns": ["prompt", "answer"]},
    ]
    mixture = {"datasets": [{"id": "somebody/plain", "weight": 0.5}], "test_split_size": 0.2}
    recipes = [
        {**easy, **held_out},
        {"dataset_name": "somebody/plain"},
        {"datasets": entries},
        {"dataset_mixture": mixture, **held_out},
        {**easy, "dataset_train_split": "learn"},
        {"dataset_name": "somebody/sums", "dataset_config": "odd"},
        {"dataset_name": "somebody/nothing"},
    ]
    paths = [recipe(tmp_path, number, **keys) for number, keys in enumerate(recipes)]
    with hub(repositories) as (endpoint, _):
        # What names the Hub is read when its library is imported.
        known = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "home")}
        known.pop("HF_HUB_OFFLINE", None)
        ran = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", READ, *paths],
            env={**known, "PYTHONPATH": str(TRAINER)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert ran.returncode == 0, ran.stderr
    configured, plain, mixed, open_r1, *refused = json.loads(ran.stdout.splitlines()[-1])
    assert configured == ["somebody/sums", prompts(0, 30), prompts(30, 40)]
    assert plain == ["somebody/plain", prompts(0, 20), None]
    assert mixed == [None, prompts(40, 60) + prompts(20, 24), None]
    assert (len(open_r1[1]), len(open_r1[2])) == (8, 2)
    assert {*open_r1[1], *open_r1[2]} < {*prompts(0, 20)}
    assert "has no part `learn`; it has `train`, `test`." in refused[0]
    assert "somebody/sums can't be loaded: BuilderConfig 'odd' not found" in refused[1]
    assert "somebody/nothing can't be loaded: Dataset 'somebody/nothing' doesn't" in refused[2]

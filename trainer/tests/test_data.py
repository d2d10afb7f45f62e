"""What a recipe says of its data, read by the real loading code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import training
from conftest import BASE
from datasets import Dataset, DatasetDict
from process import write_recipe
from transformers import AutoTokenizer

from adaptive_grpo.app.data import load_data, load_tokenizer
from adaptive_grpo.app.recipe import Recipe, load_recipe
from adaptive_grpo.errors import PlainError

CHAT = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
HELD_OUT = {"eval_strategy": "steps", "eval_steps": 1, "per_device_eval_batch_size": 8}
ROWS = training.problems(40, seed=5)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths count from the recipe's folder, wherever one starts."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))


def recipe(folder: Path, **keys: Any) -> Recipe:
    return load_recipe(write_recipe(folder, **keys), [])


def loaded(folder: Path, **keys: Any) -> tuple[Any, Any]:
    read = recipe(folder, **keys)
    return load_data(read, load_tokenizer(read))


def refusal(folder: Path, **keys: Any) -> str:
    with pytest.raises(PlainError) as error:
        loaded(folder, **keys)
    return f"{error.value.message} {error.value.next_step}"


def write(folder: Path, kind: str) -> str:
    data = Dataset.from_list(ROWS)
    parts = DatasetDict(train=data.select(range(30)), test=data.select(range(30, 40)))
    if kind == "jsonl":
        lines = "".join(json.dumps(one) + "\n" for one in ROWS)
        (folder / "own.jsonl").write_text(lines, "utf8")
    elif kind == "json":
        (folder / "own.json").write_text(json.dumps(ROWS), "utf8")
    elif kind == "parquet":
        data.to_parquet(folder / "own.parquet")
    elif kind == "csv":
        data.to_csv(folder / "own.csv")
    elif kind == "folder":
        # As data sets lie on the Hub.
        for name, part in parts.items():
            (folder / "own" / "data").mkdir(parents=True, exist_ok=True)
            part.to_parquet(folder / "own" / "data" / f"{name}-00000-of-00001.parquet")
        return "own"
    else:
        {"saved": data, "saved parts": parts}[kind].save_to_disk(folder / "own")
        return "own"
    return f"own.{kind}"


@pytest.mark.parametrize(
    "kind", ["jsonl", "json", "parquet", "csv", "folder", "saved", "saved parts"]
)
def test_data_sets_of_ones_own(tmp_path: Path, kind: str) -> None:
    name = write(tmp_path, kind)
    whole = kind not in ("folder", "saved parts")
    share = {"test_split_size": 0.25} if whole else {}
    read = recipe(tmp_path, dataset_name=name, **HELD_OUT, **share)
    train, held_out = load_data(read, load_tokenizer(read))
    assert (len(train), len(held_out)) == ((30, 10))
    known = {one["prompt"]: one["answer"] for one in ROWS}
    rows = [*train, *held_out]
    assert {one["prompt"]: str(one["answer"]) for one in rows} == known
    assert len({one["prompt_id"] for one in rows}) == 40
    assert rows[0]["prompt_id"] == "train/0"
    recorded = Path(str(read.flat()["dataset_name"]))
    assert recorded == (tmp_path / name).resolve(), "found again from anywhere"
    again, same = load_data(read, load_tokenizer(read))
    assert [one["prompt"] for one in same] == [one["prompt"] for one in held_out]
    assert again["prompt"] == train["prompt"]


def test_what_is_not_held_out_is_never_evaluated_on(tmp_path: Path) -> None:
    for kind in ("jsonl", "saved"):
        folder = tmp_path / kind
        folder.mkdir()
        told = refusal(folder, dataset_name=write(folder, kind), **HELD_OUT)
        assert "has no part `test`; it has `train`." in told
        assert "`test_split_size`" in told


def test_prompts_are_named_by_their_ids(tmp_path: Path) -> None:
    rows = [{**one, "id": f"sum-{i}", "messages": []} for i, one in enumerate(ROWS)]
    Dataset.from_list(rows).to_parquet(tmp_path / "own.parquet")
    train, _ = loaded(tmp_path, dataset_name="own.parquet")
    assert train["prompt_id"][:2] == ["sum-0", "sum-1"]
    assert "messages" not in train.column_names, "TRL would take them for the conversation"


def test_a_chat_template_makes_messages_of_prompts(tmp_path: Path) -> None:
    rows = [{"problem": one["prompt"], "answer": one["answer"]} for one in ROWS]
    Dataset.from_list(rows).to_parquet(tmp_path / "own.parquet")
    keys = {"dataset_name": "own.parquet", "dataset_prompt_column": "problem"}
    chat = {"chat_template": CHAT, "system_prompt": "Count."}
    read = recipe(tmp_path, **keys, **chat)
    tokenizer = load_tokenizer(read)
    train, _ = load_data(read, tokenizer)
    first = ROWS[0]["prompt"]
    assert train[0]["prompt"] == [
        {"role": "system", "content": "Count."},
        {"role": "user", "content": first},
    ]
    told = tokenizer.apply_chat_template(
        train[0]["prompt"], tokenize=False, add_generation_prompt=True
    )
    assert told == f"<system>Count.<user>{first}<assistant>"
    assert "problem" not in train.column_names

    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    spoken = [{"prompt": [*messages, {"role": "user", "content": one["prompt"]}]} for one in ROWS]
    Dataset.from_list(spoken).to_parquet(tmp_path / "spoken.parquet")
    train, _ = loaded(tmp_path, dataset_name="spoken.parquet", **chat)
    assert [one["role"] for one in train[0]["prompt"]] == ["system", "user", "assistant", "user"]

    own = {"role": "system", "content": "Own."}
    begun = [{"prompt": [own, *one["prompt"]]} for one in spoken]
    Dataset.from_list([*begun[:20], *spoken[20:]]).to_parquet(tmp_path / "begun.parquet")
    train, _ = loaded(tmp_path, dataset_name="begun.parquet", **chat)
    systems = [[m["content"] for m in one if m["role"] == "system"] for one in train["prompt"]]
    assert systems == [["Own."]] * 20 + [["Count."]] * 20


def entry(name: str, **more: Any) -> dict[str, Any]:
    return {"path": name, **more}


def test_trls_mixture(tmp_path: Path) -> None:
    """By `trl.get_dataset`: shares of the mixture, as far as every data set goes."""
    for kind in ("jsonl", "parquet", "folder"):
        write(tmp_path, kind)
    both = [entry("own.jsonl"), entry("own.parquet", columns=["prompt", "answer"])]
    train, _ = loaded(tmp_path, dataset_name=None, datasets=both)
    assert train["prompt"] == [one["prompt"] for one in [*ROWS, *ROWS]]
    assert len(set(train["prompt_id"])) == 80

    shares = [entry("own.jsonl", fraction=0.8), entry("own", split="test", fraction=0.2)]
    read = recipe(tmp_path, datasets=shares, test_split_size=0.2, **HELD_OUT)
    assert read.warnings == ["`dataset_name` is not used, because `datasets` is there."]
    train, held_out = load_data(read, load_tokenizer(read))
    assert (len(train), len(held_out)) == (40, 10)
    again = recipe(tmp_path, datasets=shares, test_split_size=0.2, **HELD_OUT)
    same = load_data(again, load_tokenizer(again))[1]
    assert same["prompt"] == held_out["prompt"], "held out in every run"
    recorded = read.flat()["datasets"]
    assert recorded[0]["data_files"] == str((tmp_path / "own.jsonl").resolve())
    assert recorded[1]["path"] == str((tmp_path / "own").resolve())


def test_open_r1s_mixture(tmp_path: Path) -> None:
    """Shares of each data set, shuffled by the mixture's own seed."""
    for kind in ("jsonl", "parquet"):
        write(tmp_path, kind)
    entries = [{"id": "own.jsonl", "weight": 0.5}, {"id": "own.parquet", "columns": ["prompt"]}]
    mixture = {"datasets": entries, "seed": 3, "test_split_size": 0.2}
    train, held_out = loaded(tmp_path, dataset_name=None, dataset_mixture=mixture, **HELD_OUT)
    assert (len(train), len(held_out)) == (48, 12)
    prompts = [*train["prompt"], *held_out["prompt"]]
    assert set(prompts) == {one["prompt"] for one in ROWS}
    assert sum(one is not None for one in [*train["answer"], *held_out["answer"]]) == 20
    other = {**mixture, "seed": 4}
    assert loaded(tmp_path, dataset_mixture=other)[0]["prompt"] != train["prompt"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"datasets": "own.jsonl"}, "`datasets` must be a list of mappings"),
        ({"datasets": [{"id": "own.jsonl"}]}, "Data set 1 of `datasets` has no `path`."),
        ({"datasets": ["own.jsonl"]}, "`datasets` must be a list of mappings"),
        (
            {"datasets": [entry("own.jsonl"), entry("own.jsonl", weight=1)]},
            "Data set 2 of `datasets` has `weight`, which means nothing there.",
        ),
        ({"datasets": [entry("none.jsonl")]}, "There is no file none.jsonl."),
        (
            {"datasets": [entry("own.jsonl", fraction=0.5), entry("own.jsonl")]},
            "The mixture can't be loaded: `fraction` must be set for either all",
        ),
        ({"datasets": [entry("own.jsonl", columns=["no"])]}, "The mixture can't be loaded: "),
        ({"dataset_mixture": {}}, "`dataset_mixture` has no list `datasets`."),
        ({"dataset_mixture": [1]}, "`dataset_mixture` must be a mapping or empty"),
        ({"dataset_mixture": {"datasets": 4}}, "`dataset_mixture` must be a list of data sets"),
        ({"dataset_mixture": {"datasets": [{"path": "x"}]}}, "has no `id`."),
        (
            {"dataset_mixture": {"datasets": [{"id": "x"}], "shuffle": True}},
            "`dataset_mixture` has `shuffle`, which means nothing there.",
        ),
        (
            {"datasets": [entry("x")], "dataset_mixture": {"datasets": [{"id": "x"}]}},
            "`datasets` and `dataset_mixture` say the same in two ways.",
        ),
        ({"dataset_streaming": True}, "`dataset_streaming` is not supported"),
        ({"streaming": True, "datasets": [entry("own.jsonl")]}, "`streaming` is not supported"),
        ({"test_split_size": 1, **HELD_OUT}, "leaves nothing to train on"),
        ({"dataset_train_split": "learn"}, "has no part `learn`; it has `train`."),
        ({"dataset_name": None}, "The recipe names no data set."),
        ({"dataset_name": "somebody/nothing"}, "somebody/nothing can't be loaded"),
        ({"dataset_prompt_column": "problem"}, "no column `problem`; it has `prompt`, `answer`."),
    ],
)
def test_what_cannot_be_loaded(tmp_path: Path, keys: Mapping[str, Any], message: str) -> None:
    write(tmp_path, "jsonl")
    assert message in refusal(tmp_path, **keys)


def test_prompts_that_are_neither_texts_nor_messages(tmp_path: Path) -> None:
    Dataset.from_list([{"prompt": ["1+1="]}] * 8).to_parquet(tmp_path / "own.parquet")
    told = refusal(tmp_path, dataset_name="own.parquet", chat_template=CHAT, system_prompt="Count.")
    assert told.startswith("The prompt of row 0 of the data set is empty or no text.")


def test_an_empty_data_set(tmp_path: Path) -> None:
    Dataset.from_dict({"prompt": [], "answer": []}).to_parquet(tmp_path / "own.parquet")
    told = refusal(tmp_path, dataset_name="own.parquet")
    assert told == "The data set is empty. Choose another `dataset_name`."
    mixed = refusal(tmp_path, dataset_name=None, datasets=[entry("own.parquet")])
    assert mixed.startswith("The data set is empty.")


def test_the_shipped_tokenizer_has_no_chat_template() -> None:
    """Or the tests above would not try what they mean to."""
    assert AutoTokenizer.from_pretrained(BASE).chat_template is None

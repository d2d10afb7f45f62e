from __future__ import annotations

import asyncio
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import training
from conftest import BASE
from datasets import Dataset
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForSequenceClassification,
)

from adaptive_grpo.errors import PlainError, RecipeError
from adaptive_grpo.rewards import REGISTRY, RewardOptions, reward_functions
from adaptive_grpo.rewards.answers import answer_of, reference_of
from adaptive_grpo.training import TokenAdaptiveGRPOTrainer


def reward(name: str, **options: Any) -> Any:
    return reward_functions([name], RewardOptions(**options))[0]


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("8*35=280\n47+280=327\n#0308", "308"),
        ("so \\boxed{1{,}0{2}0.50}", "1{}0{2}0.50"),
        ("first 3, then 1,250.0", "1250"),
        ("# +018.50 \nmore", "18.5"),
        ("-0", "0"),
        ("nothing", None),
        ("#", None),
    ],
)
def test_the_final_answer(text: str, answer: str | None) -> None:
    assert answer_of(text) == answer


def test_a_reference_is_the_answer_in_it() -> None:
    assert reference_of("4 apples\n#### 18") == "18"
    assert reference_of("  ") is None


def test_accuracy() -> None:
    score = reward("accuracy")
    assert score(["#18", "#19"], answer=["18", "18"], prompts=["", ""]) == [1, 0]
    gold = ["We get $\\frac{1}{2}$"] * 4
    texts = ["so \\boxed{0.5}", "it is \\boxed{\\frac{2}{4}}", "\\boxed{2}", "no answer"]
    assert score([said(text) for text in texts], solution=gold) == [1, 1, 0, 0]
    assert score([said("x")], solution=[""]) == [None], "a gold answer that can't be read"
    with pytest.raises(PlainError, match="no column `solution`"):
        score(["1"], other=["1"])


def test_format_and_tags() -> None:
    whole = "<think>\na\n</think>\n<answer>\nb\n</answer>"
    assert reward("format")([said(whole), said("a")]) == [1, 0]
    assert reward("format")(["1+1=2\n#2", "2"], answer=["2", "2"]) == [1, 0]
    assert reward("tag_count")([whole, whole + whole, "<think>\n"]) == [1, 0, 0.25]


def test_code_stands_in_its_block() -> None:
    told = "<think>\na\n</think>\n<answer>\n```{}\n1\n```\n</answer>"
    score = reward("code_format", code_language="c++")
    texts = [said(told.format("c++")), said(told.format("python")), said("```c++\n1\n```")]
    assert score(texts) == [1, 0, 0]
    assert score(texts, language=["python"] * 3) == [0, 1, 0]


def test_length_compares_completions_of_a_prompt() -> None:
    texts, golds = ["#1", "#0001", "#2", "#1"], ["1"] * 4
    prompts = ["a", "a", "a", "b"]
    assert reward("length")(texts, prompts=prompts, answer=golds) == [0.5, -0.5, 0, 0]


def test_length_compares_cut_texts_as_well() -> None:
    """With `prefix_credit: stub` they are scored beside the others."""
    score, prompts = reward("length"), ["a"] * 3
    assert score(["#1", "#001"], prompts=prompts[:2], answer=["1"] * 2) == [0.5, -0.5]
    texts = ["", "#1", "#001"]
    assert score(texts, prompts=prompts, answer=["1"] * 3) == [0, 0, -0.5]


def test_cosine_goes_from_its_best_to_its_worst() -> None:
    score = reward("cosine", cosine_max_len=10, cosine_min_value_wrong=0.0)
    right = score(["#1", "#1" + " " * 8, "#1" + " " * 30], answer=["1"] * 3)
    assert right[0] == pytest.approx(0.75 + 0.25 * math.cos(0.2 * math.pi))
    assert right[1:] == pytest.approx([0.5, 0.5])
    wrong = score(["#2", "#2" + " " * 8], answer=["1"] * 2)
    assert wrong[0] > wrong[1] == pytest.approx(-0.5)


def test_repetition() -> None:
    score = reward("repetition_penalty", repetition_n_grams=2)
    assert score(["a b c d", "a a a a", "a"]) == pytest.approx([0, -2 / 3, 0])


def test_every_name_of_the_registry_loads() -> None:
    assert len(reward_functions(list(REGISTRY), RewardOptions())) == len(REGISTRY)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise KeyError('x')", "`mine:f` raised KeyError: 'x'"),
        ("return [1.0]", "returned 1 rewards for 2 completions"),
        ("return 3", "returned int rewards for 2"),
        ("return ['a', 1]", "returned 'a', which is no number"),
        ("return 'ab'", "returned str rewards for 2"),
        ("return {'a': 1, 'b': 2}", "returned dict rewards for 2"),
        ("return (one for one in [1, 2])", "returned generator rewards for 2"),
        ("return None", "returned NoneType rewards for 2"),
        ("return __import__('numpy').zeros((2, 2))", r"returned \[0.0, 0.0\], which is no number"),
        ("return __import__('torch').tensor(1.0)", "returned Tensor rewards for 2"),
        ("return __import__('numpy').zeros(3)", "returned 3 rewards for 2 completions"),
        ("return [1j, 1]", "returned 1j, which is no number"),
        ("return [float('inf'), 1]", "has to be finite"),
    ],
)
def test_mistakes_of_a_users_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, message: str
) -> None:
    (tmp_path / "mine.py").write_text(f"def f(completions, **kwargs):\n    {body}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "mine", raising=False)
    with pytest.raises(PlainError, match=message) as error:
        reward("mine:f")(["a", "b"])
    assert "Mend the reward function" in error.value.next_step


def test_a_users_function_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        "import numpy\n\nasync def f(completions, **kwargs):\n"
        "    return [float('nan'), numpy.float32(len(completions[1]))]\n"
    )
    (tmp_path / "own.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    score = reward("own.f")
    assert score.__name__ == "own.f"
    assert asyncio.run(score(["a", "bc"])) == [None, 2.0]


@pytest.mark.parametrize(
    "body",
    [
        "(1, float('nan'))",
        "__import__('numpy').array([1.0, float('nan')], 'float32')",
        "__import__('torch').tensor([1.0, float('nan')])",
        "[__import__('torch').tensor(1), None]",
        "[__import__('numpy').bool_(True), None]",
        "[__import__('fractions').Fraction(1), None]",
    ],
)
def test_rewards_of_every_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    (tmp_path / "kinds.py").write_text(f"def f(completions, **kwargs):\n    return {body}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "kinds", raising=False)
    assert reward("kinds:f")(["a", "b"]) == [1.0, None]


def test_an_object_may_be_a_coroutine_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "class F:\n    async def __call__(self, completions, **kwargs):\n        return [2]\n"
    (tmp_path / "objects.py").write_text(f"{source}\nf = F()\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert asyncio.run(reward("objects:f")(["a"])) == [2.0]


def test_what_a_users_function_must_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "narrow.py").write_text("def f(completions):\n    return [1]\n")
    (tmp_path / "broken.py").write_text("def f(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PlainError, match="unexpected keyword argument 'answer'") as error:
        reward("narrow:f")(["a"], answer=["1"])
    assert error.value.next_step == "Let `narrow:f` take `**kwargs` as well."
    with pytest.raises(RecipeError, match="can't be imported: SyntaxError"):
        reward("broken:f")


TABLE = json.loads((Path(__file__).parent / "open_r1.json").read_text("utf8"))
"""What open-r1's own functions say; its `length` and `cosine` only read answers in LaTeX."""


@pytest.mark.parametrize("name", ["format", "tag_count", "reasoning_steps", "repetition_penalty"])
def test_functions_of_the_text_say_what_open_r1s_say(name: str) -> None:
    texts = [said(text) for text in TABLE["texts"]]
    assert reward(name)(texts) == pytest.approx(TABLE[name], abs=1e-8)


@pytest.mark.parametrize("name", ["accuracy", "cosine", "length"])
def test_functions_of_the_solution_say_what_open_r1s_say(name: str) -> None:
    texts = [said(text) for text in TABLE["texts"]]
    # Beyond `max_len` open-r1's cosine turns back.
    assert max(map(len, TABLE["texts"])) < 1000
    for solution, theirs in zip(TABLE["solutions"], TABLE[name], strict=False):
        columns = {"solution": [solution] * len(texts), "prompts": ["one"] * len(texts)}
        assert reward(name)(texts, **columns) == pytest.approx(theirs, abs=1e-8), solution


def test_an_answer_is_right_as_text_too_and_a_missing_one_has_no_opinion() -> None:
    texts = ["#18", "it is 18", "\\boxed{\\frac{36}{2}}", "Paris", "so: #Paris"]
    score = reward("accuracy")
    assert score(texts, answer=["18"] * 5) == [1, 1, 1, 0, 0]
    assert score(texts, answer=["Paris"] * 5) == [0, 0, 0, 0, 1], "a word, marked"
    assert score(texts, answer=[None] * 5) == [None] * 5
    assert score(texts, solution=["18"] * 5, answer=["Paris"] * 5) == [0, 0, 1, 0, 0]
    assert reward("cosine")(texts[:1], solution=["Paris"]) == [None]


def test_a_reward_model_scores_beside_the_functions(tmp_path: Path) -> None:
    """A small one that knows nothing; what counts is that its rewards arrive, tree by tree."""
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(BASE)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "num_labels": 1}
    ids = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.eos_token_id}
    judge = LlamaForSequenceClassification(LlamaConfig(**sizes, **heads, **ids))
    judge.save_pretrained(tmp_path / "judge")
    tokenizer.save_pretrained(tmp_path / "judge")
    options = RewardOptions(reward_model_name_or_path=str(tmp_path / "judge"))
    trainer = TokenAdaptiveGRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(BASE),
        processing_class=tokenizer,
        reward_funcs=reward_functions(["accuracy"], options),
        args=training.config(tmp_path, max_steps=1, reward_weights=[0.5, 1.0]),
        train_dataset=Dataset.from_list(training.problems()),
    )
    trainer.train()
    line = next(one for one in trainer.state.log_history if "rewards/judge/mean" in one)
    assert line["rewards/judge/std"] > 0
    assert trainer.reward_func_names == ["judge", "accuracy"]
    # Every answered completion is scored by both, and weighed.
    assert line["reward"] != pytest.approx(line["rewards/accuracy"], abs=1e-4)
    assert line["rewards/judge"] != 0
    with pytest.raises(RecipeError, match="The reward model nobody/none can't be loaded"):
        reward_functions(["format"], RewardOptions(reward_model_name_or_path="nobody/none"))


def test_names_that_make_no_sense() -> None:
    for names, message in (
        ([], "empty"),
        (["format"] * 2, "twice"),
        (["fast"], "no reward func"),
        (["code"], "which runs programs"),
    ):
        with pytest.raises(RecipeError, match=message):
            reward_functions(names, RewardOptions())
    with pytest.raises(RecipeError, match="can't be imported"):
        reward("nowhere:f")

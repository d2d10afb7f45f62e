"""Lists the keys a recipe may hold as TRL declares them, read from its sources without importing it.

    python scripts/trl-keys.py SITE_PACKAGES | node scripts/compare-trl-keys.ts

SITE_PACKAGES is a folder that holds `trl` and `transformers` (two unpacked wheels will do). Prints
one JSON object: name to {"class", "type", "default"}, types and defaults as Python source.
"""

import ast
import json
import sys
from pathlib import Path

# A later class overrides the keys of the ones before.
SOURCES = [
    ("transformers/training_args.py", "TrainingArguments"),
    ("trl/trainer/base_config.py", "_BaseConfig"),
    ("trl/trainer/grpo_config.py", "GRPOConfig"),
    ("trl/trainer/model_config.py", "ModelConfig"),
    ("trl/scripts/utils.py", "ScriptArguments"),
    ("trl/scripts/utils.py", "DatasetMixtureConfig"),
    ("trl/scripts/grpo.py", "GRPOScriptArguments"),
]


def fields(path: Path, name: str) -> dict[str, dict[str, str | None]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    owner = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)
    found = {}
    for statement in owner.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        key, kind = statement.target.id, ast.unparse(statement.annotation)
        if key.startswith("_") or "ClassVar" in kind:
            continue
        default = statement.value
        if isinstance(default, ast.Call) and getattr(default.func, "id", "") == "field":
            named = {word.arg: word.value for word in default.keywords}
            default = named.get("default") or named.get("default_factory")
        text = None if default is None else ast.unparse(default)
        found[key] = {"class": name, "type": kind, "default": text}
    return found


def main(folder: str) -> None:
    keys: dict[str, dict[str, str | None]] = {}
    for file, name in SOURCES:
        path = Path(folder) / file
        if path.exists():
            keys.update(fields(path, name))
    json.dump(keys, sys.stdout, indent=1)


if __name__ == "__main__":
    main(sys.argv[1])

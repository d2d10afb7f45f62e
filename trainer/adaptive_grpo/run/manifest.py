"""`run.json`: what a run is."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import PlainError

SCHEMA_VERSION = 1
MANIFEST = "run.json"
RECIPE = "recipe.yaml"
EVENTS = "events.jsonl"
ROLLOUTS = "rollouts.arrows"
LOG = "trainer.log"

Manifest = Mapping[str, Any]
"""As `src/run/model/manifest.ts` has it."""


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """A reader sees the old one or the new one; only its owner may (it holds the token)."""
    temporary = directory / f"{MANIFEST}.{secrets.token_hex(6)}.tmp"
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf8") as file:
            json.dump(manifest, file, indent=2, allow_nan=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(directory / MANIFEST)
    finally:
        temporary.unlink(missing_ok=True)


def read_manifest(directory: Path) -> dict[str, Any]:
    """Reads it.

    Raises:
        PlainError: the folder is no run, or one of a newer version
    """
    path = directory / MANIFEST
    try:
        manifest: Any = json.loads(path.read_text("utf8"))
    except FileNotFoundError as error:
        message = f"{directory} is not a run directory: it has no {MANIFEST}."
        raise PlainError(message, f"Choose the folder that holds {MANIFEST}.") from error
    except (OSError, ValueError) as error:
        message = f"{path} can't be read: {error}."
        raise PlainError(message, "Restore it, or remove the run.") from error
    if not isinstance(manifest, dict) or "run_id" not in manifest:
        raise PlainError(f"{path} is not the manifest of a run.", "Choose another folder.")
    version = manifest.get("schema_version")
    if version != SCHEMA_VERSION:
        message = f"{path} has version {version}; this trainer writes version {SCHEMA_VERSION}."
        raise PlainError(message, "Use the trainer that wrote it, or another output_dir.")
    return manifest

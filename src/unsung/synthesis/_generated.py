# SPDX-License-Identifier: MIT
"""The rows of a generation job as a manifest, and ids as file names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from unsung.types import Manifest, Track

__all__ = ["file_name", "write_manifest"]


def write_manifest(folder: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write the manifest of all finished clips, in order of id; the last row of an id counts."""
    latest = {row["id"]: row for row in rows}
    tracks = tuple(_track(folder, latest[name]) for name in sorted(latest))
    path = folder / "manifest.jsonl"
    Manifest(folder.resolve().name, "1", tracks).save(path)
    return path


def _track(folder: Path, row: Mapping[str, Any]) -> Track:
    made, prompt = row["provenance"], row["prompt"]
    label = made["label"]
    source = prompt.get("source", "")
    return Track(
        id=f"{label}-{row['id']}",
        path=row["path"],  # relative: read_manifest resolves it beside the manifest
        label="ai",
        generator=label,
        dataset=folder.resolve().name,
        # A mostly or half fake song belongs to the real song it was made from.
        group=f"song-{source}" if source else f"prompt-{row['id']}",
        duration_s=row["duration_s"],
        sample_rate_hz=row["sample_rate_hz"],
        channels=row["channels"],
        codec="flac",
        sha256=row["sha256"],
        licence=made["licence"],
        family=made["family"] or label,
        use="full",
        recording=f"{label}-{row['id']}",
    )


def file_name(name: str) -> str:
    """Return an id as a file name: other signs than letters, digits and -_. become a hash."""
    plain = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)[:80]
    if plain == name and not name.startswith("."):
        return plain
    return f"{plain.lstrip('.')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"

# SPDX-License-Identifier: MIT
"""AIME: 6,000 tracks of 12 music generators, and 500 human ones of MTG-Jamendo.

Grötschla, Solak, Lanzendörfer and Wattenhofer, "Benchmarking Music Generation Models and Metrics
via Human Preference Studies" (ICASSP 2025). Parquet files with the columns id, model, description
(three tags, the prompt) and audio. `group` is the prompt: the same tags went to every model.
Sound inside the Parquet files is written once to `extracted/`.
"""

from __future__ import annotations

from collections.abc import Iterator

from unsung.data.datasets._files import choice
from unsung.data.datasets._parquet import extract, parquet_rows
from unsung.data.datasets.base import Dataset, Download, Info
from unsung.errors import DatasetError
from unsung.types import Track

__all__ = ["Aime"]

HUMAN = "MTG-Jamendo"
FAMILIES = {
    HUMAN: "",
    "AudioLDM 2 Large": "AudioLDM2",
    "AudioLDM 2 Music": "AudioLDM2",
    "MusicGen Large": "MusicGen",
    "MusicGen Medium": "MusicGen",
    "MusicGen Small": "MusicGen",
    "Mustango": "Mustango",
    "Riffusion": "Riffusion",
    "Stable Audio v1": "Stable Audio",
    "Stable Audio v2": "Stable Audio",
    "Suno v3": "Suno",
    "Suno v3.5": "Suno",
    "Udio": "Udio",
}
"""Model as published → family."""


class Aime(Dataset):
    """AIME as published; see the module."""

    info = Info(
        title="AIME",
        homepage="https://huggingface.co/datasets/disco-eth/AIME",
        licence="CC-BY-4.0 (human tracks: their artists')",
        citation="Grötschla, Solak, Lanzendörfer, Wattenhofer: Benchmarking Music Generation "
        "Models and Metrics via Human Preference Studies, ICASSP, 2025",
        instructions="`unsung data fetch aime` gets data/*.parquet",
        downloads=(Download("hf://datasets/disco-eth/AIME/data/*.parquet", ""),),
        layout=("data/train-00000-of-00210.parquet   (id, model, description, audio)",),
        verified_by="dataset card and file listing of the hub repository",
    )

    def tracks(self) -> Iterator[Track]:
        """Yield the rows of all Parquet files in order; see `Dataset.tracks`."""
        files = sorted((self.root / "data").glob("*.parquet"))
        if not files:
            raise DatasetError(
                f"{self.root}: expected Parquet files in data/; {self.info.instructions}"
            )
        needed = ("id", "model", "description", "audio")
        for path, line, row in parquet_rows(files, needed):
            model = str(row["model"])
            family = choice(FAMILIES, model, path, line, "model")
            name = f"{model}-{row['id']}".replace(" ", "_").replace("/", "_")
            where = f"{path}, line {line}"
            human = model == HUMAN
            yield Track(
                id=name,
                path=str(extract(row["audio"], self.root / "extracted", name, where)),
                label="human" if human else "ai",
                generator="" if human else model,
                dataset="aime",
                group="prompt:" + "|".join(str(tag) for tag in row["description"] or ()),
                licence="" if human else "CC-BY-4.0",
                family=family,
            )

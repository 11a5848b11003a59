# SPDX-License-Identifier: MIT
"""FakeAVCeleb, its audio: celebrity videos with real or cloned voices.

Khalid, Tariq, Kim and Woo, NeurIPS Datasets and Benchmarks 2021 (arXiv 2108.05080). The type of a
video, `FakeVideo-RealAudio` and so on, gives the label of its sound: RealAudio is human, FakeAudio
"ai" (all voices were cloned by SV2TTS, here `rtvc`). `meta_data.csv` has its file name in the
column `path` and its folder in a column without a name; that is how it is published. A few videos
are listed twice, with two methods: the first line counts.

Sound is read from the videos, or from `FakeAVCeleb-audio/` with the same folders where the audio
was extracted. Voices of 500 people: `group` is the person. Access on request. Speech, not music.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from unsung.data.datasets._files import choice, first_file, inner, table
from unsung.data.datasets.base import Dataset, Info
from unsung.types import Label, Track

__all__ = ["FakeAvCeleb"]

TYPES: dict[str, Label] = {
    "RealVideo-RealAudio": "human",
    "FakeVideo-RealAudio": "human",
    "RealVideo-FakeAudio": "ai",
    "FakeVideo-FakeAudio": "ai",
}
_NEEDED = ("source", "method", "type", "race", "gender", "path")


class FakeAvCeleb(Dataset):
    """FakeAVCeleb 1.2 as published; see the module."""

    info = Info(
        title="FakeAVCeleb 1.2",
        homepage="https://github.com/DASH-Lab/FakeAVCeleb",
        licence="research use, on request",
        citation="Khalid, Tariq, Kim, Woo: FakeAVCeleb: A Novel Audio-Video Multimodal Deepfake "
        "Dataset, NeurIPS Datasets and Benchmarks, 2021",
        instructions="fill in the request form linked from the homepage; its owners send a "
        "download script; unpack to FakeAVCeleb_v1.2/",
        domain="speech",
        layout=(
            "FakeAVCeleb_v1.2/meta_data.csv   (source, ..., method, category, type, race, gender, "
            "path, and the folder without a name)",
            "FakeAVCeleb_v1.2/RealVideo-RealAudio/African/men/id00076/00109.mp4",
            "FakeAVCeleb-audio/RealVideo-RealAudio/African/men/id00076/00109.wav   (optional)",
        ),
        verified_by="metadata lines and loaders in public repositories",
    )

    def tracks(self) -> Iterator[Track]:
        """Yield each video's sound once, in metadata order; see `Dataset.tracks`."""
        path = first_file(
            self.root,
            ("FakeAVCeleb_v1.2/meta_data.csv", "meta_data.csv", "FakeAVCeleb-audio/meta_data.csv"),
            self.info.instructions,
        )
        seen: set[str] = set()
        for line, row in table(path, _NEEDED):
            label = choice(TYPES, row["type"], path, line, "type")
            stem = Path(row["path"]).with_suffix("").name
            name = "/".join((row["type"], row["race"], row["gender"], row["source"], stem))
            if name in seen:
                continue
            seen.add(name)
            yield Track(
                id=name,
                path=str(self._sound(path.parent, name)),
                label=label,
                generator="" if label == "human" else "rtvc",
                dataset="fakeavceleb",
                group=f"person:{row['source']}",
                licence="research use, on request",
                family="" if label == "human" else row["method"],
            )

    def _sound(self, folder: Path, name: str) -> Path:
        for audio in (self.root / "FakeAVCeleb-audio", folder / "FakeAVCeleb-audio", folder):
            for ending in (".wav", ".flac", ".mp3"):
                if (audio / f"{name}{ending}").is_file():
                    return audio / f"{name}{ending}"
        return inner(folder, "FakeAVCeleb") / f"{name}.mp4"

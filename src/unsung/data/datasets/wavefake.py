# SPDX-License-Identifier: MIT
"""WaveFake: LJSpeech and JSUT through seven vocoders, and a text-to-speech system.

Frank and Schönherr, NeurIPS Datasets and Benchmarks 2021; 117,985 clips, 16-bit WAV. The vocoders
got the spectrograms of human recordings, so these clips are "resynth" here; only the folder of the
conformer text-to-speech system is "ai". (The paper calls both fake: evaluate with
`--positive ai,resynth` to repeat it.) The human recordings are separate corpora: put
`LJSpeech-1.1/` and `jsut_ver1.1/` into the folder and they are read as human, paired by
utterance. Speech, not music.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from unsung.data.datasets._files import audio_files, inner
from unsung.data.datasets.base import Dataset, Download, Info
from unsung.errors import DatasetError
from unsung.types import Track

__all__ = ["WaveFake", "utterance"]

SPOKEN = "common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech"
FOLDERS = (
    SPOKEN,
    "jsut_multi_band_melgan",
    "jsut_parallel_wavegan",
    "ljspeech_full_band_melgan",
    "ljspeech_hifiGAN",
    "ljspeech_melgan",
    "ljspeech_melgan_large",
    "ljspeech_multi_band_melgan",
    "ljspeech_parallel_wavegan",
    "ljspeech_waveglow",
)
"""Folders of `generated_audio.zip`."""

_HUMAN = (("LJSpeech-1.1/wavs", "ljspeech"), ("jsut_ver1.1", "jsut"))
_ENDING = re.compile(r"_(gen|generated)$")


class WaveFake(Dataset):
    """WaveFake as published; see the module."""

    info = Info(
        title="WaveFake",
        homepage="https://zenodo.org/records/5642694",
        licence="CC-BY-SA-4.0",
        citation="Frank, Schönherr: WaveFake: A Data Set to Facilitate Audio Deepfake Detection, "
        "NeurIPS Datasets and Benchmarks, 2021",
        instructions="`unsung data fetch wavefake` gets and unpacks generated_audio.zip; for the "
        "human side fetch ljspeech and jsut into the same folder",
        downloads=(
            Download("zenodo:5642694/generated_audio.zip", "generated_audio.zip", unpack=True),
        ),
        domain="speech",
        layout=(
            "generated_audio/ljspeech_melgan/LJ001-0001_gen.wav",
            "generated_audio/ljspeech_waveglow/LJ001-0001.wav",
            f"generated_audio/{SPOKEN}/gen_0.wav",
            "LJSpeech-1.1/wavs/LJ001-0001.wav   (optional, human)",
            "jsut_ver1.1/basic5000/wav/BASIC5000_0001.wav   (optional, human)",
        ),
        size_gb=28.9,
        verified_by="README of RUB-SysSec/WaveFake; path lists in public repositories",
    )

    def tracks(self) -> Iterator[Track]:
        """Yield folder by folder, then the human recordings; see `Dataset.tracks`."""
        root = inner(self.root, "generated_audio")
        found = sorted(path for path in root.iterdir() if path.is_dir())
        made = [path for path in found if path.name in FOLDERS]
        if not made:
            raise DatasetError(
                f"{root}: expected folders among {', '.join(FOLDERS)}; {self.info.instructions}"
            )
        for folder in made:
            yield from self._made(folder)
        for name, speaker in _HUMAN:
            for path in audio_files(self.root / name) if (self.root / name).is_dir() else ():
                group = f"{speaker}:{utterance(path)}"
                yield Track(
                    id=f"{speaker}/{utterance(path)}",
                    path=str(path),
                    label="human",
                    dataset="wavefake",
                    group=group,
                    pair_id=group,
                    recording=group,
                )

    def _made(self, folder: Path) -> Iterator[Track]:
        spoken = folder.name == SPOKEN
        speaker = "prompt" if spoken else folder.name.split("_")[0]
        for path in audio_files(folder):
            name = path.relative_to(folder).with_suffix("").as_posix()
            group = f"{speaker}:{name if spoken else utterance(path)}"
            yield Track(
                id=f"{folder.name}/{name}",
                path=str(path),
                label="ai" if spoken else "resynth",
                generator=folder.name.removeprefix(f"{speaker}_"),
                dataset="wavefake",
                group=group,
                licence="CC-BY-SA-4.0",
                pair_id="" if spoken else group,
                recording="" if spoken else group,
            )


def utterance(path: Path) -> str:
    """Return the name of the utterance that a vocoded file repeats.

    >>> utterance(Path("LJ001-0001_gen.wav")), utterance(Path("LJ001-0001_generated.wav"))
    ('LJ001-0001', 'LJ001-0001')
    """
    return _ENDING.sub("", path.stem)

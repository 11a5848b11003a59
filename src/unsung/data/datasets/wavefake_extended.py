# SPDX-License-Identifier: MIT
"""WaveFake with BigVGAN, Avocodo and more, one folder a source with a letter before its name.

Gasenzer and Wolter, "Towards generalizing deep-audio fake detection networks" (arXiv 2305.13033).
Letters give the labels in order: `A_ljspeech` is real (0), `B_melgan` is 1, ...; letters may be
skipped. A folder A is human; the others repeat its recordings through a vocoder and are "resynth",
except `conformer` (text-to-speech), which is "ai". `classes()` gives the published numbering.
The studies cut 1-s frames at 22,050 Hz and split folders in file order; `unsung data` does both.
Speech, not music.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from unsung.data.datasets._files import audio_files
from unsung.data.datasets.base import Dataset, Download, Info
from unsung.errors import DatasetError
from unsung.types import Label, Track

__all__ = ["WaveFakeExtended"]

_FOLDER = re.compile(r"^([A-Z])_(.+)$")
_ENDING = re.compile(r"_(gen|generated)$")


class WaveFakeExtended(Dataset):
    """The extended WaveFake set; see the module."""

    info = Info(
        title="WaveFake, extended",
        homepage="https://zenodo.org/records/10512541",
        licence="as stated on the record; WaveFake's part CC-BY-SA-4.0",
        citation="Gasenzer, Wolter: Towards generalizing deep-audio fake detection networks, "
        "2023, arXiv:2305.13033",
        instructions="`unsung data fetch wavefake_extended` gets the record's files; link the "
        "folders of LJSpeech, WaveFake and the extension as A_ljspeech, B_melgan, C_hifigan, "
        "D_mbmelgan, E_fbmelgan, F_waveglow, G_pwg, H_lmelgan, I_avocodo, J_bigvgan, K_lbigvgan, "
        "L_conformer, M_jsutmbmelgan, N_jsutpwg",
        downloads=(Download("zenodo:10512541", "", unpack=True),),
        domain="speech",
        layout=(
            "A_ljspeech/LJ001-0001.wav",
            "B_melgan/LJ001-0001_gen.wav",
            "...",
            "K_lbigvgan/LJ001-0001_gen.wav",
        ),
        verified_by="README of gan-police/audiodeepfake-detection",
    )

    def classes(self) -> tuple[str, ...]:
        """Return the folders in the order of their published labels 0, 1, ...

        Raises:
            DatasetError: no folder with a letter, two with the same one, or none with A.
        """
        names = [p.name for p in sorted(self.root.iterdir()) if p.is_dir()]
        names = [name for name in names if _FOLDER.match(name)]
        letters = [name[0] for name in names]
        if "A" not in letters or len(names) < 2:
            raise DatasetError(
                f"{self.root}: expected the folder A_... (human) and others such as B_melgan, got "
                f"{', '.join(names) or 'none'}; {self.info.instructions}"
            )
        twice = next((x for x in letters if letters.count(x) > 1), "")
        if twice:
            raise DatasetError(
                f"{self.root}: two folders begin with {twice}_, so their labels are not defined; "
                "give each folder a letter of its own"
            )
        return tuple(names)

    def tracks(self) -> Iterator[Track]:
        """Yield folder by folder, in label order; see `Dataset.tracks`."""
        for name in self.classes():
            yield from self._folder(self.root / name)

    def _folder(self, folder: Path) -> Iterator[Track]:
        source = folder.name[2:]
        label: Label = "human" if folder.name[0] == "A" else "resynth"
        if "conformer" in source:
            label = "ai"
        for path in audio_files(folder):
            name = _ENDING.sub("", path.stem)
            group = f"{source}:{name}" if label == "ai" else name
            yield Track(
                id=f"{folder.name}/{path.relative_to(folder).with_suffix('').as_posix()}",
                path=str(path),
                label=label,
                generator="" if label == "human" else source,
                dataset="wavefake_extended",
                group=group,
                pair_id="" if label == "ai" else group,
                recording="" if label == "ai" else group,
            )

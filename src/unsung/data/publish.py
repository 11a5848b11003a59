# SPDX-License-Identifier: MIT
"""Prepares a manifest for publishing: what goes out, under which licence, with which checksums.

Sound goes out only where every recording's licence is stated; otherwise the manifest alone does.
Paths of this machine never do: tracks are published as `audio/<id>.<ending>`. Preparing writes
nothing but into the staging folder, and sends nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from unsung.data._atomic import replacing
from unsung.data.cards import (
    CARD,
    CROISSANT,
    HUB_LICENCES,
    TRACKS,
    About,
    card,
    croissant,
    is_stated,
    tracks_csv,
)
from unsung.data.manifests import MANIFEST
from unsung.errors import ManifestError, UsageError
from unsung.outputs import FOREIGN, output_folder
from unsung.types import Manifest, Record, Track

__all__ = ["Part", "Plan", "make_plan", "stage", "stage_archives"]

_ZIP_BYTES = 4_000_000_000  # Zenodo takes at most 100 files a record
_SHOWN = 3
_STAGED = {
    "manifest.jsonl": MANIFEST,
    "README.md": CARD,
    "croissant.json": CROISSANT,
    "tracks.csv": TRACKS,
    "SHA256SUMS": FOREIGN,
}


@dataclass(frozen=True)
class Part(Record):
    """One file that goes out: its name there, where it lies here, its size and checksums."""

    name: str
    path: str
    size_bytes: int
    md5: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Plan(Record):
    """What would be published.

    Attributes:
        about: title, licence, creators, ... as they will stand there.
        manifest: name, version and number of tracks come from it; paths are the published ones.
        sounds: the sound files, with their published names; empty for a manifest alone.
        notes: what the publisher should know.
    """

    about: About
    manifest: Manifest
    sounds: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Bytes of sound."""
        return sum(part.size_bytes for part in self.sounds)


def make_plan(manifest: Manifest, about: About, manifest_only: bool = False) -> Plan:
    """Decide what goes out, and refuse what must not.

    Args:
        manifest: tracks with paths of this machine.
        about: what is said of the whole; title, description and licence get defaults.
        manifest_only: publish no sound.

    Raises:
        UsageError: no creator, or no licence for the whole that repositories know.
        ManifestError: a recording's licence is unstated, or its file is missing.
    """
    about = _complete(manifest, about)
    names = _published_names(manifest.tracks)
    tracks = tuple(
        replace(track, path=name) for track, name in zip(manifest.tracks, names, strict=True)
    )
    public = Manifest(manifest.name, manifest.version, tracks)
    foreign = sorted({t.licence for t in manifest if is_stated(t.licence)} - {about.licence})
    notes = []
    if foreign:
        notes.append(
            f"recordings under other licences than {about.licence}: {', '.join(foreign[:_SHOWN])}"
            f"{', ...' if len(foreign) > _SHOWN else ''}; check that they may be published together"
        )
    if manifest_only:
        return Plan(about, public, (), (*notes, "no sound: the manifest alone"))
    _refuse_unstated(manifest)
    sounds = tuple(_sounds(manifest.tracks, names))
    return Plan(about, public, sounds, tuple(notes))


def stage(plan: Plan, folder: Path) -> list[Part]:
    """Write manifest, table, card, Croissant metadata and checksums; return them as parts.

    Raises:
        ManifestError: they cannot be written, for instance because the disk is full.
    """
    facts = json.dumps(croissant(plan.manifest, plan.about), indent=2, ensure_ascii=False)
    texts = {
        "README.md": card(plan.manifest, plan.about),
        "croissant.json": f"{facts}\n",
        "tracks.csv": tracks_csv(plan.manifest),
    }
    output_folder(folder, (), _STAGED, signs=("manifest.jsonl",))
    with replacing(folder / "manifest.jsonl") as part:
        plan.manifest.save(part)
    for name, text in texts.items():
        with replacing(folder / name) as part:
            part.write_text(text, encoding="utf-8", newline="")
    made = [_part(folder / name, name) for name in ("manifest.jsonl", *texts)]
    sums = [f"{part.sha256}  {part.name}" for part in made]
    if plan.sounds:
        sums += [f"{sound.sha256}  {sound.name}" for sound in map(_hashed, plan.sounds)]
    with replacing(folder / "SHA256SUMS") as part:
        part.write_text("\n".join(sums) + "\n", encoding="utf-8")
    return [*made, _part(folder / "SHA256SUMS", "SHA256SUMS")]


def stage_archives(plan: Plan, folder: Path, zip_bytes: int = _ZIP_BYTES) -> list[Part]:
    """Pack the sound into zip files that unpack to the published names; return them as parts.

    The same sound gives the same bytes. Archives that are there from an earlier, interrupted
    publication of the same manifest are kept.

    Raises:
        ManifestError: they cannot be written, for instance because the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for number, group in enumerate(_groups(plan.sounds, zip_bytes)):
        key = hashlib.sha256("\n".join(f"{s.name} {s.size_bytes}" for s in group).encode())
        name = f"audio-{number:03d}-{key.hexdigest()[:8]}.zip"
        if not (folder / name).is_file():
            with replacing(folder / name) as part:
                _pack(group, part)
        parts.append(_part(folder / name, name))
    return parts


def _complete(manifest: Manifest, about: About) -> About:
    if not about.creators:
        raise UsageError('no creator; expected --creator "Family, Given", once for each person')
    licences = {track.licence for track in manifest}
    licence = about.licence or (licences.pop() if len(licences) == 1 else "")
    if licence.lower() not in HUB_LICENCES:
        came = f"'{licence}'" if licence else "none, or several in the manifest"
        raise UsageError(
            f"expected a licence for the whole, got {came}; give --licence as one of "
            f"{', '.join(sorted(HUB_LICENCES))}"
        )
    title = about.title or manifest.name
    words = about.description or f"{title}: recordings to tell generated from human music."
    return replace(about, title=title, licence=licence, description=words)


def _refuse_unstated(manifest: Manifest) -> None:
    unstated = [track.id for track in manifest if not is_stated(track.licence)]
    if unstated:
        shown = ", ".join(unstated[:_SHOWN]) + (", ..." if len(unstated) > _SHOWN else "")
        raise ManifestError(
            f"{len(unstated)} of {len(manifest)} recordings have no stated licence ({shown}), so "
            "their sound must not be published; fill the column licence, leave them out, or "
            "publish the list alone with --manifest-only"
        )


def _sounds(tracks: Sequence[Track], names: Sequence[str]) -> Iterator[Part]:
    for track, name in zip(tracks, names, strict=True):
        try:
            size = Path(track.path).stat().st_size
        except OSError as error:
            raise ManifestError(
                f"{track.path}: expected the sound of '{track.id}' ({error.strerror}); run "
                "`unsung data check` and leave out what is missing"
            ) from error
        yield Part(name, track.path, size)


def _published_names(tracks: Sequence[Track]) -> list[str]:
    """Return `audio/<id><ending>` of each track, unique also where letters had to be replaced."""
    taken: set[str] = set()
    names = []
    for track in tracks:
        ending = PurePosixPath(track.path).suffix.lower()
        stem = "".join(c if c.isalnum() or c in "-_./" else "_" for c in track.id)
        stem = "/".join(p for p in stem.split("/") if p.strip(".")) or "track"
        stem = stem[: -len(ending)] if ending and stem.lower().endswith(ending) else stem
        name, again = f"audio/{stem}{ending}", 1
        while name.lower() in taken:  # some disks do not tell A from a
            again += 1
            name = f"audio/{stem}-{again}{ending}"
        taken.add(name.lower())
        names.append(name)
    return names


def _groups(sounds: Sequence[Part], most: int) -> Iterator[list[Part]]:
    group: list[Part] = []
    held = 0
    for sound in sounds:
        if group and held + sound.size_bytes > most:
            yield group
            group, held = [], 0
        group.append(sound)
        held += sound.size_bytes
    if group:
        yield group


def _pack(sounds: Sequence[Part], target: Path) -> None:
    """Write a zip without compression (sound does not shrink) and without dates."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as zipped:
        for sound in sounds:
            item = zipfile.ZipInfo(sound.name)
            item.external_attr = 0o644 << 16
            item.file_size = sound.size_bytes
            with Path(sound.path).open("rb") as source, zipped.open(item, "w") as stream:
                while piece := source.read(1 << 20):
                    stream.write(piece)


def _hashed(sound: Part) -> Part:
    return _part(Path(sound.path), sound.name)


def _part(path: Path, name: str) -> Part:
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            md5.update(piece)
            sha256.update(piece)
    return Part(name, os.fspath(path), path.stat().st_size, md5.hexdigest(), sha256.hexdigest())

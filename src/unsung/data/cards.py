# SPDX-License-Identifier: MIT
"""What is written beside a manifest: a dataset card and Croissant 1.0 metadata.

The card is a README.md with the YAML header that Hugging Face hubs read. Croissant is the JSON-LD
of MLCommons (docs.mlcommons.org/croissant/docs/croissant-spec-1.0.html); its records are the rows
of `tracks.csv`, the manifest as a plain table, because a manifest's first line is no record. All
three are made from the manifest alone: the same manifest and facts give the same bytes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unsung.data._atomic import replacing
from unsung.outputs import Kind, csv_with, json_with, text_with
from unsung.tables import csv_line
from unsung.types import Manifest, Record, Track

__all__ = [
    "CARD",
    "CROISSANT",
    "TRACKS",
    "About",
    "card",
    "card_paths",
    "croissant",
    "is_stated",
    "tracks_csv",
    "write_cards",
]

UNSTATED = ("", "unstated", "none stated", "none", "unknown", "not stated", "n/a", "other", "?")
"""What stands in the licence column of a recording whose licence nobody knows."""

_HUB_LICENCES = (
    "apache-2.0 cc-by-2.0 cc-by-3.0 cc-by-4.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-4.0 "
    "cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 mit odc-by"
)
HUB_LICENCES = frozenset(_HUB_LICENCES.split())
"""Licence words of the hub's cards; any other becomes "other" with its name."""

FILES = ("manifest.jsonl", "tracks.csv", "croissant.json")
"""Names of manifest, table and metadata in a published dataset."""

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_COLUMNS = [field.name for field in dataclasses.fields(Track) if field.name != "segments"]
_KINDS = {"duration_s": "sc:Float", "bitrate_kbps": "sc:Float"}
_KINDS |= {"sample_rate_hz": "sc:Integer", "channels": "sc:Integer"}
CARD = Kind("a card of a manifest", (), text_with("---\npretty_name:", "unsung"))
CROISSANT = Kind("Croissant metadata", (), json_with("@context", "recordSet", "distribution"))
TRACKS = Kind("a table of tracks", (), csv_with(*_COLUMNS[:10]))
_VOCABULARY = (
    "column data dataType equivalentProperty examples extract field fileProperty fileObject "
    "fileSet format includes "
    "isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated replace "
    "samplingRate separator source subField transform citeAs"
)


@dataclass(frozen=True)
class About(Record):
    """What a manifest cannot say of itself.

    Attributes:
        title: name of the dataset; empty takes the manifest's.
        description: what it holds and how it was made.
        licence: SPDX identifier of the whole; empty takes the tracks' own, if all have the same.
        creators: names as "Family, Given".
        citation: how to cite it.
        homepage: where it is described.
        date: day of publication as YYYY-MM-DD; empty takes today.
    """

    title: str = ""
    description: str = ""
    licence: str = ""
    creators: tuple[str, ...] = ()
    citation: str = ""
    homepage: str = ""
    date: str = ""


def is_stated(licence: str) -> bool:
    """Say whether words in a licence column name a licence.

    >>> is_stated("CC-BY-4.0"), is_stated("none stated"), is_stated(" Unknown ")
    (True, False, False)
    """
    return licence.strip().lower() not in UNSTATED


def tracks_csv(tracks: Iterable[Track]) -> str:
    """Return the tracks as CSV with a header; None is an empty cell, segments are left out."""
    rows = ([getattr(track, name) for name in _COLUMNS] for track in tracks)
    return "".join(map(csv_line, (_COLUMNS, *rows)))


def croissant(
    manifest: Manifest, about: About | None = None, table: str = "tracks.csv"
) -> dict[str, Any]:
    """Return Croissant 1.0 metadata of a manifest.

    Args:
        manifest: the tracks.
        about: facts that the manifest does not hold.
        table: name of the file with `tracks_csv`, relative to the metadata.
    """
    about = about or About()
    data = tracks_csv(manifest).encode()
    values: dict[str, Any] = {
        "@context": _context(),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": about.title or manifest.name,
        "description": about.description or _sentence(manifest),
        "license": _whole_licence(manifest, about),
        "url": about.homepage,
        "version": _semantic(manifest.version),
        "datePublished": about.date or datetime.now(UTC).date().isoformat(),
        "creator": [{"@type": "sc:Person", "name": name} for name in about.creators],
        "citeAs": about.citation,
        "keywords": ["audio", "music", "deepfake detection"],
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "tracks",
                "name": table,
                "description": f"the tracks as a table; manifest sha256 {manifest.sha256}",
                "contentUrl": table,
                "contentSize": f"{len(data)} B",
                "encodingFormat": "text/csv",
                "sha256": hashlib.sha256(data).hexdigest(),
            }
        ],
        "recordSet": [_records()],
    }
    optional = ("url", "citeAs", "creator")
    return {key: value for key, value in values.items() if value or key not in optional}


def card(
    manifest: Manifest, about: About | None = None, files: tuple[str, str, str] = FILES
) -> str:
    """Return a README.md: YAML header for hubs, counts, licences, how to read it, its limits.

    Args:
        manifest: the tracks.
        about: facts that the manifest does not hold.
        files: names of manifest, table and Croissant metadata beside the card.
    """
    about = about or About()
    title = about.title or manifest.name
    own, table, metadata = files
    lines = [*_header(manifest, about, title, table), "", f"# {title}", ""]
    lines += [about.description or _sentence(manifest), "", "## Tracks", ""]
    lines += _counts(manifest, "split", "split")
    lines += ["", "## Generators", "", *_counts(manifest, "generator", "generator or system")]
    lines += ["", "## Licences", "", "| licence | tracks |", "|---|---|"]
    licences = Counter(t.licence if is_stated(t.licence) else "not stated" for t in manifest)
    lines += [f"| {name} | {count} |" for name, count in sorted(licences.items())]
    lines += [
        "",
        f"The whole is published under: {_whole_licence(manifest, about)}. "
        "Rights in each recording stay as its own licence says.",
        "",
        "## Reading it",
        "",
        f"`{own}` is read by `unsung data check {own}` and `unsung.data.read_manifest`; "
        f"`{table}` holds the same rows without segments, and `{metadata}` describes that table "
        "for other tools.",
        "",
        "Labels: human (a recording), ai (generated), resynth (a recording through a neural codec "
        "or vocoder), mixed. Tracks of one `group` must not part over a split.",
        "",
        f"Manifest: {manifest.name}, version {manifest.version}, sha256 `{manifest.sha256}`.",
    ]
    if about.citation:
        lines += ["", "## Citation", "", about.citation]
    return "\n".join(lines) + "\n"


def card_paths(path: Path) -> dict[Path, Kind]:
    """Return what stands beside a manifest: card, Croissant metadata and table, and their kinds."""
    stem = path.with_suffix("")
    return {
        stem.with_name(f"{stem.name}.{ending}"): kind
        for ending, kind in (
            ("README.md", CARD),
            ("croissant.json", CROISSANT),
            ("tracks.csv", TRACKS),
        )
    }


def write_cards(
    manifest: Manifest, path: Path, about: About | None = None
) -> tuple[Path, Path, Path]:
    """Write card, Croissant metadata and table beside a manifest; return their paths.

    For `music.jsonl` these are `music.README.md`, `music.croissant.json` and `music.tracks.csv`.

    Raises:
        ManifestError: a file cannot be written, for instance because the disk is full.
    """
    readme, metadata, table = card_paths(path)
    facts = croissant(manifest, about, table.name)
    texts = (
        (readme, card(manifest, about, (path.name, table.name, metadata.name))),
        (metadata, json.dumps(facts, indent=2, ensure_ascii=False) + "\n"),
        (table, tracks_csv(manifest)),
    )
    for target, text in texts:
        with replacing(target) as part:
            part.write_text(text, encoding="utf-8", newline="")
    return readme, metadata, table


def _header(manifest: Manifest, about: About, title: str, table: str) -> list[str]:
    licence = _whole_licence(manifest, about)
    known = licence.lower() in HUB_LICENCES
    size = next((name for limit, name in _SIZES if len(manifest) < limit), "n>1M")
    lines = ["---", f"pretty_name: {json.dumps(title, ensure_ascii=False)}"]
    lines += [f"license: {licence.lower()}"] if known else ["license: other"]
    lines += [] if known else [f"license_name: {json.dumps(licence, ensure_ascii=False)}"]
    lines += ["task_categories:", "- audio-classification", "tags:", "- audio", "- music"]
    lines += ["- deepfake-detection", "size_categories:", f"- {size}", "configs:"]
    return [*lines, "- config_name: default", f"  data_files: {table}", "---"]


def _counts(manifest: Manifest, field: str, heading: str) -> list[str]:
    """Return a table of counts and hours, by a field and the label."""
    counts: Counter[tuple[str, str]] = Counter()
    hours: defaultdict[tuple[str, str], float] = defaultdict(float)
    for track in manifest:
        key = (getattr(track, field) or "none", track.label)
        counts[key] += 1
        hours[key] += (track.duration_s or 0.0) / 3600
    rows = [
        f"| {_cell(name)} | {label} | {counts[name, label]} | {hours[name, label]:.1f} |"
        for name, label in sorted(counts)
    ]
    return [f"| {heading} | label | tracks | hours |", "|---|---|---|---|", *rows]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _sentence(manifest: Manifest) -> str:
    labels = Counter(track.label for track in manifest)
    parts = ", ".join(f"{count} {label}" for label, count in sorted(labels.items()))
    return f"{len(manifest)} recordings to tell generated from human music: {parts}."


def _whole_licence(manifest: Manifest, about: About) -> str:
    """Return the licence of the whole: as given, or the only one of all tracks."""
    found: Sequence[str] = sorted({track.licence for track in manifest})
    if about.licence:
        return about.licence
    return found[0] if len(found) == 1 and is_stated(found[0]) else "each recording its own"


def _semantic(version: str) -> str:
    """Return a version with three parts, as Croissant asks.

    >>> _semantic("1"), _semantic("2.1"), _semantic("2026-11")
    ('1.0.0', '2.1.0', '2026-11')
    """
    parts = version.split(".")
    if not all(part.isdigit() for part in parts) or len(parts) > 3:
        return version
    return ".".join([*parts, "0", "0"][:3])


def _records() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "track",
        "name": "track",
        "description": "one recording",
        "key": {"@id": "track/id"},
        "field": [_field(name) for name in _COLUMNS],
    }


def _field(name: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"track/{name}",
        "name": name,
        "dataType": _KINDS.get(name, "sc:Text"),
        "source": {"fileObject": {"@id": "tracks"}, "extract": {"column": name}},
    }


def _context() -> dict[str, Any]:
    words: dict[str, Any] = {word: f"cr:{word}" for word in _VOCABULARY.split()}
    words |= {name: {"@id": f"cr:{name}", "@type": "@json"} for name in ("data", "examples")}
    words["dataType"] = {"@id": "cr:dataType", "@type": "@vocab"}
    return {
        "@language": "en",
        "@vocab": "https://schema.org/",
        "sc": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/",
        "conformsTo": "dct:conformsTo",
        **words,
    }

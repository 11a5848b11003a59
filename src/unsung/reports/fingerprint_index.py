# SPDX-License-Identifier: MIT
"""The figures of a fingerprint survey as Markdown, to be read beside the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from unsung.fingerprints.compare import Fingerprint
from unsung.fingerprints.survey import Survey
from unsung.outputs import Kind, output_file, text_with, write_whole
from unsung.reports.fingerprint import attribution_figures, comb_text, decoder_names
from unsung.reports.page import this_command, this_version
from unsung.reports.words import percent

__all__ = ["FIGURES", "write_fingerprint_index"]

FIGURES = Kind(
    "figures of fingerprints", (".md",), text_with("# Fingerprints of ", "fingerprints.html")
)


def write_fingerprint_index(survey: Survey, out: Path, *, command: str | None = None) -> Path:
    """Write ``index.md`` into a folder and return its path.

    Args:
        survey: what was found.
        out: folder; made when absent.
        command: the command behind the figures; None takes the running one.
    """
    page = output_file(out / "index.md", (), FIGURES)
    command = this_command() if command is None else command
    parts = [_head(survey, command), _attribution(survey), _table(survey.fingerprints)]
    write_whole(page, "\n\n".join(filter(None, parts)) + "\n")
    return page


def _head(survey: Survey, command: str) -> str:
    prints = survey.fingerprints
    found, n_human = survey.human_combs
    with_comb = sum(one.comb.found for one in prints)
    lines = [
        f"# Fingerprints of {survey.source}",
        "",
        f"{len(prints)} generators against {survey.human.n_tracks} human tracks "
        f"({survey.human_source}). {with_comb} leave a comb in their mean spectrum."
        + (f" Single human tracks with a comb: {found} of {n_human}." if n_human else ""),
        f"Pictures and sounds: [fingerprints.html](fingerprints.html). unsung {this_version()}."
        + (f" Made by `{command}`." if command else ""),
        "",
        "A comb is named where its p-value is at most 1e-6; that value is nominal (see the share "
        "of human tracks above). A generator's tracks mostly come from one page, so a comb may be "
        "the page's. Spacings are shared by several decoders: what is named could leave such "
        "lines, not must have.",
        "",
        "Without a comb: "
        + (", ".join(one.name for one in prints if not one.comb.found) or "none")
        + ".",
    ]
    return "\n".join(lines)


def _attribution(survey: Survey) -> str:
    if not survey.outcomes or survey.gallery is None:
        return ""
    rows = [
        f"| {row.name} | {row.n} | {row.right if row.name.startswith('family known') else '–'} | "
        f"{row.wrong} | {row.unknown} |"
        for row in attribution_figures(survey.outcomes)
    ]
    return "\n".join(
        [
            "## Naming held-out tracks",
            "",
            "Fold by fold, with fingerprints and threshold from the other folds (pages are whole); "
            "95 % intervals over tracks.",
            "",
            "| tracks | n | right family | another family | unknown |",
            "|---|---|---|---|---|",
            *rows,
        ]
    )


def _table(prints: Sequence[Fingerprint]) -> str:
    rows = []
    for one in sorted(prints, key=lambda p: (p.label, p.name.lower())):
        lines = ", ".join(f"{line.hz:.0f}" for line in one.lines[:4])
        rows.append(
            f"| {one.name} | {one.label} | {one.n_tracks} | {one.n_pages} | {comb_text(one)} | "
            f"{one.comb.strength:.2f} | {one.tracks_with_comb} | {'; '.join(decoder_names(one))} | "
            f"{percent(one.significant)} | {lines} |"
        )
    return "\n".join(
        [
            "## Generators",
            "",
            "Strength: chance that a bin at a tooth stands higher than one between teeth (of the "
            "best spacing tried where there is no comb). Sure bins: share of 1-Hz bins from 250 Hz "
            "to 16 kHz that differ from human music, false discoveries held to 5 %.",
            "",
            "| generator | label | tracks | pages | comb | strength | in tracks | decoders with "
            "such lines | sure bins | highest lines (Hz) |",
            "|---|---|---|---|---|---|---|---|---|---|",
            *rows,
        ]
    )

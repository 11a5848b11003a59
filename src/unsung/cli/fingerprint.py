# SPDX-License-Identifier: MIT
"""`unsung fingerprint`: what generators leave behind, to see, to hear and to name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unsung.cli import _options as o
from unsung.cli._console import tell
from unsung.errors import UsageError

if TYPE_CHECKING:
    from unsung.fingerprints import Attribution, Gallery, Survey

__all__ = ["fingerprint"]


def fingerprint(
    source: Annotated[
        str,
        typer.Argument(
            metavar="[FOLDER|TABLE]",
            help="Folder with a subfolder for each generator, or labelled tracks (CSV, .jsonl).",
        ),
    ] = "",
    *,
    against: Annotated[
        Path | None,
        typer.Option("--against", help="Folder or table of human music to compare with."),
    ] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option("--attribute", metavar="SONG", help="Name the generator a song is most like."),
    ] = None,
    gallery: Annotated[
        Path | None,
        typer.Option("--gallery", help="Fingerprints to attribute with, made by --save."),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option("--save", help="Write figures (.json) or a gallery to attribute with (.npz)."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", help="Also write a page (.html), or into a folder page and figures."
        ),
    ] = None,
    json_: o.AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Show what generators leave in their music, and name the one a song is most like."""
    from unsung.cli._run import quiet_libraries

    if not source and not attribute:
        raise UsageError(
            "expected a folder or table, or --attribute SONG; for example "
            "`unsung fingerprint generated/ --report prints.html`"
        )
    if not source and (save is not None or report is not None or against is not None):
        raise UsageError("--save, --report and --against need a folder or table of a generator")
    _check_outputs(save, report, (source, against, gallery, *(attribute or ())))
    failed = False
    with quiet_libraries():
        survey = _survey(source, against, quiet) if source else None
        if survey is not None:
            _print(survey, json_)
            _write(survey, save, report)
            failed = bool(survey.failed)
        if attribute:
            failed |= _attribute(attribute, gallery, survey, json_)
    if failed:
        raise typer.Exit(1)


def _check_outputs(
    save: Path | None, report: Path | None, read: Sequence[str | Path | None]
) -> None:
    from unsung.fingerprints.storage import SAVED
    from unsung.outputs import output_file, output_folder
    from unsung.reports.fingerprint_index import FIGURES
    from unsung.reports.page import PAGE

    if save is not None:
        output_file(save, read, SAVED)
    if report is not None and report.suffix.lower() == ".html":
        output_file(report, read, PAGE)
    elif report is not None:
        output_folder(report, read, {"fingerprints.html": PAGE, "index.md": FIGURES})


def _survey(source: str, against: Path | None, quiet: bool) -> Survey:
    import sys

    from unsung.fingerprints import survey

    shown = not quiet and sys.stderr.isatty()

    def progress(done: int, total: int) -> None:
        if shown:
            typer.echo(f"\r{done} of {total} tracks", err=True, nl=done == total)

    return survey(Path(source), against, progress)


def _print(survey: Survey, json_: bool) -> None:
    from unsung.fingerprints.storage import summary
    from unsung.reports.fingerprint import comb_text

    if json_:
        for one in survey.fingerprints:
            typer.echo(json.dumps({"kind": "fingerprint", **summary(one)}))
    else:
        tell(f"{'generator':<36}{'tracks':>7}{'sure bins':>11}{'comb':>28}{'in tracks':>11}  lines")
        for one in survey.fingerprints:
            lines = ", ".join(f"{line.hz:.0f}" for line in one.lines[:4])
            tell(
                f"{one.name:<36.36}{one.n_tracks:>7}{100 * one.significant:>9.1f} %"
                f"{comb_text(one):>28}{one.tracks_with_comb:>11}  {lines}"
            )
    for path, reason in survey.failed:
        tell(f"{path}: {reason}", err=True)


def _write(survey: Survey, save: Path | None, report: Path | None) -> None:
    if save is not None:
        from unsung.fingerprints import save as write

        write(survey, save)
        tell(f"saved: {save}", err=True)
    if report is not None:
        from unsung.reports.fingerprint import write_fingerprint_report

        tell(f"report: {write_fingerprint_report(survey, report)}", err=True)
        if report.suffix.lower() != ".html":
            from unsung.reports.fingerprint_index import write_fingerprint_index

            tell(f"figures: {write_fingerprint_index(survey, report)}", err=True)


def _attribute(songs: list[str], path: Path | None, survey: Survey | None, json_: bool) -> bool:
    """Print a line for each song; return whether one of them could not be read."""
    from unsung.errors import AudioError
    from unsung.fingerprints import attribute as name
    from unsung.fingerprints import load_gallery

    gallery: Gallery | None = None
    if path is not None:
        gallery = load_gallery(path)[0]
    elif survey is not None:
        gallery = survey.gallery
    failed = False
    for song in songs:
        try:
            _named(song, name(song, gallery), json_)
        except AudioError as error:
            failed = True
            tell(f"{song}: {error}", err=True)
    return failed


def _named(song: str, found: Attribution, json_: bool) -> None:
    if json_:
        typer.echo(json.dumps({"kind": "attribution", "path": song, **found.to_dict()}))
        return
    sign = ">" if found.score > found.threshold else "<="
    tell(
        f"{song}: {found.family}; nearest {found.generator} "
        f"({found.score:.3f} {sign} {found.threshold:.3f})"
    )

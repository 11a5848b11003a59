# SPDX-License-Identifier: MIT
"""`unsung data publish`: a manifest and its sound to Zenodo or a Hugging Face hub."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unsung.cli import _options as o
from unsung.cli._console import tell

if TYPE_CHECKING:
    from unsung.data.publish import Plan

__all__ = ["EXAMPLES", "publish"]

EXAMPLES = """Examples:

unsung data publish music.jsonl --zenodo --creator "Doe, Jo"    (says what would be sent)

unsung data publish music.jsonl --zenodo --sandbox --creator "Doe, Jo" --yes

unsung data publish music.jsonl --hf jo/music --creator "Doe, Jo" --licence CC-BY-4.0 --yes

unsung data publish music.jsonl --zenodo --manifest-only --creator "Doe, Jo" --licence CC0-1.0"""

_SHOWN = 10


def publish(
    manifest: Annotated[
        Path, typer.Argument(help="A manifest (.jsonl, .parquet) or table (.csv, .tsv).")
    ],
    *,
    zenodo: Annotated[
        bool, typer.Option("--zenodo", help="Publish as a record of Zenodo.")
    ] = False,
    hf: Annotated[
        str, typer.Option("--hf", metavar="OWNER/NAME", help="Publish as a dataset of the hub.")
    ] = "",
    title: Annotated[str, typer.Option(help="Title; by default the manifest's name.")] = "",
    description: Annotated[str, typer.Option(help="What it holds and how it was made.")] = "",
    licence: Annotated[
        str,
        typer.Option(help="Licence of the whole, as CC-BY-4.0; by default the tracks' only one."),
    ] = "",
    creator: Annotated[
        list[str] | None,
        typer.Option("--creator", help='A creator as "Family, Given"; may be repeated.'),
    ] = None,
    citation: Annotated[str, typer.Option(help="How to cite it.")] = "",
    homepage: Annotated[str, typer.Option(help="Address where it is described.")] = "",
    manifest_only: Annotated[
        bool, typer.Option("--manifest-only", help="Publish the list without any sound.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Really send; without it nothing leaves this machine.")
    ] = False,
    draft: Annotated[
        bool, typer.Option("--draft", help="Leave a draft on Zenodo instead of publishing it.")
    ] = False,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Zenodo's sandbox, to try without consequences.")
    ] = False,
    json_: o.AsJson = False,
) -> None:
    """Publish a dataset: sound, manifest, card, Croissant metadata, licence, checksums.

    Without --yes it only says what would be sent. Sound is refused where a licence is unstated
    (publish the list with --manifest-only). Tokens come from ZENODO_TOKEN, ZENODO_SANDBOX_TOKEN or
    HF_TOKEN. After an interruption run the same command again: what arrived is not sent twice.
    A record published on Zenodo stays for ever: try --sandbox, or --draft, first.
    """
    from unsung.data import read_manifest
    from unsung.data.cards import About
    from unsung.data.publish import make_plan
    from unsung.errors import UsageError

    if zenodo == bool(hf):
        raise UsageError("expected a place to publish to: either --zenodo or --hf OWNER/NAME")
    if hf and (sandbox or draft):
        raise UsageError("--sandbox and --draft belong to Zenodo; a new hub repository is private")
    about = About(
        title=title,
        description=description,
        licence=licence,
        creators=tuple(creator or ()),
        citation=citation,
        homepage=homepage,
    )
    plan = make_plan(read_manifest(manifest), about, manifest_only)
    place = f"hub dataset {hf}" if hf else "Zenodo's sandbox" if sandbox else "Zenodo"
    if not yes:
        _print(json_, _facts(plan, place, sent=False), _dry(plan, place))
        return
    folder = manifest.with_name(f"{manifest.stem}.publish")
    sending = (lambda _: None) if json_ else (lambda name: tell(f"sending {name}", err=True))
    result = (
        _to_hub(plan, folder, hf, sending)
        if hf
        else _to_zenodo(plan, folder, sandbox=sandbox, draft=draft, tell=sending)
    )
    lines = [f"{result['state']}: {result['url']}"]
    lines += [f"DOI: {result['doi']}"] if result.get("doi") else []
    lines.append(f"{len(result['sent'])} files sent, {len(result['kept'])} were there already")
    _print(json_, {**_facts(plan, place, sent=True), **result}, lines)


def _to_zenodo(
    plan: Plan, folder: Path, *, sandbox: bool, draft: bool, tell: Callable[[str], None]
) -> dict[str, Any]:
    from unsung.data.fetch_web import Settings
    from unsung.data.publish import stage, stage_archives
    from unsung.data.publish_zenodo import API, SANDBOX, deposit, metadata

    variable = "ZENODO_SANDBOX_TOKEN" if sandbox else "ZENODO_TOKEN"
    api = os.environ.get("ZENODO_API", "") or (SANDBOX if sandbox else API)
    parts = [*stage(plan, folder), *stage_archives(plan, folder)]
    done = deposit(
        parts,
        metadata(plan.about, plan.manifest.version),
        folder / ("sandbox.json" if sandbox else "zenodo.json"),
        os.environ.get(variable, ""),
        replace(Settings(), zenodo_api=api),
        publish=not draft,
        report=tell,
    )
    state = "published" if done.published else "draft (publish it on its page)"
    return {"state": state, "url": done.url, "doi": done.doi, "sent": done.sent, "kept": done.kept}


def _to_hub(
    plan: Plan, folder: Path, repository: str, tell: Callable[[str], None]
) -> dict[str, Any]:
    from unsung.data.publish import stage
    from unsung.data.publish_hub import push

    parts = [*stage(plan, folder), *plan.sounds]
    token, endpoint = os.environ.get("HF_TOKEN", ""), os.environ.get("HF_ENDPOINT", "")
    done = push(parts, repository, token, endpoint, report=tell)
    return {"state": "uploaded", "url": done.url, "sent": done.sent, "kept": done.kept}


def _facts(plan: Plan, place: str, *, sent: bool) -> dict[str, Any]:
    return {
        "place": place,
        "dry_run": not sent,
        "about": plan.about.to_dict(),
        "n_tracks": len(plan.manifest),
        "n_sounds": len(plan.sounds),
        "size_bytes": plan.size_bytes,
        "manifest_sha256": plan.manifest.sha256,
        "notes": list(plan.notes),
    }


def _dry(plan: Plan, place: str) -> list[str]:
    about = plan.about
    lines = [
        f"would publish to {place}: {about.title}, version {plan.manifest.version}",
        f"licence: {about.licence}; creators: {'; '.join(about.creators)}",
        f"{len(plan.manifest)} tracks, {len(plan.sounds)} sound files, "
        f"{plan.size_bytes / 1e6:.1f} MB of sound",
        "with manifest.jsonl, tracks.csv, README.md, croissant.json, SHA256SUMS",
    ]
    lines += [f"  {part.name} ({part.size_bytes} bytes)" for part in plan.sounds[:_SHOWN]]
    lines += [f"  ... and {len(plan.sounds) - _SHOWN} more"] * (len(plan.sounds) > _SHOWN)
    lines += [f"note: {note}" for note in plan.notes]
    return [*lines, "nothing was sent; add --yes to send it"]


def _print(as_json: bool, values: dict[str, Any], lines: list[str]) -> None:
    if as_json:
        typer.echo(json.dumps(values, indent=2))
    for line in () if as_json else lines:
        tell(line)

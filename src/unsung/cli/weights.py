# SPDX-License-Identifier: MIT
"""`unsung weights`: published and own weights of detectors, fetched, pulled, pushed, converted."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unsung.cli import _options as o
from unsung.cli._console import tell
from unsung.core.settings import parsed_all

if TYPE_CHECKING:
    from unsung.export.pretrained import Saved

__all__ = ["app"]

app = typer.Typer(help="Fetch, publish and convert weights of detectors.", no_args_is_help=True)

To = Annotated[
    Path | None, typer.Option("--to", help="Folder to write; by default in the user's cache.")
]


@app.callback()
def _weights() -> None:
    """Fetch, publish and convert weights of detectors."""


@app.command("list")
def list_cards(json_: o.AsJson = False) -> None:
    """List the published weights that `fetch` knows, with their licences."""
    from unsung.detectors._cards import cards

    found = cards()
    if json_:
        typer.echo(json.dumps([one.to_dict() for one in found], indent=2))
        return
    width = max(len(one.name) for one in found)
    for one in found:
        size = f"{one.n_parameters / 1e6:.1f} M"
        tell(f"{one.name:<{width}}  {size:>7}  {one.licence:<12}  {one.summary}")


@app.command("fetch")
def fetch(
    name: Annotated[str, typer.Argument(help="As `unsung weights list` shows it.")],
    to: To = None,
    json_: o.AsJson = False,
) -> None:
    """Fetch published weights, check that they fit, and keep them as safetensors.

    Nothing in a fetched file is executed. HF_TOKEN opens gated repositories, HF_ENDPOINT names
    another hub.
    """
    from unsung.export import hub

    _print(hub.fetch(name, to, endpoint=_endpoint(), token=_token()), json_)


@app.command("pull")
def pull(
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="On the hub.")],
    to: To = None,
    revision: Annotated[str, typer.Option(help="Branch, tag or commit.")] = "main",
    json_: o.AsJson = False,
) -> None:
    """Fetch a detector from a model repository with config.json and model.safetensors."""
    from unsung.export import hub

    found = hub.pull(repository, to, revision=revision, endpoint=_endpoint(), token=_token())
    _print(found, json_)


@app.command("push")
def push(
    folder: Annotated[Path, typer.Argument(help="As `fetch`, `pull` or `convert` wrote it.")],
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="On the hub.")],
    public: Annotated[
        bool, typer.Option("--public", help="Open to all; by default a new one is private.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Really send; without it nothing leaves this machine.")
    ] = False,
) -> None:
    """Publish a detector's folder as a model repository. The token comes from HF_TOKEN."""
    from unsung.export import hub, pretrained

    if not yes:
        detector = pretrained.load_pretrained(folder)
        names = [name for name in pretrained.FILES if (folder / name).is_file()]
        kind = "public" if public else "private"
        tell(f"{type(detector).__name__} in {folder}: {', '.join(names)}")
        tell(f"would go to {repository} ({kind}); add --yes to send it")
        return
    page = hub.push(folder, repository, token=_token(), endpoint=_endpoint(), private=not public)
    tell(f"published: {page}")


@app.command("convert")
def convert(
    path: Annotated[Path, typer.Argument(help="A checkpoint: .safetensors, .bin, .pt, .pth.")],
    detector: Annotated[str, typer.Option("--detector", help="Detector that it fits.")],
    to: Annotated[Path, typer.Option("--to", help="Folder to write.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Setting of the detector; repeatable."),
    ] = None,
    json_: o.AsJson = False,
) -> None:
    """Turn a local checkpoint into a folder with config.json and model.safetensors."""
    from unsung.export import pretrained

    _print(pretrained.convert(path, detector, parsed_all(settings or []), to), json_)


def _print(saved: Saved, json_: bool) -> None:
    if json_:
        typer.echo(json.dumps(saved.to_dict(), indent=2))
        return
    tell(f"{saved.name}: {saved.detector}, {saved.n_parameters} parameters")
    tell(f"folder: {saved.folder}")
    tell(f"sha256: {saved.sha256}")
    for label, value in (("licence", saved.licence), ("note", saved.notes)):
        if value:
            tell(f"{label}: {value}")


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "")


def _token() -> str:
    return os.environ.get("HF_TOKEN", "")

# SPDX-License-Identifier: MIT
"""`unsung data fetch` and `unsung data info`: what a corpus is, and getting it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unsung.cli import _options as o
from unsung.cli._console import tell

if TYPE_CHECKING:
    from unsung.data.datasets.base import Info

__all__ = ["FETCH_EXAMPLES", "INFO_EXAMPLES", "fetch", "info"]

FETCH_EXAMPLES = """Examples:

unsung data fetch fma --subset small -o fma    (read with: data build fma --corpus fma)

unsung data fetch fakemusiccaps -o fmc --remove-archives

unsung data fetch zenodo:13732524/FakeMusicCaps.zip -o fmc

unsung data fetch hf://datasets/disco-eth/AIME -o aime

HF_TOKEN opens gated repositories; HF_ENDPOINT and ZENODO_API name other servers."""

INFO_EXAMPLES = """Examples:

unsung data info sonics

unsung data info asvspoof5 --json"""


def fetch(
    name: Annotated[
        str,
        typer.Argument(
            help="A corpus (`unsung list datasets`), or an address: https://..., "
            "zenodo:RECORD/FILE, hf://datasets/OWNER/NAME/FILE (/FILE may be left out)."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder to fetch into; made if needed.")
    ],
    *,
    subset: Annotated[
        str, typer.Option("--subset", help="Part of the corpus, such as small; see `data info`.")
    ] = "",
    keep_archives: Annotated[
        bool,
        typer.Option(
            "--keep-archives/--remove-archives",
            help="Whether archives stay after they were unpacked.",
        ),
    ] = True,
    json_: o.AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Download a corpus where its licence and its host allow; otherwise say how to get it.

    Run the same command again after an interruption: it goes on where it ended, and files that are
    complete are only checked. Exit code 2 means that a program may not fetch it: read what it says.
    """
    from unsung.data.fetch import fetch as fetch_files
    from unsung.data.fetch_web import Settings

    servers = Settings(
        zenodo_api=os.environ.get("ZENODO_API", "") or Settings.zenodo_api,
        hub=os.environ.get("HF_ENDPOINT", ""),
    )
    done = fetch_files(
        name,
        output,
        subset,
        settings=servers,
        report=_progress(shown=sys.stderr.isatty() and not quiet and not json_),
        keep_archives=keep_archives,
    )
    if json_:
        typer.echo(json.dumps(done.to_dict(), indent=2))
        return
    tell(f"{len(done.files)} files in {done.folder}, {done.n_unpacked} unpacked from them")
    if done.info is not None:
        typer.echo(f"licence: {done.info.licence}\ncite: {done.info.citation}")


def info(
    name: Annotated[str, typer.Argument(help="A corpus; `unsung list datasets` lists them.")],
    json_: o.AsJson = False,
) -> None:
    """Show a corpus: licence, citation, how to get it, how its folder looks, its subsets."""
    from unsung import registry

    facts: Info = registry.get("datasets", name).info
    if json_:
        typer.echo(json.dumps({"name": name, **facts.to_dict()}, indent=2))
        return
    for line in _lines(name, facts):
        typer.echo(line)


def _lines(name: str, facts: Info) -> list[str]:
    lines = [
        f"{facts.title} ({name}), {facts.domain}",
        f"homepage: {facts.homepage}",
        f"licence: {facts.licence}",
        f"cite: {facts.citation}",
        f"get it: {facts.instructions}",
    ]
    lines += [f"subsets: {', '.join(facts.subsets)} (the first is the default)"] * bool(
        facts.subsets
    )
    lines += [f"size: about {facts.size_gb:g} GB"] * bool(facts.size_gb)
    lines += ["layout:", *(f"  {line}" for line in facts.layout)]
    lines.append(f"verified by: {facts.verified_by or 'nobody; its layout is not published'}")
    if facts.downloads:
        lines.append("fetched from:")
        for file in facts.downloads:
            notes = [file.subset, file.checksum.partition(":")[0]]
            lines.append("  " + " ".join([file.url, *(f"[{note}]" for note in notes if note)]))
    return lines


def _progress(shown: bool) -> Callable[[str, int, int], None]:
    """Return what draws a line of progress on standard error, or what draws nothing."""
    import time

    last_s = 0.0

    def draw(file: str, done: int, total: int) -> None:
        nonlocal last_s
        now_s, complete = time.monotonic(), bool(total) and done >= total
        if now_s - last_s < 0.2 and not complete:
            return
        last_s = now_s
        share = f"{done / total:4.0%} of {total / 1e6:.1f} MB" if total else f"{done / 1e6:.1f} MB"
        sys.stderr.write(f"\r\x1b[K{file}: {share}" + ("\n" if complete else ""))
        sys.stderr.flush()

    return draw if shown else lambda *_: None

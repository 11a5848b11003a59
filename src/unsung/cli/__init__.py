# SPDX-License-Identifier: MIT
"""The command `unsung`: one file a verb; arguments in, printed lines out, nothing else."""

from __future__ import annotations

from typing import Annotated

import typer

from unsung.cli import (
    _descriptors,
    attack,
    bundle,
    calibrate,
    data,
    demo,
    diff,
    evaluate,
    explain,
    export,
    fingerprint,
    instruments,
    reproduce,
    scan,
    serve,
    stress,
    synth,
    train,
    web,
    weights,
)
from unsung.cli import list as list_verb
from unsung.cli._console import tell
from unsung.cli._errors import Group

__all__ = ["app", "main"]

app = typer.Typer(
    name="unsung",
    cls=Group,
    help="Tells AI-generated music from human recordings, and shows why.",
    epilog="Exit codes: 0 done, 1 some files failed, 2 wrong usage.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("scan")(scan.scan)
app.command("serve")(serve.serve)
app.command("list")(list_verb.list_names)
app.add_typer(bundle.app, name="bundle")
app.add_typer(data.app, name="data")
app.command("explain")(explain.explain)
app.command("fingerprint")(fingerprint.fingerprint)
app.command("instruments")(instruments.instruments)
app.command("evaluate")(evaluate.evaluate)
app.command("calibrate")(calibrate.calibrate)
app.command("descriptors", epilog=_descriptors.EXAMPLES)(_descriptors.descriptors)
app.command("train")(train.train)
app.command("diff")(diff.diff)
app.command("export")(export.export)
app.command("demo")(demo.demo)
app.command("web")(web.web)
app.command("attack")(attack.attack)
app.command("stress")(stress.stress)
app.command("reproduce")(reproduce.reproduce)
app.add_typer(synth.app, name="synth")
app.add_typer(weights.app, name="weights")


def main() -> None:
    """Run the command line."""
    app()


def _version(wanted: bool) -> None:
    if wanted:
        from unsung import __version__

        tell(f"unsung {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the whole traceback of an error.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Tells AI-generated music from human recordings, and shows why."""

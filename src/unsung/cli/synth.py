# SPDX-License-Identifier: MIT
"""`unsung synth`: makes sound to train and test on, with its provenance written beside it."""

from __future__ import annotations

import typer

from unsung.cli import _synth_generate
from unsung.cli._synth_instruments import instruments
from unsung.cli._synth_resynthesise import resynthesise

__all__ = ["app"]

app = typer.Typer(
    help="Make sound: decoders on human music, generators, prompts and lyrics, instruments.",
    no_args_is_help=True,
)
app.command("resynthesise")(resynthesise)
app.command("generate")(_synth_generate.generate)
app.command("prompts")(_synth_generate.prompts)
app.command("lyrics")(_synth_generate.lyrics)
app.command("instruments")(instruments)

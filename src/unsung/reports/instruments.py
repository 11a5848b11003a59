# SPDX-License-Identifier: MIT
"""The page of `unsung instruments`: what was heard, when, and where in the picture.

One file a song without any address to the outside. Probabilities are those of the instrument among
clips like the network's training clips, and the page says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unsung.audio.fetch import open_url, stdin_file
from unsung.audio.sources import expand
from unsung.errors import AudioError, UnsungError
from unsung.explainers._instruments import chosen_method, where
from unsung.reports._relevance import HEIGHT_PX, Drawing, draw_relevance, time_ticks
from unsung.reports.axes import Axis
from unsung.reports.page import render, this_command, this_version, write_page
from unsung.reports.song import track_name
from unsung.runtime.instruments import HeardInstrument, Hearing, InstrumentModel, hear, window_sound
from unsung.types import Clip

__all__ = ["METHOD_WORDS", "hear_all", "write_instruments"]

PICTURES = 4
"""Instruments that get a picture, the surest first."""

METHOD_WORDS = {
    "crp": "Concept relevance propagation (EpsilonPlusFlat): orange is what spoke for the "
    "instrument in the network, blue what spoke against it.",
    "occlusion": "Occlusion: each of 16 × 12 patches was silenced in turn; orange is where the "
    "logit fell, blue where it rose. Coarse, and blind to what other patches can replace.",
}


@dataclass(frozen=True)
class Row:
    """One instrument's line: words, and its stretches in percent of the song."""

    heard: HeardInstrument
    bars: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Shown:
    """One instrument's picture."""

    name: str
    start_s: float
    end_s: float
    probability: float
    drawing: Drawing


def hear_all(
    inputs: Sequence[str], model: InstrumentModel, report: Path | None = None, method: str = "auto"
) -> Iterator[Hearing]:
    """Yield a hearing of every input in order; one that fails yields its error and no more.

    Args:
        inputs: files, folders, patterns, lists, addresses, or - (standard input).
        model: the network.
        report: folder for a page of each song.
        method: of the pictures, auto, crp or occlusion.
    """
    method = chosen_method(method)
    taken: set[str] = set()
    for source in expand(inputs):
        try:
            if source.kind == "missing":
                raise AudioError(source.reason)
            with _local(source.path, source.kind) as path:
                found = hear(path, model, source.path)
                if report is not None:
                    page = report / f"{_free_name(source.path, taken)}.html"
                    write_instruments(found, model, path, page, method)
        except UnsungError as error:
            found = Hearing(source.path, 0.0, model.name, (), (), str(error))
        yield found


def write_instruments(
    found: Hearing, model: InstrumentModel, source: Path, page: Path, method: str
) -> None:
    """Write the page of one song; ``method`` is crp or occlusion."""
    heard = [row for row in found.instruments if row.heard]
    shown = []
    for row in heard[:PICTURES]:
        sound = window_sound(source, row.best_s, model)
        explained = where(model, sound, row.name, method)
        drawing = draw_relevance(explained, Clip(sound[None], model.front_end.sample_rate_hz))
        end_s = min(row.best_s + model.window_s, found.duration_s)
        shown.append(Shown(row.name, row.best_s, end_s, row.probability, drawing))
    axis = Axis(0.0, max(found.duration_s, 1e-3))
    rows = [
        Row(row, tuple((axis.percent(a), axis.percent(b) - axis.percent(a)) for a, b in row.spans))
        for row in found.instruments
    ]
    silent = [w.start_s for w in found.windows if not w.probabilities]
    context = {
        "name": track_name(found.path), "found": found, "heard": heard, "rows": rows,
        "shown": shown, "height": HEIGHT_PX, "ticks": time_ticks(axis), "silent": len(silent),
        "method": METHOD_WORDS[method] if shown else "", "card": model.info["card"],
        "mean_level_db": float(np.mean([w.level_db for w in found.windows])),
        "version": this_version(), "command": this_command(),
    }  # fmt: skip
    write_page(page, render("instruments.html.j2", "instruments.js", context))


def _local(path: str, kind: str) -> AbstractContextManager[Path]:
    if kind == "stdin":
        return stdin_file()
    return open_url(path) if kind == "url" else nullcontext(Path(path))


def _free_name(path: str, taken: set[str]) -> str:
    """Return a file name that no other song of this run has."""
    stem = Path(path.rsplit("/", 1)[-1]).stem or "song"
    stem = "".join(c if c.isalnum() or c in "-_. " else "_" for c in stem)
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    taken.add(name)
    return name

# SPDX-License-Identifier: MIT
"""Notes to sound through FluidSynth and a SoundFont: offline, and the same samples every time.

FluidSynth runs inside the process (pyfluidsynth). Its command line program is slower, because it
starts and loads the SoundFont for each file, and its files differ from run to run: the player's
ticks fall differently between audio blocks. A synthesiser that is reset keeps oscillator and
filter states, so each rendering gets a fresh one; only the samples of the programs in use are
loaded (``synth.dynamic-sample-loading``).

FluidSynth computes blocks of 64 samples and a note begins with a block, so notes start within
0.73 ms of their time at 44.1 kHz. Samples are taken as floats: no dither, no 16-bit clipping.
"""

from __future__ import annotations

import os
from ctypes import c_int, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from unsung.errors import MissingExtra, MissingTool, UsageError
from unsung.synthesis.instruments.melody import Part
from unsung.synthesis.instruments.midi import channels
from unsung.synthesis.instruments.table import DRUMS, program
from unsung.types import FloatArray

__all__ = ["check_programs", "find_soundfont", "render_parts"]

BLOCK = 64
"""Samples that FluidSynth computes at once; events take effect between blocks."""

SOUNDFONT_VARIABLE = "UNSUNG_SOUNDFONT"
_FOLDERS = (Path("/usr/share/sounds/sf2"), Path("/usr/share/soundfonts"))
_PREFERRED = ("FluidR3_GM.sf2", "default-GM.sf2", "TimGM6mb.sf2")
_PACKAGES = "fluidsynth timgm6mb-soundfont"
_NEED = "rendering notes"
_GAIN = 0.3  # headroom for 256 voices is not needed: samples are floats and levels are set later
_FAILED = -1
_FADE_S = 0.02


def find_soundfont(given: Path | None = None) -> Path:
    """Return the SoundFont: the given one, ``$UNSUNG_SOUNDFONT``, or one of the system's.

    Of the system's, FluidR3_GM comes first (the published corpora use it), then the system's
    default, then TimGM6mb, then the first by name.

    Raises:
        UsageError: the given file, or the variable's, does not exist or is not a SoundFont 2.
        MissingTool: none was found.
    """
    named = given or (Path(os.environ[SOUNDFONT_VARIABLE]) if _variable() else None)
    if named is not None:
        if not named.is_file():
            raise UsageError(f"{named}: expected a SoundFont (.sf2), there is no such file")
        with named.open("rb") as file:
            head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"sfbk":
            raise UsageError(f"{named}: expected a SoundFont 2 file, its first bytes say otherwise")
        return named
    found = [path for folder in _FOLDERS if folder.is_dir() for path in folder.glob("*.sf2")]
    if not found:
        places = f"a SoundFont (.sf2) in {' or '.join(map(str, _FOLDERS))}"
        raise MissingTool(f"{places}, or named by ${SOUNDFONT_VARIABLE}", _PACKAGES, _NEED)
    order = {name: number for number, name in enumerate(_PREFERRED)}
    return min(found, key=lambda path: (order.get(path.name, len(order)), path.name))


def render_parts(
    parts: tuple[Part, ...],
    soundfont: Path,
    duration_s: float,
    sample_rate_hz: int = 44100,
    effects: bool = False,
) -> FloatArray:
    """Render parts together, each on its own channel with its own program.

    What still sounds at the end is faded out over 20 ms. ``effects`` turns FluidSynth's reverb
    and chorus on. The level is FluidSynth's; nothing is clipped or normalised.

    Shape: ``[2, time]``.

    Raises:
        UsageError: the SoundFont lacks a program, or a rate that FluidSynth does not know.
        MissingExtra, MissingTool: no pyfluidsynth, no FluidSynth library.
    """
    if not 8000 <= sample_rate_hz <= 96000:
        raise UsageError(
            f"expected a rate of 8000 to 96000 Hz for FluidSynth, got {sample_rate_hz}"
        )
    total = round(duration_s * sample_rate_hz)
    if total < 1:
        raise UsageError(f"expected a duration above 0 s, got {duration_s}")
    blocks = -(-total // BLOCK)
    synth, font = _open(soundfont, sample_rate_hz, effects)
    try:
        used = channels(parts)
        for part, channel in zip(parts, used, strict=True):
            _select(synth, font, part.program, channel, soundfont)
        sound = np.zeros((blocks * BLOCK, 2), np.float32)
        now = 0
        for block, pressed, channel, pitch, velocity in _events(parts, used, sample_rate_hz):
            at = min(block, blocks)
            _write(synth, sound[now * BLOCK : at * BLOCK])
            now = at
            if pressed:
                synth.noteon(channel, pitch, velocity)
            else:
                synth.noteoff(channel, pitch)
        _write(synth, sound[now * BLOCK :])
    finally:
        synth.delete()
    fade = min(total, round(_FADE_S * sample_rate_hz))
    sound = sound[:total]
    sound[total - fade :] *= (0.5 + 0.5 * np.cos(np.linspace(0, np.pi, fade)))[:, None]
    return np.ascontiguousarray(sound.T)


def check_programs(numbers: tuple[int, ...], soundfont: Path) -> None:
    """Raise now what rendering would raise later: no library, a SoundFont without a program.

    Raises:
        UsageError, MissingExtra, MissingTool: as `render_parts`.
    """
    synth, font = _open(soundfont, 44100, False)
    try:
        for number in numbers:
            _select(synth, font, number, 9 if number == DRUMS.number else 0, soundfont)
    finally:
        synth.delete()


def _events(
    parts: tuple[Part, ...], used: tuple[int, ...], rate_hz: int
) -> list[tuple[int, bool, int, int, int]]:
    """List (block, pressed, channel, pitch, velocity) in time; releases before presses."""
    rows = []
    for part, channel in zip(parts, used, strict=True):
        for note in part.notes:
            start = round(note.start_s * rate_hz / BLOCK)
            end = max(start + 1, round(note.end_s * rate_hz / BLOCK))
            rows.append((start, True, channel, note.pitch, note.velocity))
            rows.append((end, False, channel, note.pitch, 0))
    return sorted(rows)


def _open(soundfont: Path, rate_hz: int, effects: bool) -> tuple[Any, int]:
    fluidsynth = _library()
    settings = {
        "synth.reverb.active": int(effects),
        "synth.chorus.active": int(effects),
        "synth.dynamic-sample-loading": 1,
        "synth.cpu-cores": 1,
    }
    synth = fluidsynth.Synth(gain=_GAIN, samplerate=float(rate_hz), channels=16, **settings)
    font = synth.sfload(str(soundfont))
    if font == _FAILED:
        synth.delete()
        raise UsageError(f"{soundfont}: expected a SoundFont 2 file, FluidSynth could not load it")
    return synth, font


def _select(synth: Any, font: int, number: int, channel: int, soundfont: Path) -> None:
    drums = number == DRUMS.number
    bank, preset = (128, 0) if drums else (0, number)
    if synth.program_select(channel, font, bank, preset) == _FAILED:
        raise UsageError(
            f"{soundfont.name} has no program {number} ({program(number).name}); "
            "choose other instruments or a General MIDI SoundFont with --soundfont"
        )


def _write(synth: Any, out: FloatArray) -> None:
    """Fill ``out``, shape [time, 2], with the next samples."""
    count = len(out)
    if count:
        place = out.ctypes.data
        _write_float()(synth.synth, count, place, 0, 2, place, 1, 2)


@cache
def _write_float() -> Any:
    # pyfluidsynth wraps only the 16-bit writer, which dithers and clips.
    return _library().cfunc(
        "fluid_synth_write_float",
        c_int,
        *[("synth", c_void_p, 1), ("len", c_int, 1)],
        *[("left", c_void_p, 1), ("left_offset", c_int, 1), ("left_step", c_int, 1)],
        *[("right", c_void_p, 1), ("right_offset", c_int, 1), ("right_step", c_int, 1)],
    )


@cache
def _library() -> Any:
    try:
        import fluidsynth
    except ModuleNotFoundError as error:
        raise MissingExtra("pyfluidsynth", "synthesis", _NEED) from error
    except ImportError as error:  # the package is there, the C library is not
        raise MissingTool("the FluidSynth library", _PACKAGES, _NEED) from error
    return fluidsynth


def _variable() -> bool:
    return bool(os.environ.get(SOUNDFONT_VARIABLE))

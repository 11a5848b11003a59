# SPDX-License-Identifier: MIT
"""Names the instruments of a song from a folder of four files; NumPy and ONNX Runtime only.

The folder holds ``instruments.json`` (names, thresholds, front end, card, hashes), ``model.onnx``
(pictures ``[batch, 1, freq, frame]`` in dB → logits ``[batch, instrument]``) and the weights as
``weights.safetensors``, which the graph reads in place. Logits are those of the instrument's
presence among the clips that the network was trained on; a logit at or above the instrument's
threshold counts as heard. When not to use: to say anything about AI; on instruments outside the
list, which are heard as the nearest on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from unsung.audio.health import HealthMeter
from unsung.audio.read import AudioStream, open_audio
from unsung.audio.resample import StreamResampler
from unsung.audio.windows import WindowBuffer
from unsung.errors import BundleError, SilentAudio, UnknownName, first_reason
from unsung.frontends.log_mel import LogMel
from unsung.runtime.graphs import session
from unsung.text import parse_json
from unsung.types import FloatArray, Record

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

__all__ = [
    "HeardInstrument",
    "HeardWindow",
    "Hearing",
    "InstrumentModel",
    "hear",
    "load_instruments",
    "occlusion",
]

FORMAT = 1
DOCUMENT = "instruments.json"
QUIET_DB = -60.0
"""A window below this level (RMS re full scale) is silence: its picture would show only noise."""
LEAST_SHARE = 0.1
"""An instrument is named when at least this share of the windows that sound holds it."""
DEPTH_DB = 80.0

_PACKAGED = Path(__file__).resolve().parent.parent / "bundles" / "instruments"


@dataclass(frozen=True)
class HeardWindow(Record):
    """One stretch: its beginning, its level, a probability for each instrument; none if silent."""

    start_s: float
    level_db: float
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class HeardInstrument(Record):
    """One instrument over a song.

    probability: the highest of any window. share: windows that hold it over windows that sound.
    spans: stretches in seconds where neighbouring windows hold it. best_s: where it is surest.
    """

    name: str
    heard: bool
    probability: float
    share: float
    spans: tuple[tuple[float, float], ...]
    best_s: float


@dataclass(frozen=True)
class Hearing(Record):
    """A song's instruments, surest first; ``error`` says why there are none."""

    path: str
    duration_s: float
    model: str
    instruments: tuple[HeardInstrument, ...]
    windows: tuple[HeardWindow, ...]
    error: str = ""


@dataclass(frozen=True)
class InstrumentModel:
    """A loaded folder."""

    path: Path
    info: dict[str, Any]

    @property
    def name(self) -> str:
        """Public name with its version."""
        return f"{self.info['name']}-{self.info['version']}"

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the instruments."""
        return tuple(self.info["outputs"])

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """Logit from which an instrument counts as heard. Shape: ``[instrument]``."""
        return np.array(self.info["thresholds"], np.float64)

    @property
    def window_s(self) -> float:
        """Seconds of one window."""
        return float(self.info["window_s"])

    @property
    def hop_s(self) -> float:
        """Seconds from one window to the next."""
        return float(self.info["hop_s"])

    @cached_property
    def front_end(self) -> LogMel:
        """What turns sound into pictures."""
        return LogMel(**self.info["front_end"])

    @cached_property
    def session(self) -> InferenceSession:
        """The graph, ready to run."""
        return session(self.path / "model.onnx")

    def logits(self, pictures: FloatArray) -> NDArray[np.float64]:
        """Score pictures. Shape: ``[batch, 1, freq, frame]`` → ``[batch, instrument]``."""
        (found,) = self.session.run(None, {"picture": pictures})
        return np.asarray(found, np.float64)


def load_instruments(folder: Path | None = None) -> InstrumentModel:
    """Load the packaged network, or one of your own training.

    Raises:
        UnknownName: no such folder.
        BundleError: files are missing or damaged, or the format is another version's.
    """
    folder = folder or _PACKAGED
    if not folder.is_dir():
        raise UnknownName("folder of an instrument network", str(folder), [str(_PACKAGED)])
    try:
        info = parse_json((folder / DOCUMENT).read_text(encoding="utf-8"))
        wanted, found = dict(info["files"]), info["format"]
        for name, digest in wanted.items():
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
                raise BundleError(f"{folder / name}: damaged (its hash is another); get it again")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(
            f"{folder}: expected {DOCUMENT} with the files it names, got {type(error).__name__} "
            f"({error}); write the folder again with `python -m unsung.training.instrument_bundle`"
        ) from error
    if found != FORMAT:
        raise BundleError(f"{folder}: expected format {FORMAT}, got {found}; upgrade unsung")
    return InstrumentModel(folder, info)


def hear(source: str | Path | BinaryIO, model: InstrumentModel, name: str = "") -> Hearing:
    """Name the instruments of a file; memory does not grow with its length.

    Raises:
        AudioError: a scan would not judge it either, or no window is louder than −60 dB.
    """
    with open_audio(source, name) as stream:
        windows, meter = _heard(stream, model)
        while stream.again():
            windows, meter = _heard(stream, model)
        shown, unusable = stream.name, meter.problem()
        if unusable is not None:
            raise first_reason(stream.problem, unusable) or unusable
    loud = [w for w in windows if w.probabilities]
    if not loud:
        raise SilentAudio(f"{shown}: expected sound above {QUIET_DB:g} dB, it is silent")
    # The last window is padded with silence: the song ends where its sound does.
    end_s = max(w.start_s for w in windows) + model.window_s
    length_s = min(end_s, stream.duration_s or end_s)
    rows = [_summed(i, windows, model, length_s) for i in range(len(model.outputs))]
    ordered = sorted(rows, key=lambda row: (not row.heard, -row.share, -row.probability))
    return Hearing(shown, round(length_s, 3), model.name, tuple(ordered), tuple(windows))


def _heard(stream: AudioStream, model: InstrumentModel) -> tuple[list[HeardWindow], HealthMeter]:
    """Judge every window of one pass."""
    meter = HealthMeter(stream.info.sample_rate_hz, stream.name)
    sound = map(meter.push, stream.blocks())
    return list(_judged(sound, stream.info.sample_rate_hz, model)), meter


def window_sound(
    source: str | Path | BinaryIO, start_s: float, model: InstrumentModel
) -> FloatArray:
    """Return the sound of one window at the model's rate. Shape: ``[time]``."""
    from unsung.audio.read import read_clip
    from unsung.audio.resample import resample

    rate = model.front_end.sample_rate_hz
    clip = read_clip(source, start_s, model.window_s, mono=True)
    made = resample(clip.samples[0], clip.sample_rate_hz, rate)
    sound = np.zeros(round(model.window_s * rate), np.float32)
    sound[: len(made)] = made[: len(sound)]
    return sound


def occlusion(
    model: InstrumentModel, sound: FloatArray, output: int, rows: int = 16, columns: int = 12
) -> tuple[FloatArray, float]:
    """Return how much the logit falls when a patch of the picture is silenced, and the logit.

    Each patch in turn is set 80 dB below the loudest cell, which itself stays (levels are relative
    to it). Needs no torch; a patch that others can replace shows nothing.

    Shape: sound ``[time]`` → ``[freq, frame]``, a patch's fall spread evenly over its cells.
    """
    picture = model.front_end(sound[None])[0, 0]
    loudest = np.unravel_index(int(picture.argmax()), picture.shape)
    bands = np.array_split(np.arange(picture.shape[0]), rows)
    times = np.array_split(np.arange(picture.shape[1]), columns)
    whole = float(model.logits(picture[None, None])[0, output])
    fall = np.zeros_like(picture)
    for band in bands:
        batch = np.repeat(picture[None, None], columns, axis=0)
        for number, when in enumerate(times):
            batch[number, 0, band[0] : band[-1] + 1, when[0] : when[-1] + 1] = (
                picture.max() - DEPTH_DB
            )
        batch[:, 0, loudest[0], loudest[1]] = picture.max()
        logits = model.logits(batch)[:, output]
        for when, logit in zip(times, logits, strict=True):
            size = len(band) * len(when)
            fall[band[0] : band[-1] + 1, when[0] : when[-1] + 1] = (whole - logit) / size
    return fall, whole


def _judged(
    blocks: Iterator[FloatArray], rate_hz: int, model: InstrumentModel
) -> Iterator[HeardWindow]:
    rate = model.front_end.sample_rate_hz
    resampler = StreamResampler(rate_hz, rate)
    buffer = WindowBuffer(round(model.window_s * rate), round(model.hop_s * rate))

    def windows() -> Iterator[FloatArray]:
        for block in blocks:
            yield from buffer.push(resampler.push(block))
        yield from buffer.push(resampler.flush())
        yield from buffer.flush()

    for number, sound in enumerate(windows()):
        power = float(np.mean(np.square(sound, dtype=np.float64)))
        level = 10 * np.log10(max(power, 1e-12))
        chances: tuple[float, ...] = ()
        if level >= QUIET_DB:
            logits = model.logits(model.front_end(sound[None]))[0]
            chances = tuple(round(float(p), 6) for p in 1 / (1 + np.exp(-logits)))
        yield HeardWindow(round(number * model.hop_s, 3), round(float(level), 2), chances)


def _summed(
    index: int, windows: list[HeardWindow], model: InstrumentModel, length_s: float
) -> HeardInstrument:
    least = 1 / (1 + np.exp(-model.thresholds[index]))
    loud = [w for w in windows if w.probabilities]
    holding = [w for w in loud if w.probabilities[index] >= least]
    best = max(loud, key=lambda w: w.probabilities[index])
    share = len(holding) / len(loud)
    spans: list[tuple[float, float]] = []
    for window in holding:
        end_s = round(min(window.start_s + model.window_s, length_s), 3)
        if spans and window.start_s <= spans[-1][1]:
            spans[-1] = (spans[-1][0], end_s)
        else:
            spans.append((window.start_s, end_s))
    return HeardInstrument(
        model.outputs[index],
        share >= LEAST_SHARE,
        best.probabilities[index],
        round(share, 4),
        tuple(spans),
        best.start_s,
    )

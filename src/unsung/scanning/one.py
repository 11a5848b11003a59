# SPDX-License-Identifier: MIT
"""Scores one file: hash, decode once, analyse, decide; a bad file becomes a row, not a crash."""

from __future__ import annotations

import io
import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from unsung.audio.fetch import open_url, stdin_file
from unsung.audio.health import HealthMeter
from unsung.audio.read import open_audio, sha256_file
from unsung.audio.sources import Source
from unsung.audio.tags import provenance
from unsung.audio.windows import spread_starts
from unsung.errors import AudioError, UnreadableAudio, UnsungError, UsageError, first_reason
from unsung.runtime import load_bundle
from unsung.runtime.stable import StableScores
from unsung.scanning._middle import named
from unsung.scanning._verdict import judged
from unsung.scanning.settings import FALSE_ALARM_RATE, PRIOR, Settings, Stamp
from unsung.types import Failure, FloatArray, Picture, Score

if TYPE_CHECKING:
    from unsung.audio.read import AudioInfo, AudioStream
    from unsung.runtime import Analysis, Bundle

__all__ = [
    "FAST_WINDOWS",
    "FAST_WINDOW_S",
    "failed",
    "local",
    "score_file",
    "score_local",
    "score_sound",
    "stamp_of",
]

BLOCK_S = 2.0
"""Blocks of two seconds stay in the processor's cache from decoder to spectrum."""

LAST_S = 0.1
_MOST_CHANNELS = 64
FAST_WINDOWS = 3
FAST_WINDOW_S = 10.0
"""Three windows of ten seconds: an intro, a middle and an end rarely share one arrangement."""


def score_file(
    source: str | Path | Source,
    bundle: Bundle | str | Path = "default",
    *,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    prior: float = PRIOR,
    fast: bool = False,
    picture: bool = False,
    robust: bool = False,
) -> tuple[Score, Picture | None]:
    """Score one file, URL or ``-`` (standard input); whatever is wrong with it stands in the row.

    Args:
        source: a path, an http(s) address, ``-``, or one item of `unsung.audio.sources.expand`.
        bundle: the detector, or its name or folder.
        false_alarm_rate: share of human recordings that the AI threshold may call AI.
        prior: assumed share of AI tracks, for the probability only.
        fast: hear three windows of ten seconds; ``covered_s`` says how much was heard.
        picture: also return what a report draws.
        robust: call a track AI only when it is so under small changes too.

    Raises:
        UsageError: a rate or prior outside 0 to 1, or both fast and robust.
        BundleError: no such bundle. Nothing about the sound is ever raised.
    """
    settings = Settings("", false_alarm_rate, prior, fast, picture, robust=robust)
    ready = load_bundle(bundle) if isinstance(bundle, str | Path) else bundle
    item = source if isinstance(source, Source) else named(str(source))
    stamp = stamp_of(ready, settings)
    try:
        with local(item) as path:
            return score_local(path, item.path, ready, settings=settings, stamp=stamp)
    except Exception as error:
        return failed(item.path, stamp, error), None


def score_sound(
    samples: FloatArray, sample_rate_hz: int, bundle: Bundle, settings: Settings
) -> Score:
    """Score sound in memory as a file of these samples would be.

    Shape: ``[time]`` or ``[channel, time]``; floats, full scale ±1.

    Raises:
        UsageError: another shape, integers, or no sample rate.
    """
    import soundfile

    if samples.ndim not in (1, 2) or not np.issubdtype(samples.dtype, np.floating):
        raise UsageError(
            "expected float samples [time] or [channel, time] with full scale ±1, got "
            f"{samples.dtype} {list(samples.shape)}; divide 16-bit integers by 32768"
        )
    if samples.ndim == 2 and samples.shape[0] > _MOST_CHANNELS:
        raise UsageError(
            f"expected [channel, time], got {samples.shape[0]} channels; transpose the array"
        )
    file = io.BytesIO()
    soundfile.write(file, samples.T, sample_rate_hz, "FLOAT", format="WAV")
    score = _blank("array", stamp_of(bundle, settings))
    try:
        return _score(file, score, bundle, settings)[0]
    except Exception as error:
        return replace(score, error=_failure(error))


def stamp_of(bundle: Bundle, settings: Settings) -> Stamp:
    """Return what every row of this bundle and these settings carries.

    The detector is named with its hash, so that a row tells which weights made it.
    """
    ways = ("+fast" if settings.fast else "") + ("+robust" if settings.robust else "")
    detector = f"{bundle.name}@{bundle.sha256[:12]}{ways}"
    name = str(bundle.info.get("calibration", {}).get("name", ""))
    return Stamp(detector, settings.false_alarm_rate, settings.prior, name)


@contextmanager
def local(source: Source) -> Iterator[Path]:
    """Lend a path on this machine for a file, an address or standard input."""
    if source.kind == "missing":
        raise UnreadableAudio(source.reason or f"{source.path}: no such file; check the path")
    if source.kind == "url":
        with open_url(source.path) as path:
            yield path
    elif source.kind == "stdin":
        with stdin_file() as path:
            yield path
    else:
        yield Path(source.path)


def score_local(
    path: Path,
    shown: str,
    bundle: Bundle,
    *,
    settings: Settings,
    stamp: Stamp,
    is_known: Callable[[str], bool] | None = None,
) -> tuple[Score, Picture | None]:
    """Score a file on this machine; never raises an `Exception`.

    When ``is_known`` says yes to the file's hash, only the hash is filled in.
    """
    score = _blank(shown, stamp)
    try:
        score = replace(score, sha256=sha256_file(path))
        if is_known is not None and score.sha256 and is_known(score.sha256):
            return score, None
        return _score(path, score, bundle, settings)
    except Exception as error:
        return replace(score, error=_failure(error)), None


@dataclass
class _Heard:
    """What one pass over the sound gave; ``usable`` sound is judged although it has a problem.

    ``duration_s`` is what was decoded, of a few windows what the file's structure counts. They are
    ``doubtful`` where they hold no sound or the file proved longer: then all has to be heard.
    """

    analysis: Analysis
    duration_s: float | None
    doubtful: bool
    problem: AudioError | None
    usable: bool
    notes: tuple[str, ...]
    stability: dict[str, float | None] | None
    doubt: str


def _score(
    source: Path | BinaryIO, score: Score, bundle: Bundle, settings: Settings
) -> tuple[Score, Picture | None]:
    info, heard = _passes(source, score.path, bundle, settings)
    if heard.doubtful:
        info, heard = _passes(source, score.path, bundle, replace(settings, fast=False))
    score = replace(
        score,
        duration_s=heard.duration_s,
        sample_rate_hz=info.sample_rate_hz,
        channels=info.channels,
        codec=info.codec,
        provenance=provenance(source) if isinstance(source, Path) else (),
        n_audio_tracks=info.tracks,
    )
    analysis, problem = heard.analysis, heard.problem
    score = replace(score, notes=heard.notes, error=None if problem is None else _failure(problem))
    if not heard.usable:
        return score, None
    score = judged(score, bundle, analysis, settings, heard.stability, doubt=heard.doubt)
    return score, analysis.picture


def _passes(
    source: Path | BinaryIO, shown: str, bundle: Bundle, settings: Settings
) -> tuple[AudioInfo, _Heard]:
    """Listen once, and again as often as the stream asks for it."""
    with open_audio(source, shown) as stream:
        heard = _listen(stream, bundle, settings)
        while stream.again():
            heard = _listen(stream, bundle, settings)
        return stream.info, heard


def _listen(stream: AudioStream, bundle: Bundle, settings: Settings) -> _Heard:
    """Push every block once through the health meter and the analyzer."""
    meter = HealthMeter(stream.info.sample_rate_hz, stream.name)
    analyzer = bundle.analyzer(stream.info.sample_rate_hz, picture=settings.picture)
    changes = StableScores(bundle, stream.info.sample_rate_hz) if settings.robust else None
    stretches = _stretches(stream, settings.fast)
    for start_s, length_s in stretches:
        if start_s is not None:
            stream.seek(start_s)
            analyzer.jump(start_s)
        left = math.inf if length_s is None else round(length_s * stream.info.sample_rate_hz)
        for block in stream.blocks(BLOCK_S, mono=True):
            part = block if left >= len(block) else block[: int(left)]
            sound = meter.push(part)
            analyzer.push(sound)
            if changes is not None:
                changes.push(sound)
            left -= len(part)
            if left <= 0:
                break
    if stretches[-1][0] is not None and stream.problem is None:
        stream.seek(max(0.0, (stream.duration_s or 0.0) - LAST_S))
        # Only the end tells whether the file is cut, or goes on behind the stated one.
        deque(islice(stream.blocks(BLOCK_S), 4), maxlen=0)
    unusable, analysis, doubt = meter.problem(), analyzer.finish(), stream.doubt or meter.doubt
    if meter.spoilt:
        analysis = replace(analysis, reason=analysis.reason or doubt)
    windows = stretches[-1][0] is not None
    return _Heard(
        analysis,
        stream.duration_s if windows else meter.duration_s,
        windows and (stream.longer or unusable is not None),
        first_reason(stream.problem, unusable),
        unusable is None,
        stream.notes + (meter.notes if unusable is None else ()),
        None if changes is None else changes.finish(),
        doubt,
    )


def _stretches(stream: AudioStream, fast: bool) -> list[tuple[float | None, float | None]]:
    """Return (start, length) of what to hear; (None, None) is everything from here."""
    total_s = stream.duration_s
    if not fast or total_s is None or total_s <= FAST_WINDOWS * FAST_WINDOW_S:
        return [(None, None)]
    starts = spread_starts(total_s, FAST_WINDOWS, FAST_WINDOW_S)
    return [(float(start), FAST_WINDOW_S) for start in starts]


def failed(shown: str, stamp: Stamp, error: Exception) -> Score:
    """Return the row of a file that has nothing but its error."""
    return replace(_blank(shown, stamp), error=_failure(error))


def _blank(shown: str, stamp: Stamp) -> Score:
    return Score(
        path=shown,
        detector=stamp.detector,
        prior=stamp.prior,
        calibration=stamp.calibration,
        false_alarm_rate=stamp.false_alarm_rate,
    )


def _failure(error: Exception) -> Failure:
    if isinstance(error, UnsungError):
        return Failure(type(error).__name__, str(error))
    if isinstance(error, MemoryError):
        return Failure(
            "MemoryError", "not enough memory for this file; raise --max-memory, or try --jobs 1"
        )
    return Failure(
        type(error).__name__,
        f"unexpected: {error or 'no message'}; the other files go on; please report this file",
    )

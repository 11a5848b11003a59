# SPDX-License-Identifier: MIT
"""The records that pass between the parts: frozen, plain values and NumPy arrays.

Conventions: positive logit = AI-generated; audio float32, full scale ±1; axes
``[channel, time]``, ``[channel, freq, frame]``; the unit stands in the name
(``_hz _s _db _kbps _nats``).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types as _types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from unsung.errors import EmptyAudio, ManifestError, NotFinite, UnknownName, UsageError
from unsung.outputs import write_whole
from unsung.text import numbered_lines, open_text, parse_json

__all__ = [
    "Clip",
    "Comb",
    "Evidence",
    "Experiment",
    "Explanation",
    "Failure",
    "FloatArray",
    "Label",
    "Manifest",
    "Peak",
    "Picture",
    "Provenance",
    "Record",
    "Result",
    "Score",
    "Segment",
    "State",
    "Track",
    "Verdict",
]

FloatArray = NDArray[np.float32]
Label = Literal["human", "ai", "resynth", "mixed"]
Verdict = Literal["human", "ai", "undecided"]
State = Literal["ai", "human", "undecided", "unrated", "failed"]


class Record:
    """A dataclass that turns into plain JSON values and back, refusing unknown keys."""

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON-ready values (arrays become lists)."""
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build the record from `to_dict` values; an unknown key is an error."""
        hints = get_type_hints(cls)
        names = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
        for key in values:
            if key not in names:
                raise UnknownName(f"{cls.__name__} field", key, names)
        return cls(**{key: _typed(hints[key], value) for key, value in values.items()})


@dataclass(frozen=True)
class Clip(Record):
    """A piece of sound in memory. Shape of samples: ``[channel, time]``."""

    samples: FloatArray
    sample_rate_hz: int
    start_s: float = 0.0
    track_id: str = ""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return int(self.samples.shape[-1]) / self.sample_rate_hz

    def mono(self) -> FloatArray:
        """Return the mean of the channels. Shape: ``[time]``."""
        one = self.samples.shape[0] == 1
        mixed: FloatArray = self.samples[0] if one else self.samples.mean(axis=0, dtype=np.float32)
        return mixed

    def checked(self) -> FloatArray:
        """Return the samples as float32. Shape: ``[channel, time]``.

        Raises:
            UsageError: another shape.
            EmptyAudio, NotFinite: no samples, or some that are no numbers.
        """
        samples = np.asarray(self.samples, dtype=np.float32)
        if samples.ndim != 2:
            raise UsageError(
                f"expected samples [channel, time], got shape {samples.shape}; "
                "use samples[None] for one channel"
            )
        if samples.size == 0:
            raise EmptyAudio(f"clip '{self.track_id}' has no samples; nothing can be done with it")
        if not np.isfinite(samples).all():
            raise NotFinite(f"clip '{self.track_id}' holds NaN or infinite samples; clean it first")
        return samples


def fit_length(samples: FloatArray, length: int) -> FloatArray:
    """Cut the end or append zeros. Shape: ``[channel, time]`` → ``[channel, length]``."""
    missing = length - samples.shape[1]
    return np.pad(samples, ((0, 0), (0, missing))) if missing > 0 else samples[:, :length]


@dataclass(frozen=True)
class Track(Record):
    """One row of a manifest: a recording, where it is and what is known of it."""

    id: str
    path: str
    label: Label
    generator: str = ""
    dataset: str = ""
    split: str = ""
    group: str = ""
    duration_s: float | None = None
    sample_rate_hz: int | None = None
    channels: int | None = None
    codec: str = ""
    bitrate_kbps: float | None = None
    sha256: str = ""
    licence: str = ""
    segments: tuple[tuple[float, float, str], ...] = ()
    family: str = ""
    use: str = ""
    pair_id: str = ""
    recording: str = ""


@dataclass(frozen=True)
class Manifest(Record):
    """A named, versioned list of tracks; the hash covers every row in order."""

    name: str
    version: str
    tracks: tuple[Track, ...]

    @property
    def sha256(self) -> str:
        """Hash of the rows, the same on every machine."""
        digest = hashlib.sha256()
        for track in self.tracks:
            digest.update(json.dumps(track.to_dict(), sort_keys=True).encode())
        return digest.hexdigest()

    def __iter__(self) -> Iterator[Track]:
        return iter(self.tracks)

    def __len__(self) -> int:
        return len(self.tracks)

    def save(self, path: Path) -> None:
        """Write JSON Lines: one header line, then one track a line; whole or not at all."""
        head = {"manifest": self.name, "version": self.version, "sha256": self.sha256}
        rows = [head, *(track.to_dict() for track in self.tracks)]
        write_whole(path, "".join(json.dumps(row) + "\n" for row in rows))

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Read what `save` wrote; a row that does not fit is named by its line.

        Raises:
            ManifestError: no header, a damaged row, or rows that do not match the hash.
        """
        tracks = []
        with open_text(path) as stream:
            lines = numbered_lines(stream)
            try:
                head = parse_json(next(lines, (1, ""))[1])
                name, version, expected = head["manifest"], head["version"], head["sha256"]
            except (KeyError, TypeError, ValueError) as error:
                raise ManifestError(
                    f"{path}: expected a first line with manifest, version and sha256; "
                    "write manifests with `unsung data build`"
                ) from error
            for number, line in lines:
                try:
                    tracks.append(Track.from_dict(parse_json(line)))
                except (ValueError, TypeError, AttributeError, UnknownName) as error:
                    raise ManifestError(f"{path}, line {number}: {error}") from error
        manifest = cls(name, version, tuple(tracks))
        if manifest.sha256 != expected:
            raise ManifestError(
                f"{path}: the rows were changed after the manifest was written "
                f"(hash {manifest.sha256[:12]}, expected {expected[:12]}); build it again"
            )
        return manifest


@dataclass(frozen=True)
class Peak(Record):
    """A narrow line in the residual spectrum. Contribution is in logit units."""

    hz: float
    height_db: float
    contribution: float


@dataclass(frozen=True)
class Comb(Record):
    """Lines at even distances, as upsampling layers leave them; no verdict of its own.

    ``p_value`` counts every spacing that was tried; ``strength`` is the chance that a bin at a
    tooth stands higher than one between teeth; ``explained_by`` names rates, strides and decoders
    whose lines would lie there, known decoders first.
    """

    spacing_hz: float
    p_value: float
    strength: float
    explained_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence(Record):
    """Why the logit is what it is: words, peaks and the exact sum of its parts.

    ``baseline + sum(terms.values())`` is the track's logit. ``shift`` is the relative change of all
    frequencies (0.06: 6 % higher) at which a decoder's lines fit, where such lines decide. ``comb``
    is looked for only in tracks called AI and for reports; ``comb_hz`` is its spacing.
    """

    words: tuple[str, ...] = ()
    peaks: tuple[Peak, ...] = ()
    baseline: float | None = None
    terms: dict[str, float] = field(default_factory=dict)
    comb_hz: float | None = None
    shift: float | None = None
    comb: Comb | None = None


@dataclass(frozen=True)
class Provenance(Record):
    """A hint that the file carries about its own origin; never part of the score."""

    kind: Literal["encoder", "tool", "comment", "c2pa", "tag"]
    field: str
    value: str
    says_ai: bool = False


@dataclass(frozen=True)
class Failure(Record):
    """Why a file has no full result: the error's type name and its message."""

    type: str
    message: str


@dataclass(frozen=True)
class Segment(Record):
    """A stretch that measures like AI; ``logit`` is the mean of its windows.

    The ends lie where windows meet, so they are true to about half a window.
    """

    start_s: float
    end_s: float
    logit: float


@dataclass(frozen=True)
class Score(Record):
    """One scanned track, the same names in Python, JSON, CSV and REST.

    ``logit`` is the pooled score (positive = AI). ``llr_nats`` and ``probability`` are None
    without calibration; ``calibration`` names the set behind them and ``prior`` the assumed
    share of AI tracks. ``reason`` says why a verdict is undecided. ``family`` is the family of
    decoders that an AI track resembles or "unknown"; None where the verdict is not AI or the
    detector names none. ``segments`` are AI-like stretches; ``stability`` holds the logit under
    each small change of `unsung scan --robust`. ``notes`` say what a reader of the file's row must
    know although its verdict stands: samples that were repaired, damage that was stepped over,
    channels that were mixed otherwise. ``n_audio_tracks`` counts tracks, of which one is judged.
    """

    path: str
    sha256: str = ""
    duration_s: float | None = None
    detector: str = ""
    windows: tuple[tuple[float, float], ...] = ()
    logit: float | None = None
    llr_nats: float | None = None
    probability: float | None = None
    prior: float | None = None
    calibration: str = ""
    verdict: Verdict | None = None
    reason: str = ""
    false_alarm_rate: float | None = None
    family: str | None = None
    evidence: Evidence | None = None
    covered_s: float = 0.0
    sample_rate_hz: int | None = None
    channels: int | None = None
    codec: str = ""
    provenance: tuple[Provenance, ...] = ()
    error: Failure | None = None
    segments: tuple[Segment, ...] = ()
    stability: dict[str, float | None] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    n_audio_tracks: int | None = None

    @property
    def state(self) -> State:
        """Where every line, count, page and answer puts this track: the one rule.

        A verdict counts unless an error left nothing to measure; a damaged file whose rest was
        heard has both. "unrated" has a logit and no verdict, "failed" has neither.
        """
        if self.verdict is not None and (self.error is None or self.logit is not None):
            return self.verdict
        return "failed" if self.error is not None or self.logit is None else "unrated"

    @property
    def damaged(self) -> bool:
        """Whether the verdict is on a part, because the file is cut or damaged."""
        return self.error is not None and self.state != "failed"


@dataclass(frozen=True)
class Picture(Record):
    """What a report draws of one track; computed on request, never needed for a verdict.

    Shapes: spectrogram_db ``[freq, frame]`` (dB re full scale, at most ~1200 frames); residual_db,
    mean_db, envelope_db and contributions ``[bin]`` on the axis residual_hz; contributions are the
    detector's exact logit share of each bin.
    """

    spectrogram_db: FloatArray
    spectrogram_hz: FloatArray
    spectrogram_s: FloatArray
    residual_hz: FloatArray
    residual_db: FloatArray
    mean_db: FloatArray
    envelope_db: FloatArray
    contributions: FloatArray


@dataclass(frozen=True)
class Explanation(Record):
    """Relevance over Hz and seconds, in logit units; ``gap`` is what the sum misses.

    Shape of relevance: ``[channel, freq, frame]``.
    """

    target: str
    relevance: FloatArray
    freqs_hz: FloatArray
    times_s: FloatArray
    logit: float
    baseline: float

    @property
    def gap(self) -> float:
        """``logit - baseline - sum(relevance)``: zero for a complete explanation."""
        return self.logit - self.baseline - float(self.relevance.sum(dtype=np.float64))


@dataclass(frozen=True)
class Experiment(Record):
    """One question, answered by scores of detectors on manifests under conditions."""

    name: str
    question: str
    manifests: dict[str, str] = field(default_factory=dict)
    split: str = ""
    detectors: tuple[str, ...] = ()
    attacks: tuple[str, ...] = ()
    explainers: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    expected: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result(Record):
    """One measured number with its interval, counts, seed and hashes."""

    experiment: str
    detector: str
    dataset: str
    condition: str
    metric: str
    value: float
    low: float | None
    high: float | None
    n_tracks: int
    n_groups: int
    seed: int
    code_sha256: str = ""
    data_sha256: str = ""


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _typed(hint: Any, value: Any) -> Any:
    """Rebuild tuples, arrays and nested records that JSON flattened."""
    if value is None:
        return None
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, _types.UnionType):
        return _typed(next(a for a in args if a is not type(None)), value)
    if isinstance(hint, type) and issubclass(hint, Record):
        return value if isinstance(value, hint) else hint.from_dict(value)
    if origin is np.ndarray:
        return np.asarray(value, dtype=np.float32)
    if origin is tuple:
        items = list(value)
        inner = [args[0]] * len(items) if args[-1] is Ellipsis else list(args)
        return tuple(_typed(h, item) for h, item in zip(inner, items, strict=True))
    return value

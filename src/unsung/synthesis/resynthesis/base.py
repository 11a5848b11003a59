# SPDX-License-Identifier: MIT
"""The base of all resynthesis systems: a clip in, the same music out of a decoder.

A system states its native rate, its settings and the strides of its decoder; the base checks the
input, resamples to the native rate, feeds channels the way the system takes them, resamples back
and cuts to the length that came in. The copy is aligned to the original. Units: Hz; full scale ±1.
When not to use: as generated music. The composition stays human; only the decoder's traces differ
(Afchar, Meseguer-Brocal, Hennequin, "AI-Generated Music Detection and its Challenges", 2025).
"""

from __future__ import annotations

import dataclasses
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unsung.audio import sha256_file
from unsung.audio.resample import resample
from unsung.errors import AudioError, UnknownName, UsageError
from unsung.synthesis.decoder import predicted_peaks_hz
from unsung.types import Clip, FloatArray, fit_length

__all__ = ["Resynthesis", "fit_length", "hash_files", "in_chunks"]


class Resynthesis(ABC):
    """One decoder that human music is sent through.

    Args:
        setting: one of `settings`; empty takes the first.
        weights: file or folder with the system's weights, for systems that have any.
        seed: of what the system draws at random.

    Attributes:
        settings: accepted settings, the default first.
        sample_rate_hz: native rate; a copy carries nothing above half of it.
        channels: channels that the system takes at once; others are passed one by one.
        strides: upsampling of each stage of the decoder, first to last; empty without stages.
        needs_weights: whether weights must be found before anything sounds.
        licence: of the published weights or, without weights, of the method's code here.
        source: paper or page.

    Raises:
        UnknownName: no such setting.
    """

    CAPABILITY: ClassVar[bool] = True
    settings: ClassVar[tuple[str, ...]] = ("default",)
    needs_weights: ClassVar[bool] = False
    licence: ClassVar[str] = "MIT"
    source: ClassVar[str] = ""
    sample_rate_hz: int = 44100
    channels: int = 1
    strides: tuple[int, ...] = ()

    def __init__(self, setting: str = "", *, weights: Path | None = None, seed: int = 0) -> None:
        self.setting = self.checked_setting(setting)
        self.weights = None if weights is None else Path(weights)
        self.seed = seed

    @classmethod
    def checked_setting(cls, setting: str) -> str:
        """Return the setting, the default for an empty one, or say which exist."""
        if not setting:
            return cls.settings[0]
        if setting not in cls.settings:
            raise UnknownName(f"setting of {cls.kind()}", setting, cls.settings)
        return setting

    @classmethod
    def kind(cls) -> str:
        """Return the public name of the system: that of its file."""
        return cls.__module__.rsplit(".", 1)[-1]

    @property
    def name(self) -> str:
        """Return what the manifest calls the generator, such as `lyra-6kbps`."""
        return self.kind() if self.setting == "default" else f"{self.kind()}-{self.setting}"

    @property
    def provenance(self) -> dict[str, Any]:
        """Return what is needed to make the same copy again, as plain values."""
        self._prepare()
        return {
            "system": self.kind(),
            "setting": self.setting,
            "seed": self.seed,
            "sample_rate_hz": self.sample_rate_hz,
            "strides": list(self.strides),
            "licence": self.licence,
            "source": self.source,
            **self._origin(),
        }

    def for_track(self, track_id: str) -> Resynthesis:  # noqa: ARG002
        """Return the system that this track passes through: itself, or a member drawn by id."""
        return self

    def predicted_peaks_hz(self) -> NDArray[np.float64]:
        """Return where lines may stand: multiples of the rate over cumulative stride products.

        The products nest, so all of them lie on multiples of rate / product(strides).
        """
        if not self.strides:
            return np.empty(0)
        return predicted_peaks_hz(self.strides, self.sample_rate_hz)

    def __call__(self, clip: Clip) -> Clip:
        """Return the copy: same rate, channels and length, aligned, finite float32.

        Shape of samples: ``[channel, time]``, both ways.

        Raises:
            UsageError: samples are not two-dimensional.
            EmptyAudio: the clip has no samples.
            NotFinite: the clip holds NaN or infinite samples.
            MissingExtra: the system needs a package that is not installed.
            UnsungError: the system's weights were not found or do not fit.
            AudioError: the system returned something else than finite sound.
        """
        samples = clip.checked()
        self._prepare()
        native = resample(samples, clip.sample_rate_hz, self.sample_rate_hz)
        made = np.empty_like(native)
        for rows in self._rows(len(native)):
            made[rows[0] : rows[-1] + 1] = self._one(native, rows)
        out = resample(made, self.sample_rate_hz, clip.sample_rate_hz)
        out = np.ascontiguousarray(fit_length(out, samples.shape[1]))
        if not np.isfinite(out).all():
            raise AudioError(
                f"{self.name} returned samples that are not finite for '{clip.track_id}'; "
                "the weights may be damaged"
            )
        return dataclasses.replace(clip, samples=out)

    @abstractmethod
    def _run(self, samples: FloatArray) -> FloatArray:
        """Pass native sound through. Shape: ``[channels, time]``, out of about the same length."""

    def _prepare(self) -> None:
        """Load what decides rate and channels; called before either is used."""
        return

    def _origin(self) -> dict[str, Any]:
        """Return provenance of the system's own: model, revision, hash of the weights."""
        return {"model": self.kind(), "revision": "", "weights_sha256": ""}

    def _rows(self, count: int) -> list[tuple[int, ...]]:
        step = self.channels
        return [tuple(range(at, min(at + step, count))) for at in range(0, count, step)]

    def _one(self, native: FloatArray, rows: tuple[int, ...]) -> FloatArray:
        part = native[rows[0] : rows[-1] + 1]
        given = part if len(part) == self.channels else np.repeat(part, self.channels, axis=0)
        back = np.asarray(self._run(given), dtype=np.float32)
        if back.ndim != 2 or len(back) != self.channels:
            raise AudioError(
                f"{self.name}: expected sound of shape [{self.channels}, time] from the system, "
                f"got {back.shape}; please report this"
            )
        back = fit_length(back, native.shape[1])
        return back if len(part) == self.channels else back.mean(axis=0, keepdims=True)


def in_chunks(
    samples: FloatArray,
    run: Callable[[FloatArray], FloatArray],
    hop: int,
    chunk: int,
    context: int,
) -> FloatArray:
    """Run a decoder over long sound in pieces whose memory is bounded.

    Each piece sees `context` samples to both sides, which are cut off again. Pieces start at
    multiples of the hop: the phase of the decoder's lines then goes on over the seams.

    Args:
        samples: ``[channel, time]``.
        run: ``[channel, time]`` → the same shape, or a few samples more or less.
        hop: product of the strides.
        chunk: samples of each piece without context, rounded up to whole hops.
        context: samples to each side, rounded up to whole hops.
    """
    length = samples.shape[1]
    chunk, context = (-(-value // hop) * hop for value in (chunk, context))
    if length <= chunk + context:
        return fit_length(run(samples), length)
    out = np.empty_like(samples)
    for start in range(0, length, chunk):
        low, high = max(0, start - context), min(length, start + chunk + context)
        made = fit_length(run(samples[:, low:high]), high - low)
        stop = min(start + chunk, length)
        out[:, start:stop] = made[:, start - low : stop - low]
    return out


def hash_files(path: Path, patterns: tuple[str, ...] = ("*",)) -> str:
    """Return one SHA-256 over a file, or over names and bytes of a folder's matching files."""
    if path.is_file():
        return sha256_file(path)
    digest = hashlib.sha256()
    found = sorted({item for pattern in patterns for item in path.glob(pattern) if item.is_file()})
    if not found:
        raise UsageError(f"{path}: expected a file or folder with weights, found none")
    for item in found:
        digest.update(item.name.encode() + b"\0" + sha256_file(item).encode())
    return digest.hexdigest()

# SPDX-License-Identifier: MIT
"""What is measured of one track: the residual of its long-term spectrum, its STFT and its packets.

* ``residual_db``: frames of 1 s, level minus its running mean over 25 Hz, clipped to ± 3 dB, mean
  over frames: steady lines stay, notes leave (front end residual_spectrum). 1 Hz a bin.
* ``stft_db``: mean absolute short-time spectrum, 20 Hz a bin, of the sound scaled to unit RMS.
* ``packets``: mean absolute coefficients of the Haar packet tree at level 14 at 22 050 Hz, over
  frames of 1 s, in frequency order: the fingerprint of Gasenzer and Wolter, "Towards generalizing
  deep-audio fake detection networks", TMLR 2024, of the sound scaled to unit RMS.

Bins above half the track's rate are NaN. Units: Hz, dB. When not to use: on less than a few
seconds; two frames average nothing away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unsung.audio import expand
from unsung.audio.mixing import heard
from unsung.audio.read import read_sound
from unsung.audio.resample import resample
from unsung.data import read_manifest, read_table
from unsung.errors import (
    AudioError,
    ManifestError,
    NotFinite,
    SilentAudio,
    TooShort,
    UnsungError,
)
from unsung.frontends._spectral import hann, power_blocks
from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.frontends.wavelet_packets import WaveletPackets
from unsung.types import FloatArray, Record, Track

__all__ = [
    "AXIS_HZ",
    "PACKETS_HZ",
    "STFT_HZ",
    "TrackSpectra",
    "measure",
    "measure_all",
    "measure_clip",
    "read_tracks",
]

AXIS_HZ: NDArray[np.float64] = np.arange(250, 16001, dtype=np.float64)
STFT_HZ: NDArray[np.float64] = np.arange(0, 16001, 20, dtype=np.float64)
PACKET_RATE_HZ, PACKET_LEVEL = 22050, 14
PACKETS_HZ: NDArray[np.float64] = (np.arange(2**PACKET_LEVEL) + 0.5) * (
    PACKET_RATE_HZ / 2 / 2**PACKET_LEVEL
)
LONGEST_S = 60.0
"""Most of a track that is read, from its middle: more changes the mean little."""

_WIDTH_HZ, _CLIP_DB = 25, 3.0
_SHORTEST_S = 2.0
_PACKET_FRAMES = 20
_LIST_ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet")


@dataclass(frozen=True)
class TrackSpectra(Record):
    """One track's spectra; see the module. Shapes: ``[bin]`` of the three axes."""

    track: Track
    seconds: float
    sample_rate_hz: int
    residual_db: FloatArray
    stft_db: FloatArray
    packets: FloatArray

    @property
    def unit(self) -> str:
        """What counts as one observation: the recording the track was cut from."""
        return self.track.recording or self.track.path


def read_tracks(location: Path) -> list[Track]:
    """Return the tracks of a table, a manifest or a folder.

    A folder's generators are its subfolders, and without any the folder itself.

    Raises:
        ManifestError: nothing there, or no sound in it.
    """
    if location.suffix.lower() in _LIST_ENDINGS:
        csv = location.suffix.lower() in (".csv", ".tsv")
        return list(read_table(location) if csv else read_manifest(location))
    if not location.is_dir():
        raise ManifestError(
            f"{location}: expected a folder of sound files or a table (.csv, .jsonl), found "
            f"{'a file' if location.exists() else 'nothing'} there"
        )
    tracks = []
    for source in expand([str(location)]):
        if source.kind == "missing":
            continue
        inner = Path(source.path).relative_to(location).parts
        name = inner[0] if len(inner) > 1 else location.resolve().name
        tracks.append(Track(id=source.path, path=source.path, label="ai", generator=name))
    if not tracks:
        raise ManifestError(f"{location}: expected sound files, found none")
    return tracks


def measure(track: Track) -> TrackSpectra:
    """Read a track and measure it.

    Raises:
        AudioError: a scan would not judge it either, or it holds less than two seconds.
    """
    length = track.duration_s or 0.0
    start = max(0.0, (length - LONGEST_S) / 2)
    clip = read_sound(track.path, start, LONGEST_S, mono=True)
    return measure_clip(heard(clip), clip.sample_rate_hz, track)


def measure_clip(samples: FloatArray, sample_rate_hz: int, track: Track) -> TrackSpectra:
    """Measure sound in memory. Shape of samples: ``[time]``.

    Raises:
        AudioError: silent, not finite, or shorter than two seconds.
    """
    seconds = len(samples) / sample_rate_hz
    if seconds < _SHORTEST_S:
        raise TooShort(f"{track.path}: a fingerprint needs {_SHORTEST_S:g} s, got {seconds:.2f} s")
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    if not np.isfinite(rms):
        raise NotFinite(f"{track.path}: expected finite samples, some are NaN or infinite")
    if not rms > 1e-6:
        raise SilentAudio(f"{track.path}: expected sound, got silence")
    sound = np.asarray(samples / np.float32(rms), np.float32)
    return TrackSpectra(
        track,
        seconds,
        sample_rate_hz,
        _residual(samples, sample_rate_hz),
        _stft(sound, sample_rate_hz),
        _packets(sound, sample_rate_hz),
    )


def measure_all(
    tracks: Sequence[Track], progress: Callable[[int, int], None] | None = None
) -> tuple[list[TrackSpectra], list[tuple[str, str]]]:
    """Measure all tracks that can be; return the others as (path, reason).

    Raises:
        UnsungError: not one could be measured; the message says why the first could not.
    """
    found, failed = [], []
    for number, track in enumerate(tracks, start=1):
        try:
            found.append(measure(track))
        except AudioError as error:
            failed.append((track.path, str(error)))
        if progress is not None:
            progress(number, len(tracks))
    if not found:
        reason = failed[0][1] if failed else "the list is empty"
        raise UnsungError(f"expected at least one readable track, got none: {reason}")
    return found, failed


def _residual(samples: FloatArray, rate_hz: int) -> FloatArray:
    front_end = _front_end(rate_hz)
    out = np.full(len(AXIS_HZ), np.nan, np.float32)
    values = front_end(samples[None])[0, 0, :, 0]
    out[: len(values)] = values[: len(out)]
    return out


@cache
def _front_end(rate_hz: int) -> ResidualSpectrum:
    """Return the front end whose frames of one second put the bins at whole hertz."""
    return ResidualSpectrum(
        sample_rate_hz=rate_hz,
        n_fft=rate_hz,
        hop=rate_hz // 2,
        low_hz=float(AXIS_HZ[0]),
        high_hz=min(float(AXIS_HZ[-1]), rate_hz / 2),
        widths=(_WIDTH_HZ,),
        clip_db=_CLIP_DB,
        normalise="none",
    )


def _stft(sound: FloatArray, rate_hz: int) -> FloatArray:
    """Return 20 log10 of the mean magnitude, interpolated to 20 Hz where the rate is odd."""
    size = round(rate_hz / 20)
    window = hann(size)
    window /= np.sqrt(np.sum(np.square(window)))
    total, frames = np.zeros(size // 2 + 1), 0
    for _, power in power_blocks(sound, window, size // 2, slice(None)):
        total += np.sqrt(power).sum(axis=0, dtype=np.float64)
        frames += len(power)
    hz = np.arange(len(total)) * rate_hz / size
    level = 20 * np.log10(total / frames + 1e-7)
    return np.asarray(np.interp(STFT_HZ, hz, level, right=np.nan), np.float32)


def _packets(sound: FloatArray, rate_hz: int) -> FloatArray:
    front_end = WaveletPackets(
        sample_rate_hz=PACKET_RATE_HZ, wavelet="haar", level=PACKET_LEVEL, precision="single"
    )
    sound = resample(sound, rate_hz, PACKET_RATE_HZ)
    frames = sound[: len(sound) // PACKET_RATE_HZ * PACKET_RATE_HZ].reshape(-1, PACKET_RATE_HZ)
    chosen = np.linspace(0, len(frames) - 1, min(_PACKET_FRAMES, len(frames))).round().astype(int)
    total = np.zeros(len(PACKETS_HZ))
    for index in chosen:  # one frame at a time: the tree of a batch would leave the cache
        total += np.abs(front_end.coefficients(frames[index : index + 1])[0]).mean(axis=1)
    mean = (total / len(chosen)).astype(np.float32)
    mean[rate_hz / 2 < PACKETS_HZ] = np.nan
    return mean

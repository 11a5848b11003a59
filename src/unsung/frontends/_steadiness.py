# SPDX-License-Identifier: MIT
"""Sums over frames from which a residual spectrum is finished: levels, persistence, coherence.

A line of a decoder is there in every frame, at one place, and as a tone its phase turns by the same
angle from frame to frame; a note does so while it sounds, and a room changes neither. So two sums
over pairs of neighbouring frames go beside the mean residual:

* persistence: the product of a bin's residuals in both frames (its covariance over time, dB²);
* coherence: the cross-spectrum of both frames, each bin at its level above its surroundings; the
  magnitude of its mean is 1 for a steady tone and falls with the root of the pairs for noise
  (magnitude-squared coherence of consecutive segments: Carter, Knapp and Nuttall, IEEE Trans.
  Audio Electroacoustics 1973).

Sums of consecutive blocks add up, the pair across their border included. Units: dB, dB², none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from unsung.frontends._running import running_means, with_margins
from unsung.types import FloatArray

__all__ = ["LOUDEST", "PairSums", "Rows", "Sums", "levelled"]

LOUDEST = 2.0
"""Coherence: a bin weighs at most this many times its surroundings' amplitude, so that a steady
partial of the music counts little more than a steady line near the noise."""


@dataclass
class Sums:
    """What `ResidualSpectrum.accumulate` adds up.

    Attributes:
        frames: frames that were not silent.
        pairs: pairs of neighbouring ones.
        level: dB residuals, or plain dB levels. Shape: ``[width or 1, freq]``.
        product: dB² products. Shape: ``[width, freq]``, or None where nobody asks.
        cross: cross-spectra. Shape: ``[freq]`` complex, or None.
    """

    level: NDArray[np.float64]
    frames: int = 0
    pairs: int = 0
    product: NDArray[np.float64] | None = None
    cross: NDArray[np.complex128] | None = None


@dataclass
class PairSums:
    """Adds products of each row with the row before it, over blocks of one signal.

    A row whose neighbour was silent has no partner. Shape: rows ``[frame, freq]``, real or complex;
    of complex rows the earlier one is conjugated.
    """

    total: NDArray[np.float64] | NDArray[np.complex128]
    _last: NDArray[np.generic] | None = field(default=None, repr=False)

    def add(self, rows: NDArray[np.float32] | NDArray[np.complex64], joined: FloatArray) -> None:
        """Add a block.

        Args:
            rows: the frames that are not silent, in order.
            joined: 1 where the frame just before a row is the row before it, else 0; its first
                entry stands for the last row of the block before. Shape: ``[frame]``.
        """
        if self._last is not None and joined[0]:
            self.total += rows[0] * self._last.conj()
        if len(rows) > 1:
            later = rows[1:] if joined[1:].all() else rows[1:] * joined[1:, None]
            self.total += np.einsum("tf,tf->f", later, rows[:-1].conj())
        self._last = rows[-1].copy()


@dataclass(frozen=True)
class Rows:
    """The same frame by frame, for explanations of short sound.

    Attributes:
        places: numbers of the frames that are not silent. Shape: ``[frame]``.
        level: clipped dB residuals. Shape: ``[frame, width, freq]``.
        pairs: rows whose neighbour before is the row before. Shape: ``[pair]``.
        product: dB² products. Shape: ``[pair, width, freq]``.
        cross: cross-spectra. Shape: ``[pair, freq]`` complex, or None.
    """

    places: NDArray[np.int64]
    level: FloatArray
    pairs: NDArray[np.int64]
    product: FloatArray
    cross: NDArray[np.complex64] | None


def levelled(
    spectrum: NDArray[np.complex64], power: FloatArray, width: int
) -> NDArray[np.complex64]:
    """Divide each bin by its surroundings' amplitude; no bin stays above `LOUDEST`.

    Shape: ``[frame, freq]`` each.
    """
    padded, amplitude = with_margins(power, (width,), np.sqrt)
    smooth = next(running_means(padded, (width,)))
    gain = np.minimum(np.float32(1) / smooth, np.float32(LOUDEST) / amplitude)
    return np.asarray(spectrum * gain, np.complex64)

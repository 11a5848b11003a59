# SPDX-License-Identifier: MIT
"""A loudspeaker played in a room and recorded: mirror images of a box with evenly dull walls.

Source: image method of Allen and Berkley (JASA 1979) with their high-pass; the walls' absorption
follows from RT60 by Eyring's formula. A living room of about 6 x 4.5 x 2.8 m, loudspeakers and
microphones drawn from the seed, each channel by its own way; the direct sound stays where it was
and the level is brought back. Unit: seconds of RT60. When not to use: for halls (over a second);
take ``reverb``. Loudspeaker and microphone noise are in the preset ``playback``.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from unsung.attacks._filters import butterworth
from unsung.attacks._mixing import rms
from unsung.attacks.base import Attack
from unsung.errors import UsageError
from unsung.types import FloatArray

__all__ = ["Room", "box_response", "wall_reflection"]

_SPEED_M_S = 343.0
_SIZE_M, _VARIATION = np.array([6.0, 4.5, 2.8]), 0.15
_WALL_M = 0.4  # nothing stands closer to a wall
_RUMBLE_HZ = 40.0  # images are all positive and pile up near 0 Hz


class Room(Attack):
    """Convolves each channel with the response from its loudspeaker to its microphone.

    Args:
        distance_m: from loudspeaker to microphone.
    """

    unit: ClassVar[str] = "s"
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.2, 0.3, 0.5, 0.8)
    default: ClassVar[float] = 0.3
    limits: ClassVar[tuple[float, float] | None] = (0.07, 1.0)
    seeded: ClassVar[bool] = True

    def __init__(self, distance_m: float = 1.0) -> None:
        self.distance_m = distance_m

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        rng, n = np.random.default_rng(seed), samples.shape[1]
        size_m = _SIZE_M * rng.uniform(1 - _VARIATION, 1 + _VARIATION, 3)
        beta = wall_reflection(size_m, strength)
        longest_s = min(strength, n / sample_rate_hz)
        rows = []
        for row in samples:
            source_m, mic_m = _places(size_m, self.distance_m, rng)
            heard = box_response(
                size_m, source_m, mic_m, beta=beta, rate=sample_rate_hz, longest_s=longest_s
            )
            heard = heard[round(self.distance_m / _SPEED_M_S * sample_rate_hz) :]
            rumble = butterworth("highpass", _RUMBLE_HZ, 12, sample_rate_hz)
            heard = signal.sosfilt(rumble, heard)
            rows.append(signal.oaconvolve(row, heard.astype(np.float32))[:n])
        out = np.stack(rows)
        level = rms(out)
        return np.asarray(out * (rms(samples) / level if level > 0 else 1.0), dtype=np.float32)


def wall_reflection(size_m: NDArray[np.float64], rt60_s: float) -> float:
    """Return the walls' pressure reflection that gives an RT60, by Eyring.

    >>> round(wall_reflection(np.array([6.0, 4.5, 2.8]), 0.3), 3)
    0.835
    """
    volume = float(np.prod(size_m))
    surface = 2 * float(size_m[0] * size_m[1] + size_m[1] * size_m[2] + size_m[0] * size_m[2])
    exponent = 24 * math.log(10) * volume / (_SPEED_M_S * surface * rt60_s)
    return math.exp(-exponent / 2)


def box_response(
    size_m: NDArray[np.float64],
    source_m: NDArray[np.float64],
    mic_m: NDArray[np.float64],
    *,
    beta: float,
    rate: int,
    longest_s: float,
) -> NDArray[np.float64]:
    """Return the sum of all images up to a time; the direct sound has height 1 / distance.

    Shape: places ``[3]`` in metres → ``[time]``.
    """
    reach_m = _SPEED_M_S * longest_s + float(np.linalg.norm(source_m - mic_m))
    squares, bounces = zip(
        *(_axis(*place, reach_m) for place in zip(size_m, source_m, mic_m, strict=True)),
        strict=True,
    )
    x, y, z = (np.reshape(s, shape) for s, shape in zip(squares, _SHAPES, strict=True))
    distance_m = np.sqrt(x + y + z)
    i, j, k = (np.reshape(beta**b, shape) for b, shape in zip(bounces, _SHAPES, strict=True))
    near = distance_m <= reach_m
    height = (i * j * k)[near] / distance_m[near]
    samples = np.rint(distance_m[near] / _SPEED_M_S * rate).astype(np.int64)
    return np.bincount(samples, height, minlength=2).astype(np.float64)


_SHAPES = ((-1, 1, 1), (1, -1, 1), (1, 1, -1))


def _axis(
    length_m: float, source_m: float, mic_m: float, reach_m: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return squared distances and bounces of the images along one axis."""
    rounds = np.arange(-math.ceil(reach_m / (2 * length_m)) - 1, 2 + int(reach_m / (2 * length_m)))
    even = 2 * rounds * length_m + source_m - mic_m
    odd = 2 * rounds * length_m - source_m - mic_m
    bounces = np.concatenate([2 * np.abs(rounds), np.abs(rounds) + np.abs(rounds - 1)])
    return np.square(np.concatenate([even, odd])), bounces


def _places(
    size_m: NDArray[np.float64], distance_m: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw a loudspeaker and a microphone at a distance, both inside the room."""
    for _ in range(1000):
        source = rng.uniform(_WALL_M, size_m - _WALL_M)
        turn = rng.standard_normal(3)
        mic = source + distance_m * turn / np.linalg.norm(turn)
        if (mic >= _WALL_M).all() and (mic <= size_m - _WALL_M).all():
            return source, mic
    raise UsageError(
        f"expected a distance that fits into {' x '.join(f'{s:.1f}' for s in size_m)} m, "
        f"got {distance_m:g} m; try 1"
    )

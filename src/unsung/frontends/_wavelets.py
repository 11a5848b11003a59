# SPDX-License-Identifier: MIT
"""Orthogonal wavelet filters, the reflected border and the frequency order of packets.

Sources: I. Daubechies, "Ten Lectures on Wavelets", 1992 (Daubechies, symlet and coiflet filters);
M. V. Wickerhauser, "Adapted Wavelet Analysis", 1994 (Gray-code order of packets).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["LOW_PASS", "frequency_order", "kernel", "packet_names", "reflected"]

# Analysis low-pass filters, first tap first; the high-pass one is its quadrature mirror.
LOW_PASS: dict[str, tuple[float, ...]] = {
    "haar": (0.7071067811865476, 0.7071067811865476),
    "sym5": (
        0.027333068345077982, 0.029519490925774643, -0.039134249302383094, 0.1993975339773936,
        0.7234076904024206, 0.6339789634582119, 0.01660210576452232, -0.17532808990845047,
        -0.021101834024758855, 0.019538882735286728,
    ),
    "sym8": (
        -0.0033824159510061256, -0.0005421323317911481, 0.03169508781149298, 0.007607487324917605,
        -0.1432942383508097, -0.061273359067658524, 0.4813596512583722, 0.7771857517005235,
        0.3644418948353314, -0.05194583810770904, -0.027219029917056003, 0.049137179673607506,
        0.003808752013890615, -0.01495225833704823, -0.0003029205147213668, 0.0018899503327594609,
    ),
    "coif4": (
        -1.7849909144933469e-06, -3.259647940030751e-06, 3.1229861599195265e-05,
        6.233885431278719e-05, -0.0002599743371222568, -0.0005890202246332165,
        0.0012665610789256603, 0.0037514346971460866, -0.0056582838001308835,
        -0.015211728187697211, 0.02508225333794961, 0.03933442260558915, -0.09622042453595264,
        -0.06662747236681717, 0.43438603311435653, 0.7822389344242826, 0.41530842700068227,
        -0.05607731960356926, -0.08126671024919373, 0.02668230466960483, 0.01606894713157503,
        -0.007346167936268051, -0.001629492425226786, 0.000892313902537003,
    ),
    "db8": (
        -0.00011747678412476953, 0.0006754494064505693, -0.00039174037337694705,
        -0.004870352993451574, 0.008746094047405777, 0.013981027917398282, -0.044088253930794755,
        -0.017369301001807547, 0.12874742662047847, 0.0004724845739132828, -0.2840155429615469,
        -0.015829105256349306, 0.5853546836542067, 0.6756307362972898, 0.31287159091429995,
        0.05441584224310401,
    ),
}  # fmt: skip


def kernel(wavelet: str) -> NDArray[np.float64]:
    """Return both analysis filters, reversed so that a window times the kernel is a convolution.

    Shape: ``[tap, 2]``, column 0 low-pass, column 1 high-pass.
    """
    low = np.array(LOW_PASS[wavelet])
    high = low[::-1] * np.where(np.arange(len(low)) % 2, 1.0, -1.0)
    return np.stack([low[::-1], high[::-1]], axis=1)


def reflected(length: int, taps: int) -> NDArray[np.int64]:
    """Return which samples the stride-2 windows read, mirrored at both ends without repeats.

    Level by level ``floor((length + taps - 1) / 2)`` windows of `taps` samples begin at
    ``2 - taps``; a signal shorter than the filter is mirrored again and again.
    """
    windows = (length + taps - 1) // 2
    places = np.arange(2 - taps, 2 * windows)
    period = max(1, 2 * (length - 1))
    places = np.abs(places) % period
    return np.minimum(places, period - places) if length > 1 else np.zeros_like(places)


def frequency_order(level: int) -> NDArray[np.int64]:
    """Return the place in the tree of every packet from low to high frequency (Gray code).

    A high-pass branch turns its band upside down, so that below it low and high trade places.

    >>> frequency_order(2).tolist()
    [0, 1, 3, 2]
    """
    rank = np.arange(2**level)
    places: NDArray[np.int64] = rank ^ (rank >> 1)
    return places


def packet_names(level: int) -> list[str]:
    """Return the path of every packet in frequency order, "a" for low-pass and "d" for high-pass.

    >>> packet_names(2)
    ['aa', 'ad', 'dd', 'da']
    """
    paths = (format(int(place), f"0{level}b") for place in frequency_order(level))
    return [path.translate(str.maketrans("01", "ad")) for path in paths]

# SPDX-License-Identifier: MIT
"""Writes PNG bytes from arrays and makes the colour map, with nothing but NumPy and zlib.

The map runs in OKLCH (Ottosson 2020, "A perceptual color space for image processing"): lightness
rises in equal steps, so equal steps in dB look equal and a grey print keeps the order. Hue goes
from indigo over teal to pale yellow: orange is left free, because it means "AI" on our pages.
"""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UsageError

__all__ = ["colour_map", "data_uri", "png_bytes"]

ByteArray = NDArray[np.uint8]

_LIGHTNESS = (0.13, 0.97)
_HUE_DEG = (285.0, 105.0)
_CHROMA = 0.15

# OKLab → LMS' and LMS → linear sRGB, as published by Ottosson.
_TO_LMS = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def png_bytes(pixels: ByteArray, palette: ByteArray | None = None) -> bytes:
    r"""Return a PNG file for an image.

    A palette makes the file about a third as large and keeps the level of each pixel readable.

    Shape:
        pixels: ``[row, column, 3]`` sRGB, or ``[row, column]`` indices with a palette ``[n, 3]``.

    >>> png_bytes(np.zeros((2, 3, 3), np.uint8))[:4]
    b'\x89PNG'
    """
    _check(pixels, palette)
    rows, columns = pixels.shape[:2]
    kind = 2 if palette is None else 3
    head = struct.pack(">IIBBBBB", columns, rows, 8, kind, 0, 0, 0)
    # Every row starts with its filter type: 0, none.
    lines = np.zeros((rows, 1 + int(np.prod(pixels.shape[1:]))), np.uint8)
    lines[:, 1:] = pixels.reshape(rows, -1)
    parts = [b"\x89PNG\r\n\x1a\n", _chunk(b"IHDR", head)]
    if palette is not None:
        parts.append(_chunk(b"PLTE", palette.tobytes()))
    parts += [_chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)), _chunk(b"IEND", b"")]
    return b"".join(parts)


def data_uri(content: bytes, media_type: str) -> str:
    """Return bytes as a ``data:`` address that needs no second file."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def colour_map(levels: int = 128) -> ByteArray:
    """Return sRGB colours from dark to light. Shape: ``[level, 3]``."""
    t = np.linspace(0.0, 1.0, levels)
    lightness = _LIGHTNESS[0] + (_LIGHTNESS[1] - _LIGHTNESS[0]) * t
    hue = np.deg2rad(_HUE_DEG[0] + (_HUE_DEG[1] - _HUE_DEG[0]) * t)
    chroma = _CHROMA * np.sin(np.pi * np.clip(t * 0.86 + 0.1, 0.0, 1.0)) ** 0.8
    rgb = np.empty((levels, 3))
    for i in range(levels):
        share = 1.0
        while True:  # less chroma, never other lightness, until the colour exists in sRGB
            rgb[i] = _linear_rgb(lightness[i], share * chroma[i], hue[i])
            if share < 0.01 or (rgb[i].min() >= 0.0 and rgb[i].max() <= 1.0):
                break
            share *= 0.96
    rgb = np.clip(rgb, 0.0, 1.0)
    encoded = np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(255 * encoded), np.uint8)


def _linear_rgb(lightness: float, chroma: float, hue: float) -> NDArray[np.float64]:
    lab = np.array([lightness, chroma * np.cos(hue), chroma * np.sin(hue)])
    return np.asarray(_TO_RGB @ (_TO_LMS @ lab) ** 3, np.float64)  # [3,3] · [3]


def _check(pixels: NDArray[Any], palette: NDArray[Any] | None) -> None:
    if pixels.dtype != np.uint8 or pixels.size == 0:
        raise UsageError(f"expected uint8 pixels, at least one; got {pixels.dtype}, {pixels.shape}")
    if palette is None and (pixels.ndim != 3 or pixels.shape[2] != 3):
        raise UsageError(f"expected pixels [row, column, 3], got {pixels.shape}; or give a palette")
    if palette is not None and (
        pixels.ndim != 2 or palette.dtype != np.uint8 or palette.shape[1:] != (3,)
    ):
        raise UsageError(
            f"expected pixels [row, column] with a uint8 palette [n, 3], "
            f"got {pixels.shape} with {palette.shape}"
        )
    if palette is not None and (len(palette) > 256 or int(pixels.max()) >= len(palette)):
        raise UsageError(
            f"expected pixels below the palette's {len(palette)} colours (at most 256), "
            f"got {int(pixels.max())}"
        )


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

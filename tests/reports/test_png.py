# SPDX-License-Identifier: MIT
import io

import av
import numpy as np
import pytest

from unsung.errors import UsageError
from unsung.reports.png import colour_map, data_uri, png_bytes


def decode(content):
    with av.open(io.BytesIO(content)) as source:
        return next(source.decode(video=0)).to_ndarray(format="rgb24")


def test_rgb_pixels_come_back():
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
    assert np.array_equal(decode(png_bytes(pixels)), pixels)


def test_palette_pixels_come_back():
    levels = np.random.default_rng(0).integers(0, 128, (6, 9), dtype=np.uint8)
    palette = colour_map(128)
    assert np.array_equal(decode(png_bytes(levels, palette)), palette[levels])


@pytest.mark.parametrize(
    ("pixels", "palette", "message"),
    [
        (np.zeros((2, 2, 3)), None, "expected uint8 pixels"),
        (np.zeros((0, 2, 3), np.uint8), None, "at least one"),
        (np.zeros((2, 2), np.uint8), None, "or give a palette"),
        (np.zeros((2, 2, 3), np.uint8), colour_map(4), "with a uint8 palette"),
        (np.full((2, 2), 9, np.uint8), colour_map(4), "below the palette's 4 colours"),
    ],
)
def test_wrong_pixels_are_refused(pixels, palette, message):
    with pytest.raises(UsageError, match=message):
        png_bytes(pixels, palette)


def test_colour_map_rises_in_even_steps_of_lightness():
    rgb = colour_map(128) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lightness = np.cbrt(linear @ [0.2126, 0.7152, 0.0722])
    steps = np.diff(lightness)
    assert steps.min() > 0
    assert steps[8:].max() < 2.5 * steps[8:].mean()
    assert len(np.unique(colour_map(128), axis=0)) == 128  # each level can be read back


def test_data_uri():
    assert data_uri(b"abc", "image/png") == "data:image/png;base64,YWJj"

# SPDX-License-Identifier: MIT
import numpy as np
import pytest

from unsung.audio.resample import StreamResampler, resample
from unsung.audio.signals import noise, tone
from unsung.audio.windows import WindowBuffer, spread_starts, window_starts
from unsung.errors import UsageError


@pytest.mark.parametrize("to_hz", [16000, 22050, 48000, 96000])
def test_a_tone_stays_the_tone(to_hz):
    got = resample(tone(1000, 1, 44100), 44100, to_hz)
    assert got.dtype == np.float32
    assert len(got) == to_hz
    edge = to_hz // 20
    expected = tone(1000, 1, to_hz)
    np.testing.assert_allclose(got[edge:-edge], expected[edge:-edge], atol=2e-4)


def test_what_does_not_fit_is_filtered_out():
    got = resample(tone(12000, 1, 44100), 44100, 16000)
    assert np.abs(got[800:-800]).max() < 1e-4


def test_any_leading_axes_and_no_change():
    x = noise(0, 0.5, 44100).reshape(1, 1, -1).repeat(2, 0).repeat(3, 1)
    y = resample(x, 44100, 16000)
    assert y.shape == (2, 3, 8000)
    np.testing.assert_array_equal(y[1, 2], resample(x[0, 0], 44100, 16000))
    assert resample(x, 44100, 44100) is x
    with pytest.raises(UsageError, match="above 0 Hz"):
        resample(x, 0, 16000)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rates", [(44100, 16000), (16000, 44100), (44100, 44100)])
def test_blocks_equal_the_whole(channels, rates):
    x = np.stack([noise(seed, 3.0, rates[0]) for seed in range(channels)])
    x = x[0] if channels == 1 else x
    stream = StreamResampler(*rates, channels=channels)
    cuts = np.cumsum([1, 5000, 7, 44100])
    parts = [stream.push(block) for block in np.split(x, cuts, axis=-1) if block.size]
    made = np.concatenate([*parts, stream.flush()], axis=-1)
    whole = resample(x, *rates)
    assert abs(made.shape[-1] - whole.shape[-1]) <= 1
    n = min(made.shape[-1], whole.shape[-1])
    np.testing.assert_allclose(made[..., :n], whole[..., :n], atol=1e-6)


def test_window_starts():
    assert window_starts(10, 4, 3).tolist() == [0, 3, 6]
    assert window_starts(4, 4, 4).tolist() == [0]
    assert window_starts(1, 4, 4).tolist() == [0]
    assert len(window_starts(0.3, 0.1, 0.1)) == 3  # 0.3 / 0.1 is below 3 in floating point
    with pytest.raises(UsageError, match="hop_s above 0"):
        window_starts(1, 1, 0)


@pytest.mark.parametrize("duration_s", [3.0, 9.9, 30.0, 1000.0])
def test_spread_starts_fit_and_do_not_overlap(duration_s):
    starts = spread_starts(duration_s, 4, 5.0)
    assert starts[0] >= 0
    if duration_s >= 5:
        assert starts[-1] + 5 <= duration_s + 1e-9
        assert (np.diff(starts) >= 5 - 1e-9).all()
    assert len(starts) == {3.0: 1, 9.9: 1}.get(duration_s, 4)


def _slow_windows(x, window, hop, pad):
    """The obvious twin: slice the whole array."""
    out, start, covered = [], 0, 0
    while start + window <= len(x):
        out.append(x[start : start + window])
        covered = start + window
        start += hop
    if pad and max(covered, start) < len(x):
        last = np.zeros(window, np.float32)
        last[: len(x) - start] = x[start:]
        out.append(last)
    return out


@pytest.mark.parametrize("pad", [True, False])
@pytest.mark.parametrize(("window", "hop"), [(10, 10), (10, 4), (10, 17), (7, 1), (50, 60)])
@pytest.mark.parametrize("length", [0, 5, 10, 20, 23, 57, 60, 61, 100])
@pytest.mark.parametrize("block", [1, 3, 13, 100])
def test_window_buffer_equals_slicing(window, hop, pad, length, block):
    x = np.arange(1, length + 1, dtype=np.float32)
    buffer, got = WindowBuffer(window, hop, pad), []
    for start in range(0, length, block):
        got += list(buffer.push(x[start : start + block]))
    got += list(buffer.flush())
    expected = _slow_windows(x, window, hop, pad)
    assert len(got) == len(expected)
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_array_equal(one, other)

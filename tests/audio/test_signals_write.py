# SPDX-License-Identifier: MIT
import numpy as np
import pytest

from unsung.audio import signals
from unsung.audio.read import read_clip
from unsung.audio.write import CODECS, decode, encode, round_trip, write
from unsung.errors import UnknownName, UsageError
from unsung.types import Clip

from .helpers import lag, music


def test_a_tone_lands_in_its_bin():
    for hz in (100, 1000, 7000):
        spectrum = np.abs(np.fft.rfft(signals.tone(hz, 1, 16000, 0.5)))
        assert spectrum.argmax() == hz
        assert spectrum.max() / 8000 == pytest.approx(0.5, rel=1e-3)
    both = np.abs(np.fft.rfft(signals.chord([300, 900], 1, 16000)))
    assert set(both.argsort()[-2:]) == {300, 900}


def test_a_click_lands_on_its_sample():
    assert signals.click(0.25, 1, 8000).nonzero()[0].tolist() == [2000]
    with pytest.raises(UsageError, match="between 0 and 1 s"):
        signals.click(2.0)


def test_a_comb_has_lines_at_the_multiples_only():
    spectrum = np.abs(np.fft.rfft(signals.comb(500, 1, 16000, 0.01))) / 8000
    lines = np.arange(500, 8000, 500)
    np.testing.assert_allclose(spectrum[lines], 0.01, rtol=1e-3)
    spectrum[lines] = 0
    assert spectrum.max() < 1e-6
    with pytest.raises(UsageError, match="spacing"):
        signals.comb(0)


def test_a_sweep_moves_and_noise_repeats_by_seed():
    x = signals.sweep(500, 4000, 2, 16000)
    early, late = np.abs(np.fft.rfft(x[:1600])), np.abs(np.fft.rfft(x[-1600:]))
    assert early.argmax() * 10 == pytest.approx(590, abs=80)
    assert late.argmax() * 10 == pytest.approx(3910, abs=80)
    np.testing.assert_array_equal(signals.noise(3), signals.noise(3))
    assert not np.array_equal(signals.noise(3), signals.noise(4))
    assert signals.noise(3, 5).std() == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize(("rate_hz", "channels"), [(44100, 2), (48000, 1), (16000, 1), (22050, 2)])
@pytest.mark.parametrize("codec", CODECS)
def test_round_trip_is_aligned_of_equal_length_and_close(codec, rate_hz, channels):
    clip = Clip(music(2.13, rate_hz, channels), rate_hz, 1.5, "song")
    back = round_trip(clip, codec, 128)
    assert back.samples.shape == clip.samples.shape
    assert back.samples.dtype == np.float32
    assert (back.sample_rate_hz, back.start_s, back.track_id) == (rate_hz, 1.5, "song")
    assert abs(lag(clip.samples[0], back.samples[0])) <= 1
    assert np.corrcoef(clip.samples[0], back.samples[0])[0, 1] > 0.99
    assert not np.array_equal(clip.samples, back.samples)


@pytest.mark.parametrize("codec", CODECS)
def test_the_delay_is_taken_off_where_decoding_starts(codec):
    """An offset of the encoder would move a click; a constant shift would hide in a tone."""
    x = signals.click(0.5, 1, 48000) + signals.noise(0, 1, 48000, 1e-3)
    back = round_trip(Clip(x[None], 48000), codec, 192)
    assert abs(int(np.abs(back.samples[0]).argmax()) - 24000) <= 2


@pytest.mark.parametrize("codec", CODECS)
def test_fewer_bits_are_fewer_bytes_and_further_away(codec):
    clip = Clip(music(2), 44100)
    low, high = (encode(clip.samples, 44100, codec, kbps) for kbps in (64, 192))
    assert len(low) < 0.7 * len(high)

    def error(kbps):
        return float(np.mean((round_trip(clip, codec, kbps).samples - clip.samples) ** 2))

    assert error(64) > error(192)
    assert len(high) * 8e-3 / 2 == pytest.approx(192, rel=0.35)


def test_rates_that_a_codec_lacks_are_resampled():
    for codec in CODECS:
        clip = Clip(music(1, 96000, 1), 96000)
        assert round_trip(clip, codec).samples.shape == (1, 96000)
    assert decode(encode(music(1, 11025), 11025, "opus")).sample_rate_hz in (12000, 48000)


def test_wrong_requests_are_refused():
    with pytest.raises(UnknownName, match="did you mean 'opus'"):
        encode(music(1), 44100, "opsu")
    with pytest.raises(UsageError, match="one or two channels"):
        encode(music(1, channels=3), 44100, "mp3")
    with pytest.raises(UsageError, match="bit rate above 0"):
        encode(music(1), 44100, "mp3", 0)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "opus", "mp3"])
def test_written_files_read_back(tmp_path, kind):
    x = music(2)
    write(tmp_path / f"x.{kind}", Clip(x, 44100))
    back = read_clip(tmp_path / f"x.{kind}")
    if kind == "opus":
        assert back.samples.shape == (2, 96000)
        return
    assert back.samples.shape == x.shape
    if kind in ("wav", "flac"):
        np.testing.assert_allclose(back.samples, x, atol=2e-7)
    else:
        assert np.corrcoef(back.samples[0], x[0])[0, 1] > 0.98


def test_an_unknown_extension_is_refused(tmp_path):
    with pytest.raises(UnknownName, match=r"no sound file extension named '\.xyz'"):
        write(tmp_path / "x.xyz", Clip(music(1), 44100))
    assert list(tmp_path.iterdir()) == []

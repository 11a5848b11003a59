# SPDX-License-Identifier: MIT
"""Masks, sounds and what turns a verdict: physics on sounds whose content is known."""

import itertools

import numpy as np
import pytest

from unsung.audio import signals
from unsung.errors import UsageError
from unsung.explainers._counterfactual import (
    Judged,
    best_comb,
    counterfactual,
    shortest_band,
    without,
)
from unsung.explainers._listen import listen, relevance_mask, safe
from unsung.explainers._spectra import reshaped
from unsung.types import Clip, Explanation

RATE = 16000
FREQS = np.arange(250.0, 8000.0, 1.0)


def power_db(samples, hz):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    bins = np.fft.rfftfreq(len(samples), 1 / RATE)
    return 10 * np.log10(spectrum[np.abs(bins - hz) < 3].sum() + 1e-20)


def two_tones():
    sound = signals.tone(1000.0, 4.0, RATE, 0.1) + signals.tone(3000.0, 4.0, RATE, 0.1)
    return Clip((sound + signals.noise(0, 4.0, RATE, 1e-3))[None], RATE, 7.0)


def at(hz, late_only=False):
    """An explanation that marks 3 kHz or another frequency, over a clip that starts at 7 s."""
    relevance = np.zeros((1, 800, 40), np.float32)
    freqs = np.arange(800) * 10.0
    row = int(hz / 10)
    relevance[0, row - 1 : row + 2, 20 if late_only else 0 :] = 0.1
    relevance[0, 300] -= 0.05 if hz != 3000.0 else 0.0
    return Explanation(
        "ai",
        relevance,
        freqs.astype(np.float32),
        (7.05 + 0.1 * np.arange(40)).astype(np.float32),
        1.0,
        0.0,
    )


def test_an_untouched_spectrum_gives_the_sound_back():
    sound = np.stack([signals.noise(s, 1.37, RATE) for s in (0, 1)])
    assert reshaped(sound, RATE, lambda s, *_: s) == pytest.approx(sound, abs=1e-5)
    short = sound[:, :50]
    assert reshaped(short, RATE, lambda s, *_: s) == pytest.approx(short, abs=1e-5)


def test_the_relevant_part_alone_holds_the_marked_tone_only():
    found = listen(at(3000.0), two_tones(), share=0.002)
    alone, rest = found.relevant.samples[0], found.without.samples[0]
    assert power_db(alone, 3000) - power_db(alone, 1000) > 40
    assert power_db(rest, 1000) - power_db(rest, 3000) > 15
    more = found.amplified.samples[0]
    assert power_db(more, 3000) - power_db(more, 1000) == pytest.approx(18, abs=1.5)
    assert found.relevant.start_s == 7.0 and found.relevant.samples.shape == (1, 4 * RATE)


def test_the_mask_follows_time():
    alone = listen(at(3000.0, late_only=True), two_tones(), share=0.002).relevant.samples[0]
    assert power_db(alone[-RATE:], 3000) - power_db(alone[:RATE], 3000) > 40


def test_sounds_are_safe():
    loud = np.ones((1, RATE), np.float32)
    for lift in (False, True):
        out, gain = safe(loud, lift)
        assert np.sqrt(np.mean(out**2)) == pytest.approx(0.1, rel=1e-3) and gain < 0
    faint = loud * 1e-2
    assert safe(faint)[1] == 0.0 and safe(faint, lift=True)[1] == pytest.approx(20, abs=0.1)
    click = np.zeros((1, RATE), np.float32)
    click[0, 5] = 1.0
    assert np.abs(safe(click, lift=True)[0]).max() <= 10 ** (-3 / 20) + 1e-6
    assert safe(np.zeros((1, 9), np.float32), lift=True)[1] == 0.0
    assert safe(np.full((1, 9), 1e-7, np.float32), lift=True)[1] == 0.0  # rounding is not lifted


def test_mask_limits():
    nothing = at(3000.0)
    nothing.relevance[:] = -1
    assert not relevance_mask(nothing).any()
    with pytest.raises(UsageError, match="between 0 and 1"):
        relevance_mask(nothing, 1.5)


def test_levelling_takes_a_line_and_leaves_the_rest():
    clip = two_tones()
    marked = np.abs(FREQS - 3000) < 6
    out = without(clip, FREQS, marked).samples[0]
    noise = signals.noise(0, 4.0, RATE, 1e-3)
    assert power_db(out, 3000) < power_db(noise, 3000) + 12
    assert power_db(out, 1000) == pytest.approx(power_db(clip.samples[0], 1000), abs=0.1)


def slow_band(gains, wanted):
    n = len(gains)
    runs = [
        (b - a, a, b)
        for a, b in itertools.combinations(range(n + 1), 2)
        if gains[a:b].sum() >= wanted
    ]
    return min(runs)[0] if runs else None


@pytest.mark.parametrize("seed", range(8))
def test_the_shortest_band_equals_a_search_of_all(seed):
    rng = np.random.default_rng(seed)
    gains = rng.normal(size=30)
    for wanted in (0.5, 2.0, 4.0, 1e3):
        found, slow = shortest_band(gains, wanted), slow_band(gains, wanted)
        assert (None if found is None else found[1] - found[0]) == slow
        if found is not None:
            assert gains[found[0] : found[1]].sum() >= wanted


def test_the_best_comb_is_the_planted_one():
    gains = np.full(len(FREQS), -1e-4)
    for k in range(1, 100):
        if 250 <= k * 78.125 < 8000:
            gains[round(k * 78.125 - 250)] = 0.1
    spacing, marked = best_comb(FREQS, gains, 8.0)
    assert spacing == pytest.approx(78.125, abs=0.05)
    assert marked.sum() < 0.1 * len(FREQS)
    assert best_comb(FREQS, gains, 1e6) is None


def test_a_toy_detector_of_one_tone_turns_without_it():
    clip = two_tones()

    def judge(changed):
        db = power_db(changed.samples[0], 3000) - power_db(clip.samples[0], 3000)
        logit = 1.0 + db / 10
        return Judged(logit, "ai" if logit > 0 else "human")

    removal = np.where(np.abs(FREQS - 3000) < 4, -0.5, 0.0)
    found = counterfactual(clip, FREQS, removal, -1.0, judge)
    band = next(c for c in found if c.kind == "band")
    assert band.before.verdict == "ai" and band.after.verdict == "human"
    assert band.low_hz > 2990 and band.high_hz < 3010 and band.removed_hz < 10
    assert found[0].removed_hz <= found[-1].removed_hz
    assert counterfactual(clip, FREQS, removal, -1.0, lambda _: Judged(1.0, "ai")) == ()

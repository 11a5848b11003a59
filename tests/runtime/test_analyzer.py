# SPDX-License-Identifier: MIT
"""Measuring a stream: the same answer in any block size, exact evidence, honest refusals."""

import tracemalloc

import numpy as np
import pytest

from unsung.audio.signals import comb, noise
from unsung.errors import UsageError
from unsung.runtime import Analysis, decide, load_bundle
from unsung.runtime.analyzer import Moments
from unsung.runtime.evidence import COPIED, MAX_PEAKS, SHIFTED, TOLD, Spectra, evidence
from unsung.runtime.sketch import SpectrogramSketch


@pytest.fixture(scope="module")
def bundle():
    return load_bundle("default")


def sound(seconds, rate=16000, seed=0, level=0.1):
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    out = 0.1 * rng.standard_normal(len(time))
    for k in range(1, 30):
        if k * 220 < rate / 2:
            out += np.sin(2 * np.pi * 220 * k * time) / k
    return (level * out).astype("f4")


def run(bundle, samples, rate=16000, block=32000, picture=False):
    analyzer = bundle.analyzer(rate, picture)
    for start in range(0, len(samples), block):
        analyzer.push(samples[start : start + block])
    return analyzer.finish()


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("seconds", [4.0, 12.3, 41.7])
def test_block_size_does_not_matter(bundle, rate, seconds):
    samples = sound(seconds, rate)
    results = [run(bundle, samples, rate, block) for block in (997, 32000, 10**9)]
    for other in results[1:]:
        assert other.logit == pytest.approx(results[0].logit, abs=1e-4)
        assert len(other.windows) == len(results[0].windows)
        assert other.covered_s == pytest.approx(results[0].covered_s)


def test_windows_cover_the_track_and_none_is_short(bundle):
    result = run(bundle, sound(64.0))
    starts = [start for start, _ in result.windows]
    assert starts == [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]
    assert result.covered_s == pytest.approx(64.0, abs=0.01)


def further(result):
    """What the search over shifts adds to the lines in place."""
    return result.evidence.terms.get(SHIFTED, 0.0)


def test_what_is_added_is_what_the_join_says(bundle):
    samples = np.concatenate([sound(10.0, seed=s) for s in range(3)])
    result = run(bundle, samples)
    _, join = bundle.shift
    linear = result.logit - further(result)
    assert result.evidence.terms[SHIFTED] >= 0
    loud = float(join(linear, join.shift_limit + 3 * join.shift_spread))
    assert loud == pytest.approx(join.linear_limit + 3 * join.linear_spread, abs=0.1)
    short = run(bundle, samples[: 16000 * 12])
    assert short.covered_s < join.from_s
    assert SHIFTED not in short.evidence.terms


def test_moments_are_those_of_weighted_windows():
    rng = np.random.default_rng(0)
    values, weights = rng.normal(3, 2, (7, 4, 5)).astype("f4"), rng.uniform(2, 10, 7)
    moments = Moments((4, 5))
    for number, (value, weight) in enumerate(zip(values, weights, strict=True)):
        assert moments.deviation() is None or number > 1
        moments.add(value, weight)
    mean = np.average(values.astype(float), axis=0, weights=weights)
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-5)
    n = weights.sum() ** 2 / np.square(weights).sum()
    variance = np.average(np.square(values - mean), axis=0, weights=weights) * n / (n - 1)
    slow = np.sqrt(variance) * (4 * n - 3) / (4 * n - 4)
    np.testing.assert_allclose(moments.deviation(), slow, rtol=1e-4)


def test_the_deviation_does_not_depend_on_the_number_of_windows():
    rng = np.random.default_rng(1)
    for n in (2, 3, 5, 12):
        moments = Moments((40000,))
        for _ in range(n):
            moments.add(rng.normal(0, 1, 40000), 10.0)
        assert float(moments.deviation().mean()) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(("copied", "said"), [(TOLD - 0.01, False), (1.7, True)])
def test_words_name_the_second_model_where_it_counts(bundle, copied, said):
    pictures = [np.zeros((f.channels, len(f.freqs_hz)), np.float32) for f in bundle.front_ends]
    reference = bundle.front_ends[int(bundle.info["reference"])]
    spectra = Spectra.measure(bundle, np.zeros(len(reference.freqs_hz)))
    found = evidence(bundle, (pictures, None), spectra, linear=-1.0, added={COPIED: copied})
    assert any("+1.70 of the logit comes from a second model" in w for w in found.words) == said
    assert found.baseline + sum(found.terms.values()) == pytest.approx(copied - 1.0, abs=1e-4)


def melody(tuning_hz, seconds, semitones, rate=16000, level=0.03):
    """Notes of a tempered scale, each held for a quarter of a second in turn and all at the end."""
    rng = np.random.default_rng(4)
    time = np.arange(round(seconds * rate)) / rate
    out = 0.02 * rng.standard_normal(len(time))
    for number, semitone in enumerate(semitones):
        on = (np.floor(time * 4) % len(semitones) == number) | (time > seconds / 2)
        hz = tuning_hz * 2 ** (semitone / 12)
        out += level * on * np.sin(2 * np.pi * hz * time + number)
    return out.astype("f4")


SCALE = (0, 2, 3, 5, 7, 8, 10, 12, 14, 15, 17, 19, 20, 22, 24, 27, 29, 31, 34, 36)


@pytest.mark.parametrize("tuning_hz", [329.6, 415.3, 432.0, 447.0])
def test_notes_are_no_traces_of_a_decoder(bundle, tuning_hz):
    found = run(bundle, melody(tuning_hz, 24.0, SCALE)).evidence
    for peak in found.peaks:
        away = 12 * np.log2(peak.hz / tuning_hz)
        assert abs(away - round(away)) > 0.06, peak


@pytest.mark.parametrize("rate_hz", [172.27, 187.5, 200.0, 233.1, 375.0])
def test_a_decoders_lines_stay_beside_notes(bundle, rate_hz):
    lines = comb(rate_hz, 24.0, 16000, 0.01, 1) + noise(2, 24.0, 16000, 0.05)
    for sound_of in (lines, lines + melody(440.0, 24.0, SCALE, level=0.003)):
        peaks = run(bundle, sound_of).evidence.peaks
        multiples = np.array([peak.hz for peak in peaks]) / rate_hz
        assert len(peaks) == MAX_PEAKS
        assert (np.abs(multiples - np.round(multiples)) < 0.01).sum() >= 8


@pytest.mark.parametrize("ai", [True, False])
def test_a_song_keeps_its_verdict_however_much_of_it_is_heard(bundle, ai):
    """The same song cut at several lengths: verdicts agree where different strata meet."""
    whole = noise(2, 120.0, 16000, 0.1) + 0.3 * sound(120.0, level=0.2)
    if ai:
        whole = whole + comb(200.0, 120.0, 16000, 0.02, 1)
    logits = {}
    for seconds in (10, 14, 16, 20, 30, 45, 58, 62, 120):
        found = run(bundle, whole[: seconds * 16000])
        verdict = decide(bundle, found, 0.01, 0.5)[0]
        assert verdict in (("ai",) if ai else ("human", "undecided")), seconds
        logits[seconds] = found.logit
    # Where the search over shifts begins to count, what is AI already becomes more so.
    assert np.abs(np.diff(list(logits.values()))).max() < (2.5 if ai else 1.0), logits


def test_pooled_logit_is_the_mean_of_the_windows_and_what_the_search_adds(bundle):
    result = run(bundle, np.concatenate([sound(10.0, seed=s) for s in range(4)]))
    assert len(result.windows) == 4
    added = further(result)
    assert added >= 0
    mean = np.mean([v for _, v in result.windows])
    assert result.logit - added - result.variation == pytest.approx(mean, abs=1e-4)


def test_evidence_adds_up_to_the_logit(bundle):
    result = run(bundle, sound(25.0), picture=True)
    evidence = result.evidence
    total = evidence.baseline + sum(evidence.terms.values())
    assert total == pytest.approx(result.logit, abs=1e-4)
    shares = float(result.picture.contributions.sum(dtype=np.float64))
    linear = result.logit - further(result)
    assert bundle.linear.baseline + shares == pytest.approx(linear, abs=1e-3)
    assert evidence.baseline == pytest.approx(bundle.linear.baseline, abs=1e-3)
    assert evidence.words


def test_a_planted_line_is_reported_at_its_hz_and_height(bundle):
    samples = (0.05 * np.random.default_rng(0).standard_normal(20 * 16000)).astype("f4")
    time = np.arange(len(samples)) / 16000
    picture = run(bundle, samples + 0.01 * np.sin(2 * np.pi * 5321.0 * time).astype("f4")).evidence
    near = [peak for peak in picture.peaks if abs(peak.hz - 5321.0) < 1.0]
    assert len(near) == 1
    # Line power 0.01²/4 · n/1.5 over noise 0.05²: 20.4 dB, and the envelope lies below the noise.
    assert 19.0 < near[0].height_db < 28.0


def test_silence_short_and_narrow_sound_cannot_carry_a_verdict(bundle):
    silent = run(bundle, np.zeros(16000 * 10, "f4"))
    assert silent.logit is None
    assert "louder than -90 dB" in silent.reason
    assert decide(bundle, silent, 0.01, 0.5)[0] == "undecided"

    short = run(bundle, sound(2.0))
    assert short.logit is not None
    assert "only 2.0 s" in short.reason
    assert decide(bundle, short, 0.01, 0.5)[:2] == ("undecided", short.reason)

    narrow = run(bundle, sound(10.0, 8000), rate=8000)
    assert narrow.bandwidth_hz == pytest.approx(4000, abs=300)
    assert "ends at 4.0 kHz" in narrow.reason or "ends at 3.9 kHz" in narrow.reason
    assert run(bundle, sound(10.0, 44100), rate=44100).reason == ""


def test_nothing_pushed(bundle):
    result = bundle.analyzer(44100).finish()
    assert result.logit is None
    assert result.windows == ()


def test_silence_inside_does_not_count_as_covered(bundle):
    samples = np.concatenate([sound(10.0), np.zeros(20 * 16000, "f4"), sound(10.0)])
    result = run(bundle, samples)
    assert result.covered_s == pytest.approx(20.0, abs=2.5)


def test_a_jump_keeps_times_and_leaves_the_gap_out(bundle):
    analyzer = bundle.analyzer(16000)
    analyzer.push(sound(10.0))
    analyzer.jump(100.0)
    analyzer.push(sound(10.0, seed=1))
    result = analyzer.finish()
    assert [start for start, _ in result.windows] == [0.0, 100.0]
    assert result.covered_s == pytest.approx(20.0, abs=0.1)


@pytest.mark.parametrize("n", [1, 100, 8191, 8192, 16385])
def test_tiny_sounds_do_not_crash(bundle, n):
    result = run(bundle, sound(2.0)[:n])
    assert result.reason


def test_memory_does_not_grow_with_length(bundle):
    block = sound(10.0)

    def peak(minutes):
        analyzer = bundle.analyzer(16000, picture=True)
        tracemalloc.start()
        for _ in range(minutes * 6):
            analyzer.push(block)
        analyzer.finish()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1)
    assert peak(12) < peak(4) + 6e6


def test_verdicts_follow_the_thresholds(bundle):
    limits = bundle.thresholds(0.01, 20.0)

    def verdict(logit, rate=0.01, reason=""):
        analysis = Analysis((), logit, 20.0, None, "unknown", reason, None)
        return decide(bundle, analysis, rate, 0.5)

    assert verdict(limits.ai_logit)[0] == "ai"
    # Of parts of songs as many AI ones lie above the threshold that nothing is left in between.
    below = verdict(np.nextafter(limits.ai_logit, -9))[0]
    assert below == ("human" if limits.human_logit == limits.ai_logit else "undecided")
    assert verdict(np.nextafter(limits.human_logit, -9))[0] == "human"
    assert verdict(99.0, reason="narrow")[:2] == ("undecided", "narrow")
    word, reason, llr, chance = verdict(99.0, rate=1e-6)
    assert (word, "no threshold with a guarantee" in reason) == ("undecided", True)
    assert llr > 0
    assert chance > 0.99
    with pytest.raises(UsageError, match="expected a prior"):
        decide(bundle, Analysis((), 0.0, 9.0, None, "", "", None), 0.01, 1.0)


def test_sketch_stays_bounded_and_shows_a_tone_at_its_place():
    sketch = SpectrogramSketch(16000)
    time = np.arange(10 * 16000) / 16000
    for minute in range(60):
        sketch.push(np.sin(2 * np.pi * 3000 * time).astype("f4"), minute * 10.0)
    picture, freqs, times = sketch.finish()
    assert picture.shape[1] <= 1200
    assert picture.shape == (len(freqs), len(times))
    assert abs(freqs[picture.mean(axis=1).argmax()] - 3000) < 40
    assert (np.diff(times) > 0).all()
    assert times[-1] == pytest.approx(600, abs=2)


def test_a_sped_up_comb_is_found_and_its_shift_named():
    """The template is the packaged one: a comb it knows, moved by 5 %, must move the evidence."""
    bundle = load_bundle()
    search, join = bundle.shift
    rng = np.random.default_rng(0)
    pictures = [
        rng.standard_normal(weight.shape).astype(np.float32) * 0.5 for weight in search.weights
    ]
    score, _ = search.best(pictures)
    assert not join.favours_shift(-2.0, score)
    # The template itself, moved: what a sped-up track of its own generators would show.
    moved = []
    for front_end, weight in zip(bundle.front_ends, search.weights, strict=True):
        axis = front_end.freqs_hz
        scale = 8 / np.abs(weight).max()
        moved.append(
            np.stack([np.interp(axis / 1.05, axis, row, right=0) for row in weight]) * scale
        )
    score, shift = search.best([picture.astype(np.float32) for picture in moved])
    assert np.expm1(shift) == pytest.approx(0.05, abs=3e-4)
    assert join.favours_shift(-2.0, score)
    assert join(-2.0, score) > -2.0

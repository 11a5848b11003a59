# SPDX-License-Identifier: MIT
import dataclasses

import numpy as np
import pytest

from unsung.reports.axes import MIDDLE_PX, NARROW_PX, WIDE_PX, Axis
from unsung.reports.evidence import base_rates, peak_rows, sum_up
from unsung.reports.gauge import active_threshold, draw_gauge, thresholds
from unsung.reports.residual import LABEL_ROWS, RESIDUAL_PX, draw_residual
from unsung.reports.spectrogram import HEIGHT_PX, draw_spectrogram
from unsung.reports.timeline import draw_timeline, time_axis, window_spans
from unsung.types import Evidence, Peak

from .helpers import CALIBRATION, PEAKS, picture, score

ROWS = thresholds(CALIBRATION)
ACTIVE = active_threshold(ROWS, 0.01)


def test_thresholds_strictest_first_and_the_scores_own_is_found():
    assert [row.rate for row in ROWS] == [0.01, 0.05]
    assert ACTIVE is not None and (ACTIVE.ai, ACTIVE.guarantee) == (1.9, "conformal")
    assert active_threshold(ROWS, None) is None
    assert active_threshold(ROWS, 0.02) is None


def test_needle_moves_with_the_logit():
    logits = np.linspace(-12, 14, 60)
    places = [draw_gauge(float(v), CALIBRATION, ACTIVE).needle for v in logits]
    assert places == sorted(places)
    inside = [p for p in places if 0 < p < 100]
    assert len(inside) > 20 and len(set(inside)) == len(inside)


@pytest.mark.parametrize(("logit", "beyond"), [(-99.0, -1), (0.0, 0), (99.0, 1)])
def test_needle_beyond_the_scale_says_so(logit, beyond):
    gauge = draw_gauge(logit, CALIBRATION, ACTIVE)
    assert gauge.beyond == beyond
    assert ("beyond the scale" in gauge.aria) == bool(beyond)


def test_gauge_keeps_order_of_thresholds_and_groups():
    gauge = draw_gauge(1.0, CALIBRATION, ACTIVE)
    assert gauge.human < gauge.needle < gauge.ai
    human, ai = gauge.ridges
    assert human.low < human.median < human.high
    assert human.median < ai.median
    assert (human.count, ai.count) == ("500", "480")


def test_gauge_without_calibration_still_draws():
    gauge = draw_gauge(-20.0, {}, None)
    assert gauge.ridges == () and 0 < gauge.needle < 50 and gauge.ai is None


def test_constant_quantiles_do_not_break_the_density():
    same = CALIBRATION | {"human_logits": [1.0] * 9}
    assert "nan" not in draw_gauge(1.0, same, ACTIVE).ridges[0].path


def test_timeline_and_spectrogram_share_the_axis():
    one, drawn = score(), picture()
    axis = time_axis(one, drawn)
    timeline = draw_timeline(one, axis, ACTIVE)
    spectrogram = draw_spectrogram(drawn, axis)
    frames = drawn.spectrogram_s
    for second in (0.0, 5.0, 30.0, 55.0):
        bar = next(b for b in timeline.bars if b.start_s == second)
        # where the image shows that second: frames are centred on their times
        step = frames[1] - frames[0]
        column = (second - (frames[0] - step / 2)) / step
        in_image = spectrogram.x + spectrogram.width * column / len(frames)
        assert bar.x == pytest.approx(float(in_image), abs=0.01)
    assert timeline.bars[-1].x + timeline.bars[-1].width == pytest.approx(100)
    tick = next(t for t in timeline.ticks if t.text == "0:30")
    assert tick.at == next(b for b in timeline.bars if b.start_s == 30.0).x


def test_bars_rise_with_the_logit_and_take_their_zone():
    one = score(windows=((0.0, -3.0), (5.0, 0.5), (10.0, 4.0)), duration_s=15.0, covered_s=15.0)
    timeline = draw_timeline(one, time_axis(one, None), ACTIVE)
    assert [b.key for b in timeline.bars] == ["human", "undecided", "ai"]
    below, _, above = timeline.bars
    assert below.y == pytest.approx(timeline.zero)
    assert above.y + above.height == pytest.approx(timeline.zero)
    assert above.height > below.height > 0
    assert timeline.ai < timeline.zero < timeline.human


def test_windows_end_where_the_next_starts():
    assert window_spans([(5, 1.0), (0, 2.0), (20, 3.0)], 23) == [
        (0, 5, 2.0),
        (5, 15.0, 1.0),
        (20, 23, 3.0),
    ]
    assert window_spans([(0, float("nan")), (0, 1.0)], 30) == [(0, 30, 1.0)]


def test_no_windows_no_timeline():
    one = score(windows=())
    assert draw_timeline(one, time_axis(one, None), ACTIVE) is None


def test_spectrogram_marks_peaks_at_their_height():
    marks = draw_spectrogram(picture(), Axis(0, 60), ((PEAKS[5], "human"),)).marks
    assert marks == ((pytest.approx(HEIGHT_PX / 2, abs=0.1), "human"),)


def test_spectrogram_survives_what_is_not_finite():
    drawn = picture()
    db = drawn.spectrogram_db.copy()
    db[0, :] = -np.inf
    db[1, 3] = np.nan
    result = draw_spectrogram(dataclasses.replace(drawn, spectrogram_db=db), Axis(0, 60))
    assert np.isfinite([result.floor_db, result.top_db]).all()
    silent = np.full_like(db, -np.inf)
    assert draw_spectrogram(dataclasses.replace(drawn, spectrogram_db=silent), Axis(0, 60))


def test_uneven_frequencies_are_put_on_even_rows():
    hz = np.geomspace(50, 16000, 200).astype(np.float32)
    db = np.where(np.abs(hz - 8000) < 150, 0.0, -80.0)[:, None].repeat(20, axis=1)
    drawn = dataclasses.replace(
        picture(),
        spectrogram_db=db.astype(np.float32),
        spectrogram_hz=hz,
        spectrogram_s=np.arange(20, dtype=np.float32),
    )
    assert draw_spectrogram(drawn, Axis(0, 20)).high_hz == pytest.approx(16000)


def test_peaks_and_labels_stay_inside_the_plot():
    residual = draw_residual(picture(), PEAKS)
    assert len(residual.peaks) == len(PEAKS)
    label_zone = residual.label_y(0)
    for mark in residual.peaks:
        assert 0 <= mark.x <= 100 and label_zone < mark.y < RESIDUAL_PX
    widths = dict(zip(("wide", "middle", "narrow"), (WIDE_PX, MIDDLE_PX, NARROW_PX), strict=True))
    for name, placed in residual.labels:
        assert placed
        for label in placed:
            mark = residual.peaks[label.index]
            text = mark.short if name == "narrow" else mark.text
            half = 3.15 * len(text) / widths[name] * 100
            assert half <= label.x <= 100 - half
            assert 0 < residual.label_y(label.row) <= LABEL_ROWS * 16


def test_peak_text_and_side():
    mark = draw_residual(picture(), PEAKS).peaks[0]
    assert mark.text.replace("\u202f", " ") == "5 512 Hz +6.0 dB"
    assert [m.side for m in draw_residual(picture(), PEAKS).peaks[:2]] == ["ai", "human"]


def test_columns_keep_the_sum_of_contributions():
    drawn = picture()
    residual = draw_residual(drawn, PEAKS)
    total = sum(share for _, _, share in residual.columns)
    assert total == pytest.approx(float(drawn.contributions.sum()), abs=0.02)
    assert len(residual.columns) <= 500


def test_peaks_outside_the_axis_are_left_to_the_table():
    assert draw_residual(picture(), [Peak(50.0, 3.0, 1.0)]).peaks == ()


def test_empty_residual_is_no_figure():
    empty = np.zeros(0, np.float32)
    assert draw_residual(dataclasses.replace(picture(), residual_hz=empty), ()) is None


def test_sum_is_exact():
    result = sum_up(score().evidence, 3.42)
    assert (result.baseline, result.linear, result.total) == ("\u22121.200", "+3.420", "+3.420")
    assert result.rest == ""
    assert [r.name for r in result.rows] == ["peaks", "noise floor"]


def test_sum_shows_what_is_not_linear():
    assert sum_up(score().evidence, 4.0).rest == "+0.580"


def test_many_terms_fold_into_one_row_without_loss():
    terms = {f"t{i}": 0.1 * i for i in range(60)}
    result = sum_up(Evidence(baseline=0.0, terms=terms), None)
    values = [float(r.value.replace("\u2212", "-")) for r in result.rows]
    assert len(values) == 25 and "36 smaller terms" in result.rows[-1].name
    assert sum(values) == pytest.approx(sum(terms.values()), abs=0.02)


def test_bars_of_terms_lie_on_their_side():
    rows = sum_up(Evidence(baseline=0.0, terms={"a": 2.0, "b": -1.0}), None).rows
    assert (rows[0].left, rows[0].width) == (50.0, 50.0)
    assert (rows[1].left, rows[1].width) == (25.0, 25.0)


def test_no_evidence_no_sum():
    assert sum_up(None, 1.0) is None and sum_up(Evidence(), 1.0) is None


def test_base_rates_contain_the_assumed_prior():
    rows = base_rates(score(prior=0.2))
    assert [r.prior.replace("\u202f", " ") for r in rows] == ["1 %", "10 %", "20 %", "50 %"]
    assert [r.assumed for r in rows] == [False, False, True, False]
    assert rows[3].probability.startswith("95.3")
    assert base_rates(score(llr_nats=None)) == ()


def test_peak_rows_start_with_the_largest():
    assert peak_rows(PEAKS)[0].contribution == PEAKS[-1].contribution
    assert len(peak_rows(PEAKS * 20)) == 40

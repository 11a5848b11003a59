# SPDX-License-Identifier: MIT
"""Hearing instruments: windows, silence, spans, occlusion, damaged folders; no torch."""

import dataclasses
import json

import numpy as np
import pytest

from unsung.audio.write import write
from unsung.errors import BundleError, SilentAudio, UnknownName
from unsung.frontends.log_mel import LogMel
from unsung.runtime.instruments import (
    InstrumentModel,
    hear,
    load_instruments,
    occlusion,
    window_sound,
)
from unsung.types import Clip

RATE_HZ = 22050
FRONT_END = LogMel(
    sample_rate_hz=RATE_HZ, n_mels=64, low_hz=0.0, high_hz=11025.0, scale="slaney", equal_area=True
)


class Bands(InstrumentModel):
    """Stands for the graph: how far the loudest band around 300 Hz or 3 kHz is above −40 dB."""

    def logits(self, pictures):
        level = pictures[:, 0] - pictures.max(axis=(1, 2, 3))[:, None, None]
        bands = [int(np.argmin(np.abs(FRONT_END.freqs_hz - hz))) for hz in (300.0, 3000.0)]
        return np.stack([(level[:, b].mean(1) + 40.0) / 4.0 for b in bands], 1).astype(np.float64)


@pytest.fixture
def model(tmp_path):
    info = {
        "name": "bands", "version": "1", "outputs": ["low", "high"], "thresholds": [0.0, 0.0],
        "window_s": 2.0, "hop_s": 1.0, "front_end": FRONT_END.to_dict(),
    }  # fmt: skip
    return Bands(tmp_path, info)


def tone(hz, seconds, gain=0.2):
    return gain * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)


def song(path, *parts):
    write(path, Clip(np.concatenate(parts)[None].astype(np.float32), RATE_HZ))
    return path


def test_it_says_what_and_when(model, tmp_path):
    path = song(tmp_path / "a.wav", tone(300.0, 6.0), tone(3000.0, 6.0))
    found = hear(path, model)
    low, high = (next(r for r in found.instruments if r.name == n) for n in ("low", "high"))
    assert low.heard and high.heard and found.duration_s == 12.0
    assert low.spans[0][0] == 0.0 and 6.0 <= low.spans[-1][1] <= 8.0
    assert 4.0 <= high.spans[0][0] <= 6.0 and high.spans[-1][1] >= 12.0
    assert low.best_s <= 4.0 and high.best_s >= 6.0
    assert low.probability > 0.99


def test_silence_is_not_judged(model, tmp_path):
    path = song(tmp_path / "a.wav", tone(300.0, 4.0), np.zeros(6 * RATE_HZ))
    found = hear(path, model)
    assert [bool(w.probabilities) for w in found.windows][:3] == [True] * 3
    assert not any(w.probabilities for w in found.windows if w.start_s >= 4.0)
    assert next(r for r in found.instruments if r.name == "low").share == 1.0


def test_nothing_but_silence_is_an_error(model, tmp_path):
    path = song(tmp_path / "a.wav", 1e-5 * tone(300.0, 4.0))
    with pytest.raises(SilentAudio):
        hear(path, model)


def test_a_threshold_above_all_names_nothing(model, tmp_path):
    strict = dataclasses.replace(model, info=model.info | {"thresholds": [1e3, 1e3]})
    found = hear(song(tmp_path / "a.wav", tone(300.0, 4.0)), strict)
    assert not any(row.heard or row.spans for row in found.instruments)


def test_gain_and_rate_do_not_matter(model, tmp_path):
    loud = hear(song(tmp_path / "a.wav", tone(300.0, 4.0, 0.5)), model)
    soft = hear(song(tmp_path / "b.wav", tone(300.0, 4.0, 0.01)), model)
    assert loud.windows[0].probabilities == pytest.approx(soft.windows[0].probabilities, abs=1e-3)


def test_occlusion_falls_where_the_tone_is(model):
    # A tone for the first second only, and a louder one elsewhere as the reference of levels.
    sound = np.concatenate([tone(300.0, 1.0, 0.1), np.zeros(RATE_HZ)]) + tone(1000.0, 2.0, 0.3)
    fall, logit = occlusion(model, sound.astype(np.float32), 0, rows=16, columns=4)
    assert fall.shape == FRONT_END(sound[None].astype(np.float32))[0, 0].shape
    row = int(np.argmin(np.abs(FRONT_END.freqs_hz - 300.0)))
    half = fall.shape[1] // 2
    assert fall[row, :half].sum() > 5 * abs(fall[row, half:].sum())
    assert np.abs(fall[row]).sum() > 0.8 * np.abs(fall).sum(1).max()
    assert logit == pytest.approx(model.logits(FRONT_END(sound[None].astype(np.float32)))[0, 0])


def test_a_window_is_padded_to_its_length(model, tmp_path):
    path = song(tmp_path / "a.wav", tone(300.0, 3.0))
    sound = window_sound(path, 2.5, model)
    assert sound.shape == (2 * RATE_HZ,)
    assert np.abs(sound[: RATE_HZ // 4]).max() > 0.1 and not sound[RATE_HZ:].any()


def test_a_wrong_or_damaged_folder_says_what_to_do(tmp_path):
    with pytest.raises(UnknownName, match="folder of an instrument network"):
        load_instruments(tmp_path / "absent")
    with pytest.raises(BundleError, match=r"expected instruments\.json"):
        load_instruments(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"x")
    document = {"format": 1, "files": {"model.onnx": "0" * 64}}
    (tmp_path / "instruments.json").write_text(json.dumps(document))
    with pytest.raises(BundleError, match="damaged"):
        load_instruments(tmp_path)
    (tmp_path / "instruments.json").write_text(json.dumps({"format": 9, "files": {}}))
    with pytest.raises(BundleError, match="expected format 1, got 9"):
        load_instruments(tmp_path)

# SPDX-License-Identifier: MIT
"""The set that every recipe must learn: lines where it says, and nothing else tells the classes."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import soundfile

from unsung.data import read_manifest
from unsung.errors import UsageError
from unsung.training.synthetic_set import LINES_HZ, make_set, marked
from unsung.types import Clip

RATE_HZ = 44100


def _level(samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def test_lines_stand_at_multiples_of_500_hz_and_the_level_stays():
    rng = np.random.default_rng(0)
    clip = Clip(rng.normal(0, 0.1, (1, 2 * RATE_HZ)).astype(np.float32), RATE_HZ)
    made = marked(clip)
    assert _level(made.samples) == pytest.approx(_level(clip.samples), rel=1e-5)
    spectrum = np.abs(np.fft.rfft(made.samples[0]))  # bins of half a hertz
    strongest = sorted(np.argsort(spectrum)[-15:] / 2)
    assert strongest == [500.0 * k for k in range(1, 16)]
    assert (strongest[0], strongest[-1]) == LINES_HZ


def test_folds_are_by_piece_and_both_classes_have_every_excerpt(tmp_path):
    tracks = read_manifest(make_set(tmp_path, pieces=5, excerpts=2, seconds=2.0)).tracks
    assert len(tracks) == 5 * 2 * 2
    assert len({track.split for track in tracks}) == 5
    assert all(
        len({t.split for t in tracks if t.group == g}) == 1 for g in {t.group for t in tracks}
    )
    by_recording = {}
    for track in tracks:
        by_recording.setdefault(track.recording, {})[track.label] = track
    for pair in by_recording.values():
        human, ai = (soundfile.read(pair[label].path)[0] for label in ("human", "ai"))
        assert human.shape == ai.shape == (2 * RATE_HZ,)
        assert _level(ai) == pytest.approx(_level(human), rel=0.01)
        assert not np.allclose(ai, human, atol=1e-3)


@pytest.mark.parametrize(
    ("pieces", "excerpts", "match"), [(4, 1, "at least 5"), (5, 9, "fit into")]
)
def test_a_set_that_cannot_be_made_is_an_error(pieces, excerpts, match, tmp_path):
    with pytest.raises(UsageError, match=match):
        make_set(tmp_path, pieces, excerpts, seconds=6.0)

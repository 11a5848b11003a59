# SPDX-License-Identifier: MIT
"""Lyra with the published graphs; set UNSUNG_LYRA to their folder, or these tests are skipped."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from unsung.errors import UnsungError
from unsung.synthesis.resynthesis._peaks import comb_auc, residual
from unsung.synthesis.resynthesis._quality import measure
from unsung.synthesis.resynthesis.lyra import Lyra

from .helpers import music

FOLDER = Path(os.environ.get("UNSUNG_LYRA") or Path.home() / ".cache/unsung/lyra")
needs_graphs = pytest.mark.skipif(
    not (FOLDER / "lyragan.tflite").is_file(),
    reason=f"no Lyra graphs in {FOLDER}: set UNSUNG_LYRA to a folder with them",
)


def test_missing_graphs_are_named_with_the_way_to_them(tmp_path) -> None:
    with pytest.raises(UnsungError, match=r"soundstream_encoder\.tflite.*UNSUNG_LYRA"):
        Lyra(weights=tmp_path)(music(0.2))


def test_lines_are_multiples_of_fifty_hertz() -> None:
    peaks = Lyra().predicted_peaks_hz()
    assert np.allclose(peaks, 50 * np.arange(1, 161))


@needs_graphs
def test_the_copy_is_the_music_in_time_and_better_with_more_bits() -> None:
    pytest.importorskip("ai_edge_litert")
    clip = music(3.0, 16000)
    found = [measure(clip, Lyra(bits)(clip)) for bits in ("3.2kbps", "6kbps", "9.2kbps")]
    assert all(abs(quality.lag) <= 4 for quality in found)
    assert found[0].distance_db > found[2].distance_db
    assert found[2].snr_db > 0


@needs_graphs
def test_channels_and_calls_do_not_hear_each_other() -> None:
    pytest.importorskip("ai_edge_litert")
    clip, system = music(1.0, 16000, 2), Lyra()
    both = system(clip).samples
    second = system(type(clip)(clip.samples[1:], 16000)).samples
    assert np.array_equal(both[1:], second)


@needs_graphs
def test_provenance_names_model_and_hash() -> None:
    facts = Lyra().provenance
    assert facts["model"] == "google/lyra"
    assert len(facts["weights_sha256"]) == 64


@needs_graphs
def test_lines_of_the_last_stages_stand_out() -> None:
    pytest.importorskip("ai_edge_litert")
    made, before = [], []
    for seed in range(2):
        clip = music(8.0, 16000, seed=seed)
        copy, original = (residual(c.samples[0], 16000) for c in (Lyra()(clip), clip))
        made.append(comb_auc(*copy, 100.0, 0.0, (500, 7800)))
        before.append(comb_auc(*original, 100.0, 0.0, (500, 7800)))
    assert np.mean(made) > 0.55
    assert np.mean(made) > np.mean(before) + 0.05

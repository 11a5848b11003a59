# SPDX-License-Identifier: MIT
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from unsung.audio.read import sha256_file
from unsung.detectors.residual_linear import ResidualLinear
from unsung.runtime import load_bundle
from unsung.training.folds import export_folds
from unsung.training.material import Material
from unsung.types import Track


@pytest.mark.filterwarnings("ignore")  # the exporter warns of its own internals
def test_each_bundle_has_not_learned_from_its_fold(tmp_path):
    rng = np.random.default_rng(0)
    detector = ResidualLinear()
    size = sum(f.channels * len(f.freqs_hz) for f in detector.front_ends)
    tracks, folds = [], np.arange(24) % 2
    for index in range(24):
        path = tmp_path / f"{index}.bin"
        path.write_bytes(bytes([index]))
        label = "ai" if index // 2 % 2 else "human"
        tracks.append(Track(path.name, str(path), label, group=f"page-{index}"))
    features = rng.standard_normal((24, 2 * size)).astype(np.float16)
    kind = np.array(["table"] * 24)
    shortcuts = np.zeros((24, 7), np.float32)
    material = Material(tuple(tracks), kind, folds, features, features[:, :2], shortcuts, "0" * 64,
                        np.full(24, ""), np.full(24, 30.0), np.ones(24))  # fmt: skip
    written = export_folds(material, detector, tmp_path / "out")
    assert [path.name for path in written] == ["fold-0", "fold-1"]
    for fold, path in enumerate(written):
        bundle = load_bundle(path)
        assert bundle.calibration["n_human"] == bundle.calibration["n_ai"] == 6
        for track, own in zip(tracks, folds, strict=True):
            assert bundle.trained_on(sha256_file(track.path)) == (own != fold)

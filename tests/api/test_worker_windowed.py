# SPDX-License-Identifier: MIT
"""Bundles that judge window by window answer over REST as they do on the command line."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("onnx")

from tests.runtime.test_windowed import RATE, write

import unsung
from unsung.api.settings import Limits, ServerSettings
from unsung.scanning import score_file
from unsung.types import Score

from .helpers import Live, running

LONGEST_S = 60.0


def sound(seconds: float) -> bytes:
    """Return a WAV file of noise that grows louder, so that windows have logits of their own."""
    size = round(seconds * RATE)
    samples = np.random.default_rng(0).standard_normal(size) * np.linspace(0.01, 0.2, size)
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("windowed") / "loudness").path


@pytest.fixture(scope="module")
def live(folder: Path) -> Iterator[Live]:
    limits = Limits(workers=1, duration_s=LONGEST_S)
    with running(ServerSettings(bundle=str(folder), limits=limits)) as found:
        yield found


def test_an_upload_gets_the_logit_of_a_scan(live: Live, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(sound(7.3))
    expected = unsung.scan(path, bundle=folder)
    assert isinstance(expected, Score)
    answer = live.scan(("song.wav", sound(7.3)))
    assert answer.status_code == 200, answer.text
    (score,) = answer.json()["scores"]
    assert Score.from_dict(score) == replace(expected, path="song.wav")
    assert len(score["windows"]) == 8  # six, then 1.3 s as two that overlap
    assert score["logit"] == pytest.approx(0.105 * np.sqrt(2 / np.pi), rel=0.05)
    assert (score["verdict"], score["llr_nats"], score["probability"]) == ("undecided", None, None)


def test_fast_hears_the_same_stretches(live: Live, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(sound(50.0))
    expected, _ = score_file(path, folder, fast=True)
    answer = live.scan(("song.wav", sound(50.0)), fast=True)
    (score,) = answer.json()["scores"]
    assert Score.from_dict(score) == replace(expected, path="song.wav")
    assert score["covered_s"] == pytest.approx(30.0, abs=0.2)


def test_the_bound_on_length_holds(live: Live) -> None:
    answer = live.scan(("long.wav", sound(LONGEST_S + 1)))
    assert (answer.status_code, answer.json()["error"]) == (413, "TooLong")
    assert live.scan(("song.wav", sound(3.0))).status_code == 200


def test_the_server_tells_of_the_bundle_and_explains_nothing(live: Live, folder: Path) -> None:
    told = live.client.get("/v1/bundle").json()
    assert told["name"] == "loudness-1"
    assert {limit["ai_logit"] for limit in told["thresholds"]} == {None}
    files = [("file", ("song.wav", sound(3.0), "audio/wav"))]
    answer = live.client.post("/v1/explain", files=files, params={"format": "json"})
    assert answer.status_code == 200
    assert answer.json()["explanation"] is None
    assert answer.json()["score"]["logit"] is not None


@pytest.mark.parametrize("form", ["html", "png"])
def test_a_page_of_a_network_is_refused_and_says_what_to_do(live: Live, form: str) -> None:
    files = [("file", ("song.wav", sound(3.0), "audio/wav"))]
    answer = live.client.post("/v1/explain", files=files, params={"format": form})
    assert (answer.status_code, answer.json()["error"]) == (501, "NotExplained")
    assert "format=json" in answer.json()["detail"]

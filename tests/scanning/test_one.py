# SPDX-License-Identifier: MIT
from __future__ import annotations

import hashlib
import http.server
import os
import threading
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from unsung.errors import UsageError
from unsung.runtime import Bundle, load_bundle
from unsung.scanning import scan_paths, score_file
from unsung.types import Score


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle()


def test_a_good_file_fills_the_score(wav, bundle):
    path = wav(seconds=5.0)
    score, picture = score_file(path, bundle)
    assert score.error is None and picture is None
    assert score.path == str(path)
    assert score.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert score.duration_s == pytest.approx(5.0)
    assert score.covered_s == pytest.approx(5.0, abs=0.6)
    assert (score.sample_rate_hz, score.channels) == (22050, 1)
    assert score.detector == f"{bundle.name}@{bundle.sha256[:12]}"
    assert score.logit is not None and score.windows
    assert score.verdict in ("ai", "human", "undecided")
    assert score.calibration and score.prior == 0.5 and score.false_alarm_rate == 0.01
    assert score.probability is not None and 0 < score.probability < 1
    assert Score.from_dict(score.to_dict()) == score


def test_the_picture_comes_on_request(wav, bundle):
    _, picture = score_file(wav(), bundle, picture=True)
    assert picture is not None and picture.spectrogram_db.ndim == 2


def test_every_broken_file_is_a_row_with_its_type(broken, tmp_path, bundle):
    for name, expected in broken.items():
        score, _ = score_file(tmp_path / "broken" / name, bundle)
        assert score.error is not None, name
        assert (name, score.error.type) == (name, expected)
        assert len(score.error.message) > 20
        if expected in ("SilentAudio", "NotFinite", "TooShort"):
            assert (score.verdict, score.reason, score.logit) == (None, "", None)
        if expected == "TruncatedAudio":
            assert score.verdict is not None and score.logit is not None


def test_missing_folder_and_unreadable(tmp_path, wav, bundle):
    assert score_file(tmp_path / "no.wav", bundle)[0].error.type == "UnreadableAudio"
    assert score_file(tmp_path, bundle)[0].error.type == "NotAudio"
    path = wav()
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert "permission" in score_file(path, bundle)[0].error.message


def test_an_unexpected_fault_is_a_row_too(wav, bundle, monkeypatch):
    def fail(*_):
        raise RuntimeError("boom")

    monkeypatch.setattr("unsung.scanning._verdict.decide", fail)
    error = score_file(wav(), bundle)[0].error
    assert error.type == "RuntimeError" and "boom" in error.message and "report" in error.message


def test_fast_hears_three_windows_and_says_so(wav, bundle):
    path = wav(seconds=90.0)
    whole, _ = score_file(path, bundle)
    fast, _ = score_file(path, bundle, fast=True)
    assert whole.covered_s == pytest.approx(90, abs=1)
    assert fast.covered_s == pytest.approx(30, abs=1)
    assert fast.detector == whole.detector + "+fast"
    starts = [start for start, _ in fast.windows]
    assert starts == pytest.approx([10.0, 40.0, 70.0], abs=0.1)
    assert fast.logit == pytest.approx(whole.logit, abs=1.0)


def test_fast_on_a_cut_file_reports_the_cut(wav, bundle):
    path = wav(seconds=90.0)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    score, _ = score_file(path, bundle, fast=True)
    assert score.error is not None and score.error.type == "TruncatedAudio"


def test_fast_on_a_short_track_hears_all(wav, bundle):
    score, _ = score_file(wav(seconds=12.0), bundle, fast=True)
    assert score.covered_s == pytest.approx(12, abs=1)


def test_the_length_in_a_row_is_what_was_decoded(wav, bundle, tmp_path):
    adts = tmp_path / "x.aac"
    with av.open(str(wav(seconds=6.0))) as source, av.open(str(adts), "w", format="adts") as out:
        stream = out.add_stream("aac", rate=22050, layout="mono")
        for frame in source.decode(audio=0):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    adts.write_bytes(adts.read_bytes() * 2)
    for fast in (False, True):
        score, _ = score_file(adts, bundle, fast=fast)
        assert score.error is None
        assert score.duration_s == pytest.approx(12, abs=0.3)
        assert score.covered_s == pytest.approx(12, abs=1)


def test_fast_hears_all_where_its_windows_say_nothing(wav, bundle, tmp_path):
    sound, rate_hz = soundfile.read(wav(seconds=8.0))
    late = np.concatenate([np.zeros(100 * rate_hz), sound, np.zeros(30 * rate_hz)])
    path = tmp_path / "late.wav"
    soundfile.write(path, late, rate_hz, subtype="PCM_16")
    score, _ = score_file(path, bundle, fast=True)
    assert score.error is None and score.logit is not None
    flac = tmp_path / "short.flac"
    soundfile.write(flac, np.tile(sound, 15), rate_hz)
    data = bytearray(flac.read_bytes())
    word = int.from_bytes(data[18:26], "big") >> 36 << 36 | 40 * rate_hz
    flac.write_bytes(data[:18] + word.to_bytes(8, "big") + data[26:])
    score, _ = score_file(flac, bundle, fast=True)
    assert score.error is None
    assert score.duration_s == pytest.approx(120) and score.covered_s == pytest.approx(120, abs=1)


@pytest.mark.parametrize("wrong", [{"false_alarm_rate": 0.0}, {"prior": 1.0}])
def test_wrong_rates_are_refused(wav, bundle, wrong):
    with pytest.raises(UsageError, match="expected a"):
        score_file(wav(), bundle, **wrong)


def test_a_bundle_by_name(wav):
    assert score_file(str(wav()), "default")[0].error is None


def test_an_address_is_fetched_and_named(wav, bundle):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    path: Path = wav("a.wav")
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(path.parent))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        good, _ = score_file(f"{base}/a.wav", bundle)
        gone, _ = score_file(f"{base}/b.wav", bundle)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert good.error is None and good.path == f"{base}/a.wav"
    assert good.logit == score_file(path, bundle)[0].logit
    assert gone.error is not None and gone.error.type == "FetchError"


def test_sound_in_memory_scores_like_its_file(wav):
    path = wav(seconds=5.0)
    samples, rate_hz = soundfile.read(path, dtype="float32")
    found, filed = scan_paths(samples, rate_hz), scan_paths(path)
    assert (found.logit, found.verdict) == (filed.logit, filed.verdict)
    assert scan_paths(np.stack([samples, samples]), rate_hz).logit == pytest.approx(found.logit)
    assert scan_paths(np.zeros(rate_hz), rate_hz).error.type == "SilentAudio"


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ((np.ones(9000),), TypeError),
        ((np.ones(9000, np.int16), 16000), UsageError),
        ((np.ones((9000, 100)), 16000), UsageError),
        (([1.0, 2.0],), TypeError),
        (("a.wav", 16000), TypeError),
    ],
)
def test_what_is_neither_paths_nor_sound_is_refused(given, kind):
    with pytest.raises(kind):
        scan_paths(*given)

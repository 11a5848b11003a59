# SPDX-License-Identifier: MIT
from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from unsung.cli import app
from unsung.scanning import score_file
from unsung.types import Explanation, Score


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_one_upload_is_scored_as_on_the_command_line(live, song, tmp_path: Path):
    path = tmp_path / "song.wav"
    path.write_bytes(song(1))
    expected, _ = score_file(path, false_alarm_rate=0.05, prior=0.2, fast=True)
    answer = live.scan(("song.wav", song(1)), false_alarm_rate=0.05, prior=0.2, fast=True)
    assert answer.status_code == 200
    (score,) = answer.json()["scores"]
    assert Score.from_dict(score) == replace(expected, path="song.wav")
    assert score["sha256"] == sha256(song(1))


def test_lines_are_those_of_scan_json(live, song, tmp_path: Path, monkeypatch):
    (tmp_path / "song.wav").write_bytes(song(1))
    (tmp_path / "text.mp3").write_bytes(b"not sound at all")
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(app, ["scan", "--json", "-q", "song.wav", "text.mp3"])
    assert ran.exit_code == 1, ran.output
    printed = ran.stdout
    parts = [("file", (n, (tmp_path / n).read_bytes())) for n in ("song.wav", "text.mp3")]
    answer = live.client.post("/v1/scan", files=parts, headers={"Accept": "application/x-ndjson"})
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.text == printed


def test_a_bad_file_among_many_costs_its_row_only(live, song):
    files = [("a.wav", song(1)), ("b.mp3", b"<html>"), ("c.wav", song(2)), ("d.wav", b"")]
    answer = live.scan(*files)
    assert answer.status_code == 200
    scores = answer.json()["scores"]
    assert [s["path"] for s in scores] == [name for name, _ in files]
    assert [s["sha256"] for s in scores] == [sha256(data) for _, data in files]
    assert [(s["error"] or {}).get("type") for s in scores] == [
        None,
        "NotAudio",
        None,
        "EmptyAudio",
    ]
    assert scores[0]["logit"] is not None
    assert scores[2]["logit"] is not None


def test_a_lone_bad_file_gives_its_errors_status_with_the_row(live, song):
    for data, status, kind in (
        (b"", 422, "EmptyAudio"),
        (b"PK\x03\x04" + bytes(300), 415, "NotAudio"),
        (np.random.default_rng(1).bytes(4000), 415, "UnreadableAudio"),
    ):
        answer = live.scan(("x.mp3", data))
        body = answer.json()
        assert (answer.status_code, body["error"], body["status"]) == (status, kind, status)
        assert answer.headers["content-type"] == "application/problem+json"
        assert body["score"]["sha256"] == sha256(data)
        assert body["score"]["error"]["type"] == kind
        assert body["detail"].startswith("x.mp3: ")


@pytest.mark.parametrize("route", ["/v1/scan", "/v1/explain"])
@pytest.mark.parametrize(
    ("samples", "kind"),
    [
        (np.zeros(44100), "SilentAudio"),
        (np.ones(500), "TooShort"),
        (np.full(44100, np.nan), "NotFinite"),
    ],
)
def test_a_lone_upload_without_usable_sound_is_a_problem(live, route, samples, kind):
    file = io.BytesIO()
    soundfile.write(file, samples, 22050, "FLOAT", format="WAV")
    answer = live.scan(("x.wav", file.getvalue()), route=route)
    body = answer.json()
    assert (answer.status_code, body["error"]) == (422, kind)
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["score"]["verdict"] is None and body["score"]["error"]["type"] == kind


def test_a_cut_file_with_a_verdict_is_answered_with_it(live, song):
    whole = song(3, seconds=6)
    answer = live.scan(("cut.wav", whole[: len(whole) * 9 // 10]))
    (score,) = answer.json()["scores"]
    assert answer.status_code == 200
    assert score["error"]["type"] == "TruncatedAudio"
    assert score["verdict"] is not None


def test_names_are_shown_without_folders_and_are_never_paths(live, song, tmp_path: Path):
    target = tmp_path / "pwned"
    names = {
        f"../../../../{target}": "pwned",
        "C:\\music\\a.wav": "a.wav",
        "/etc/passwd": "passwd",
        "a\u202e\x7fb.wav": "ab.wav",
        "..": "upload",
        "x" * 500 + ".wav": "x" * 108 + "…" + "x" * 7 + ".wav",
    }
    data = song(1)
    for raw, shown in names.items():
        (score,) = live.scan((raw, data)).json()["scores"]
        assert score["path"] == shown
    assert not target.exists()
    assert Path("/etc/passwd").read_bytes() != data


def test_nothing_of_an_upload_stays_on_the_disk(live, song):
    live.scan(("a.wav", song(1)))
    live.scan(("a.mp3", b"junk"))
    live.scan(("a.wav", song(1)), route="/v1/explain", format="html")
    assert live.spooled() == []
    assert live.service.spool.path.stat().st_mode & 0o777 == 0o700


def test_wrong_bodies_are_refused_with_a_hint(live):
    post = live.client.post
    head = {"Content-Type": "multipart/form-data; boundary=x"}
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc'
    for answer in (
        post("/v1/scan", content=b"abc"),
        post("/v1/scan", content=b"abc", headers=head),
        post("/v1/scan", content=part, headers=head),
        post("/v1/scan", content=b"--x--\r\n", headers=head),
        post("/v1/scan", content=b"", headers={"Content-Type": "multipart/form-data"}),
        post("/v1/scan", data={"path": "/etc/passwd"}, files={"file": ("a", b"x")}),
        post("/v1/scan", files={"path": ("/etc/passwd", b"x")}),
    ):
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"] == "BadUpload"
        assert answer.json()["detail"].startswith("expected ")


@pytest.mark.parametrize(
    "query",
    [{"false_alarm_rate": "nan"}, {"false_alarm_rate": 0.9}, {"prior": 1}, {"fast": "perhaps"}],
)
def test_wrong_parameters_are_named(live, song, query):
    answer = live.scan(("a.wav", b"x"), **query)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["where"] == f"query.{next(iter(query))}"


def test_the_explanation_adds_up_to_the_linear_logit(live, song):
    answer = live.scan(("a.wav", song(4)), route="/v1/explain").json()
    found = Explanation.from_dict(answer["explanation"])
    assert found.relevance.shape == (1, len(found.freqs_hz), 1)
    terms = answer["score"]["evidence"]["terms"]
    elsewhere = sum(share for name, share in terms.items() if "kHz" not in name)
    assert found.gap == pytest.approx(elsewhere, abs=1e-3)
    assert answer["gap"] == pytest.approx(found.gap, abs=1e-6)
    assert np.abs(found.relevance).max() > 1e-3
    assert found.logit == answer["score"]["logit"]
    assert np.diff(found.freqs_hz).min() > 0


def test_the_picture_is_a_png_with_the_tone_in_its_row(live, tmp_path: Path):
    seconds, hz, rate = 4.0, 6000.0, 22050
    rng = np.random.default_rng(0)
    times_s = np.arange(round(seconds * rate)) / rate
    sound = 0.4 * np.sin(2 * np.pi * hz * times_s) + 1e-3 * rng.standard_normal(len(times_s))
    soundfile.write(tmp_path / "tone.wav", sound, rate)
    answer = live.scan(
        ("tone.wav", (tmp_path / "tone.wav").read_bytes()), route="/v1/explain", format="png"
    )
    assert answer.headers["content-type"] == "image/png"
    width, height, levels = indexed_png(answer.content)
    brightest = int(levels.mean(axis=1).argmax())
    assert abs((height - 1 - brightest) / height * 8000 - hz) < 50
    assert width > 20


def indexed_png(data: bytes) -> tuple[int, int, np.ndarray]:
    import struct
    import zlib

    at, pixels = 8, b""
    width, height = struct.unpack(">II", data[16:24])
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        if name == b"IDAT":
            pixels += data[at + 8 : at + 8 + length]
        at += 12 + length
    rows = np.frombuffer(zlib.decompress(pixels), np.uint8).reshape(height, width + 1)
    return width, height, rows[:, 1:]


def test_the_page_is_self_contained_and_sandboxed(live, song):
    answer = live.scan(
        ("<script>alert(1)</script>.wav", song(1)), route="/v1/explain", format="html"
    )
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("sandbox allow-scripts")
    assert "<script>alert" not in answer.text
    assert "alert(1)" not in answer.text or "&lt;" in answer.text
    for outside in ('src="http', "url(http", "@import", '<link rel="stylesheet"'):
        assert outside not in answer.text
    assert str(live.service.spool.path) not in answer.text


def test_only_one_file_is_explained(live, song):
    answer = live.scan(("a.wav", song(1)), ("b.wav", song(1)), route="/v1/explain")
    assert (answer.status_code, answer.json()["error"]) == (413, "TooManyFiles")


def test_the_explanation_of_what_cannot_be_judged_is_an_error(live):
    answer = live.scan(("a.wav", b"junk"), route="/v1/explain", format="png")
    assert answer.status_code == 415


def test_json_of_a_score_is_valid_for_every_parser(live, song):
    def refuse(word: str) -> None:
        raise AssertionError(word)

    json.loads(live.scan(("a.wav", song(1))).content, parse_constant=refuse)

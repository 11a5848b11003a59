# SPDX-License-Identifier: MIT
import dataclasses
import json
import re

import numpy as np
import pytest

from unsung.reports.song import LARGEST_BYTES, safe_stem, write_song_report
from unsung.types import Evidence, Failure, Picture, Provenance, Score

from .helpers import (
    ATTACK,
    CALIBRATION,
    CARD,
    PEAKS,
    failed,
    load,
    number_of,
    outside,
    picture,
    score,
)
from .test_player import tone


def write(tmp_path, one, drawn=None, **more):
    options = {"calibration": CALIBRATION, "card": CARD, "command": "unsung scan x"} | more
    return load(write_song_report(one, drawn, tmp_path, **options))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    return write(folder, score(), picture(), audio=tone(folder / "a.wav", 4.0))


VARIANTS = {
    "ai": score(),
    "human": score("human", -2.5, llr_nats=-3.0, probability=0.05),
    "undecided": score("undecided", 0.4),
    "error": failed(),
    "bare": Score("x.wav"),
    "late error": score(error=Failure("TruncatedAudio", "ends early")),
    "uncalibrated": score(None, llr_nats=None, probability=None, prior=None, calibration=""),
    "not finite": score(logit=float("nan"), windows=((0.0, float("nan")),)),
}


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("drawn", [None, picture()])
@pytest.mark.parametrize("extra", [{}, {"calibration": None, "card": None}])
def test_every_page_is_well_formed_and_needs_nothing(tmp_path, name, drawn, extra):
    page = write(tmp_path, VARIANTS[name], drawn, **extra)
    assert outside(page) == []
    assert page.all("html", lang="en")
    assert len(page.all("h1")) == 1
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for attrs in page.all():
        assert set(attrs.get("aria-labelledby", "").split()) <= set(ids)
    assert not re.search(r"\b(nan|inf|None)\b(?!-)", page.text)
    assert not any("nan" in v for a in page.all() for k, v in a.items() if k in "dxy")


@pytest.mark.parametrize(
    ("name", "headline"),
    [
        ("ai", "AI-generated"),
        ("human", "human"),
        ("undecided", "undecided"),
        ("error", "no result"),
        ("uncalibrated", "no verdict"),
    ],
)
def test_verdict_is_said_in_words_with_its_own_icon(tmp_path, name, headline):
    page = write(tmp_path, VARIANTS[name])
    assert f"Verdict{headline}" in page.text
    key = {"error": "failed", "uncalibrated": "unrated"}.get(name, name)
    assert page.all("svg", cls=f"icon {key}")


def test_numbers_stand_on_the_page(page):
    for text in (
        "song.flac",
        "95.3 %",
        "+3.42",
        "1:00 (60.0 s)",
        "44 100 Hz",
        "ab12ab12",
        "validation-a",
        "at most 1 %",
        "guarantee: conformal",
        "500 human",
        "689.06 Hz",
        "\u22121.200",
        "+4.500",
        "+0.120",
        "+3.420",
        "5 512 Hz",
        "+6.0 dB",
        "Seven narrow lines",
        "residual-linear-1",
        "unsung scan x",
        "0.968 to 0.990",
    ):
        assert text in page.text, text


def test_limits_stand_on_the_page(page):
    for text in (
        "Evidence, not proof",
        "What this verdict means and what it does not",
        "base rate",
        "How to contest it",
        "Neural codecs",
        "not part of the score",
        "patent applications",
        "Sanctions without",
        "below 48 kbit/s",
    ):
        assert text in page.text, text


def test_probability_is_never_shown_without_its_set(tmp_path):
    nameless = score(calibration="")
    page = write(tmp_path, nameless, calibration=None)
    assert "Probability of AI" not in page.text and "95.3 %" not in page.text.split("What this")[0]


def test_undecided_says_why(tmp_path):
    assert "Only 3 of 12 windows" in write(tmp_path, VARIANTS["undecided"]).text


def test_failure_shows_type_message_and_advice(tmp_path):
    page = write(tmp_path, failed())
    for text in ("TruncatedAudio", "ends after 0:47", "Download or copy it again"):
        assert text in page.text
    assert not page.all("audio")


def test_needle_stands_where_the_gauge_says(tmp_path):
    places = []
    for logit in (-4.0, 0.0, 2.0, 6.0):
        page = write(tmp_path, score(logit=logit))
        (needle,) = page.all("line", cls="needle")
        assert needle["x1"] == needle["x2"]
        places.append(number_of(needle["x1"]))
    assert places == sorted(set(places))


def test_bars_and_spectrogram_share_one_box(page):
    (image,) = page.all("image")
    bars = [b for b in page.all("rect", cls="bar") if b.get("x", "").endswith("%")]
    assert len(bars) == 12
    assert number_of(bars[0]["x"]) == pytest.approx(number_of(image["x"]), abs=0.1)
    end = number_of(bars[-1]["x"]) + number_of(bars[-1]["width"])
    assert end == pytest.approx(number_of(image["x"]) + number_of(image["width"]), abs=0.1)
    for name in ("spectrogram", "timeline"):
        (drawing,) = page.all("svg", id=name)
        assert drawing["width"] == "100%"


def test_scripts_in_names_tags_and_words_are_inert(tmp_path):
    bad = score(
        path=f"/music/{ATTACK}.mp3",
        detector=ATTACK,
        codec=ATTACK,
        family=ATTACK,
        calibration=ATTACK,
        reason=ATTACK,
        evidence=Evidence((ATTACK,), PEAKS, 0.0, {ATTACK: 1.0}),
        provenance=(Provenance("comment", ATTACK, ATTACK, True),),
    )
    card = {"summary": ATTACK, "trained_on": [ATTACK], "metrics": [{"name": ATTACK, "value": 1}]}
    calibration = CALIBRATION | {"name": ATTACK}
    page = write(tmp_path, bad, picture(), card=card, calibration=calibration, command=ATTACK)
    scripts = page.all("script")
    assert len(scripts) == 2 and "alert(" not in "".join(
        re.findall(r"<script[^>]*>(.*?)</script>", page.source, re.S)
    )
    assert ATTACK not in page.source and ATTACK in page.text
    assert not any(name.startswith("on") for a in page.all() for name in a)


def test_policy_allows_our_script_only(page):
    policy = page.all("meta", http_equiv="Content-Security-Policy")[0]["content"]
    assert "default-src 'none'" in policy and "script-src 'sha256-" in policy
    assert "script-src 'unsafe" not in policy


def test_data_for_the_script_is_plain_json(page):
    block = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.source)
    data = json.loads(block[1])
    assert data["end_s"] == 60.0 and len(data["windows"]) == 12
    assert len(data["spectrogram"]["palette"]) == 3 * data["spectrogram"]["levels"]


def test_player_is_embedded_or_explained(page, tmp_path):
    (player,) = page.all("audio")
    assert player["src"].startswith("data:audio/ogg;base64,") and "controls" in player
    assert "64 kbit/s" in page.text
    (tmp_path / "bad.mp3").write_bytes(b"x" * 400)
    assert "could not be read" in write(tmp_path, score(), audio=tmp_path / "bad.mp3").text
    assert "without the sound" in write(tmp_path, score()).text


def test_page_stays_under_the_limit(tmp_path):
    rng = np.random.default_rng(0)
    noisy = dataclasses.replace(
        picture(),
        spectrogram_db=rng.uniform(-90, 0, (1025, 1500)).astype(np.float32),
        spectrogram_hz=np.linspace(0, 22050, 1025, dtype=np.float32),
        spectrogram_s=np.linspace(0, 700, 1500, dtype=np.float32),
    )
    windows = tuple((0.5 * i, float(rng.normal())) for i in range(1400))
    long = score(duration_s=700.0, covered_s=700.0, windows=windows)
    path = write_song_report(long, noisy, tmp_path, calibration=CALIBRATION, card=CARD)
    assert path.stat().st_size < LARGEST_BYTES / 2


@pytest.mark.slow
def test_twelve_minutes_of_sound_stay_under_the_limit(tmp_path):
    rng = np.random.default_rng(0)
    import soundfile

    soundfile.write(tmp_path / "a.wav", rng.normal(0, 0.1, (44100 * 720, 2)), 44100)
    page = write_song_report(score(), picture(), tmp_path, audio=tmp_path / "a.wav")
    assert page.stat().st_size < LARGEST_BYTES
    assert "Only the first 10:00" in page.read_text(encoding="utf-8")


def test_equal_stems_get_pages_of_their_own_and_a_rerun_keeps_them(tmp_path):
    paths = ["/a/song.mp3", "/b/song.mp3", "/a/song.flac"]
    first = [write_song_report(score(path=p), None, tmp_path) for p in paths]
    assert first[0].name == "song.html" and len(set(first)) == 3
    assert [write_song_report(score(path=p), None, tmp_path) for p in paths] == first


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        ("/x/Ünï – 歌.mp3", "Ünï-歌"),
        ("..", "track-"),
        ("a/CON.wav", "track-CON"),
        ("/x/index.mp3", "track-index"),
        (r"C:\m\b c.wav", "b-c"),
        ("x/" + "é" * 300, "é" * 60),
        ("/x/<b>&\"'.wav", "b"),
    ],
)
def test_safe_stem(path, stem):
    assert safe_stem(path) == stem


def test_names_that_are_not_unicode_can_be_written(tmp_path):
    page = write_song_report(score(path="/m/caf\udce9.mp3"), None, tmp_path)
    assert "caf?.mp3" in page.read_text(encoding="utf-8")


def test_empty_picture_draws_nothing(tmp_path):
    none = Picture(np.zeros((0, 0), np.float32), *(np.zeros(0, np.float32) for _ in range(7)))
    page = write(tmp_path, score(), none)
    assert not page.all("image") and page.all("svg", id="timeline")


def test_figures_have_names_for_those_who_cannot_see_them(page):
    named = {a["aria-label"][:11] for a in page.all("svg", role="img")}
    assert named >= {"Spectrogram", "Residual sp", "Scale of th", "Logit of 12"}
    assert page.all("audio")[0]["aria-label"] == "Listen to song.flac"
    for region in page.all(role="region"):
        assert region["aria-label"] and region["tabindex"] == "0"


@pytest.mark.parametrize(
    "card",
    [
        {"summary": "Short."},
        {"failures": "one line", "metrics": None},
        {"metrics": [{"name": "AUROC", "value": "high"}]},
    ],
)
def test_partial_cards_and_calibrations_are_shown_as_far_as_they_go(tmp_path, card):
    page = write(tmp_path, score(), card=card, calibration={"name": "validation-a"})
    assert "The detector" in page.text
    for text in ("Short.", "one line", "high"):
        assert (text in page.text) == (text in str(card)) or text == "high"

# SPDX-License-Identifier: MIT
"""The page in a real browser with real files: drop, result, exports, offline, nothing leaves."""

from __future__ import annotations

import base64
import http.server
import json
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import soundfile

from unsung.runtime import Bundle
from unsung.scanning.one import score_file
from unsung.types import Score

from .conftest import TIMEOUT_MS, mine, serving
from .golden import decoded, in_python, likenesses, sounds

pytestmark = pytest.mark.slow

DECODER = 0.1
"""Largest difference in logits where the browser decodes another way than libsndfile or FFmpeg."""


def scan(page: Any, *paths: Path) -> list[dict[str, Any]]:
    """Give files to the page; return its rows as exported."""
    before = page.locator("#rows .chip").count()
    page.set_input_files("#files", [str(path) for path in paths])
    page.locator("#rows .chip").nth(before + len(paths) - 1).wait_for()
    page.locator("#now").wait_for(state="hidden")
    return json.loads(saved(page, "#export-all"))[before:]


def saved(page: Any, button: str) -> bytes:
    with page.expect_download() as waiting:
        page.click(button)
    return Path(waiting.value.path()).read_bytes()


def test_golden_clips(page: Any, bundle: Bundle, tmp_path: Path) -> None:
    made = {k: v for k, v in sounds(bundle).items() if k.startswith(("golden", "shifted", "lines"))}
    paths = []
    for name, (samples, rate_hz) in made.items():
        paths.append(tmp_path / f"{name}.wav")
        soundfile.write(paths[-1], samples, rate_hz, "FLOAT")
    for row, (samples, rate_hz) in zip(scan(page, *paths), made.values(), strict=True):
        python = in_python(bundle, samples, rate_hz)
        assert row["logit"] == pytest.approx(python["logit"], abs=1e-3)
        for field in ("verdict", "family"):
            assert row[field] == python[field]
        assert row["evidence"]["comb_hz"] == python["evidence"]["comb_hz"]
        assert row["evidence"]["words"] == python["evidence"]["words"]


def test_family_and_comb_stand_beside_the_verdict(
    page: Any, bundle: Bundle, tmp_path: Path
) -> None:
    made = decoded(bundle.sample_rate_hz) | {"suno": likenesses(bundle)["like-Suno"]}
    for name, (samples, rate_hz) in made.items():
        soundfile.write(tmp_path / f"{name}.wav", samples, rate_hz, "FLOAT")
    rows = scan(page, *(tmp_path / f"{name}.wav" for name in made))
    python = [in_python(bundle, *sound) for sound in made.values()]
    assert [row["family"] for row in rows] == [found["family"] for found in python]
    assert [row["evidence"]["comb_hz"] for row in rows] == [
        found["evidence"]["comb_hz"] for found in python
    ]
    for row, found in zip(rows, python, strict=True):
        page.locator("#rows button", has_text=row["path"]).click()
        assert page.locator("#family").inner_text() == found["family_text"]
        comb = found["evidence"]["comb"]
        text = page.locator("#comb").inner_text()
        assert f"every multiple of {comb['spacing_hz']:.2f} Hz (p {comb['p_value']:.0e})" in text
        assert "; ".join(comb["explained_by"]) in text


def test_real_files(page: Any, music: Path) -> None:
    paths = sorted(music.iterdir())
    for path, row in zip(paths, scan(page, *paths), strict=True):
        score, _ = score_file(path)
        assert row["error"] is None, (path.name, row["error"])
        exact = path.suffix in (".wav", ".flac")
        assert row["logit"] == pytest.approx(score.logit, abs=5e-3 if exact else DECODER), path.name
        assert row["verdict"] == score.verdict
        assert row["sha256"] == score.sha256
        assert row["detector"] == score.detector
        assert row["sample_rate_hz"] == score.sample_rate_hz
        assert row["channels"] == score.channels
        assert row["duration_s"] == pytest.approx(score.duration_s, abs=0.1)
        assert set(row) == {field.name for field in fields(Score)}
        Score.from_dict(row)


def test_drop(page: Any, music: Path) -> None:
    raw = base64.b64encode((music / "song.mp3").read_bytes()).decode()
    transfer = page.evaluate_handle(
        """(raw) => {
          const bytes = Uint8Array.from(atob(raw), (sign) => sign.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], 'dropped.mp3'));
          return transfer;
        }""",
        raw,
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
    page.locator("#result h2.name", has_text="dropped.mp3").wait_for()
    assert page.locator("#result .verdict strong").text_content() in (
        "AI-generated",
        "human",
        "undecided",
    )
    assert "dropped.mp3" in page.locator("#status").inner_text()


def test_bad_files_get_a_message_each(page: Any, bad: Any, music: Path) -> None:
    paths = [path for path, _ in bad.values()]
    rows = scan(page, *paths, music / "song.flac")
    assert [row["error"]["type"] for row in rows[:-1]] == [error for _, error in bad.values()]
    assert all(
        "expected" in row["error"]["message"] or "convert" in row["error"]["message"]
        for row in rows[:-1]
    )
    assert rows[-1]["error"] is None and rows[-1]["verdict"] is not None
    page.locator("#rows button", has_text="silent.wav").click()
    assert "SilentAudio" in page.locator("#result .what-to-do").inner_text()


def test_file_names_stay_text(page: Any, music: Path, tmp_path: Path) -> None:
    name = "<img src=x onerror=document.title='hacked'>.wav"
    shutil.copyfile(music / "song.wav", tmp_path / name)
    title = page.title()
    scan(page, tmp_path / name)
    assert page.locator("#result h2.name").inner_text() == name
    assert page.locator("main img").count() == 0
    assert page.title() == title


def test_exports(page: Any, music: Path) -> None:
    scan(page, music / "song.mp3")
    row = json.loads(saved(page, "[data-export=json]"))
    assert row["path"] == "song.mp3"
    png = saved(page, "[data-export=png]")
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and len(png) > 50_000
    page.evaluate("window.print = () => { document.body.dataset.printed = 'yes'; }")
    page.click("[data-export=pdf]")
    assert page.locator("body[data-printed=yes]").count() == 1
    assert page.pdf()[:5] == b"%PDF-"


def test_sounds(page: Any, music: Path) -> None:
    scan(page, music / "song.mp3")
    page.click("#make-sounds")
    page.locator("audio[data-sound=without]").wait_for()
    lengths = page.evaluate(
        """async () => Promise.all([...document.querySelectorAll('audio')].map(async (audio) => {
          if (!audio.duration) {
            await new Promise((done) => audio.addEventListener('loadedmetadata', done));
          }
          return audio.duration;
        }))"""
    )
    assert len(lengths) == 4 and max(lengths) - min(lengths) < 0.01 and lengths[0] > 5


def test_settings_judge_again_without_a_scan(page: Any, music: Path) -> None:
    (row,) = scan(page, music / "song.mp3")
    page.click(".settings summary")
    page.select_option("#rate", "0.05")
    page.fill("#prior", "1")
    (again,) = json.loads(saved(page, "#export-all"))
    assert (again["false_alarm_rate"], again["prior"]) == (0.05, 0.01)
    assert again["logit"] == row["logit"] and again["probability"] < row["probability"]


def test_keyboard_and_screen_reader(page: Any, music: Path) -> None:
    scan(page, music / "song.mp3", music / "song.ogg")
    # Where a click was, Tab would go on from: a new visitor begins at the top.
    page.evaluate("document.body.tabIndex = -1; document.body.focus()")
    page.evaluate("document.body.removeAttribute('tabindex')")
    order = []
    for _ in range(40):
        page.keyboard.press("Tab")
        order.append(
            page.evaluate("document.activeElement.id || document.activeElement.textContent")
        )
    wanted = [
        "Skip to the scanner",
        "files",
        "microphone",
        "tab",
        "song.ogg",
        "export-all",
        "overlay",
    ]
    places = [order.index(name) for name in wanted]
    assert places == sorted(places), order
    page.locator("#rows button", has_text="song.ogg").focus()
    page.keyboard.press("Enter")
    assert page.locator("#result h2.name").inner_text() == "song.ogg"
    assert page.locator("#rows [aria-current]").inner_text() == "song.ogg"
    assert page.locator("canvas:visible:not([aria-label])").count() == 0
    assert page.locator("#status[aria-live=polite]").count() == 1
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, audio, progress')]
          .filter((e) => !(e.textContent.trim() || e.labels?.length || e.ariaLabel
            || e.getAttribute('aria-labelledby'))).map((e) => e.outerHTML)"""
    )
    assert nameless == []
    page.locator("summary", has_text="Table of the").click()
    assert page.get_by_role("region", name="Windows").locator("tbody tr").count() >= 1


@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(
    browser: Any, address: str, music: Path, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    page.goto(address)
    page.locator("main[data-ready]").wait_for()
    scan(page, music / "song.mp3")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(int(v) for v in ground[4:-1].split(",")[:3]) > 384
    assert light == (scheme == "light")
    context.close()


def test_offline_and_nothing_leaves(browser: Any, site: Path, music: Path) -> None:
    requested: list[str] = []
    context = browser.new_context(accept_downloads=True)
    context.set_default_timeout(TIMEOUT_MS)
    context.on("request", lambda request: requested.append(request.url))
    page = context.new_page()
    with serving(site) as address:
        page.goto(address)
        page.locator("#offline").wait_for()
        (before,) = scan(page, music / "song.mp3")
        refused = page.evaluate(
            "fetch('https://elsewhere.invalid/').then(() => 'sent', () => 'refused')"
        )
        assert refused == "refused"
    # The server is gone now, and the browser is told that there is no network either.
    context.set_offline(True)
    page.reload()
    page.locator("main[data-ready]").wait_for()
    (after,) = scan(page, music / "song.mp3")
    assert after == before
    elsewhere = [url for url in requested if not mine(url, address)]
    assert [url for url in elsewhere if "elsewhere.invalid" not in url] == []
    context.close()


def test_without_isolation(browser: Any, site: Path, music: Path) -> None:
    """A static host that sends no headers: one thread, the same result."""

    class Plain(http.server.SimpleHTTPRequestHandler):
        extensions_map: ClassVar[dict[str, str]] = {
            **http.server.SimpleHTTPRequestHandler.extensions_map,
            ".mjs": "text/javascript",
        }

        def log_message(self, format: str, *args: object) -> None:
            pass

    context = browser.new_context(accept_downloads=True)
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    with serving(site, Plain) as address:
        page.goto(address)
        page.locator("main[data-ready]").wait_for()
        assert page.evaluate("crossOriginIsolated") is False
        (row,) = scan(page, music / "song.mp3")
    assert row["error"] is None and row["logit"] is not None
    context.close()


def test_a_missing_file_of_the_page_is_said(browser: Any, site: Path, tmp_path: Path) -> None:
    copy = tmp_path / "site"
    shutil.copytree(site, copy)
    (copy / "bundle" / "model.onnx").write_bytes(b"damaged")
    context = browser.new_context()
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    with serving(copy) as address:
        page.goto(address)
        page.locator("#problem:not([hidden])").wait_for()
        assert "model.onnx has hash" in page.locator("#problem").inner_text()
    context.close()


def heard(launch: Callable[..., Any], address: str, button: str, *options: str) -> dict[str, Any]:
    browser = launch(
        "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required", *options
    )
    context = browser.new_context(accept_downloads=True)
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    page.goto(address)
    page.locator("main[data-ready]").wait_for()
    page.click(button)
    page.locator("#live-verdict", has_text="0:04").wait_for()
    assert "logit" not in page.locator("#live-verdict").inner_text()  # no look before 15 s
    page.locator("#live-verdict", has_text="logit").wait_for()
    page.click("#stop")
    page.locator("#rows .chip").wait_for()
    (row,) = json.loads(saved(page, "#export-all"))
    context.close()
    return dict(row)


def test_microphone(
    launch: Callable[..., Any], address: str, bundle: Bundle, tmp_path: Path
) -> None:
    sound = tmp_path / "microphone.wav"
    samples = np.random.default_rng(0).normal(0, 0.1, 48000 * 10)
    soundfile.write(sound, samples, 48000, "PCM_16")
    device = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={sound}")
    row = heard(launch, address, "#microphone", *device)
    assert row["error"] is None
    assert row["logit"] is not None and row["covered_s"] > 15
    assert row["path"].startswith("Microphone")
    assert row["verdict"] != "human"  # a room hides the traces
    assert row["false_alarm_rate"] == pytest.approx(0.01 / 5)  # five looks share the rate


def test_refused_microphone(page: Any) -> None:
    page.click("#microphone")
    page.locator("#problem:not([hidden])").wait_for()
    assert "microphone" in page.locator("#problem").inner_text()
    assert page.locator("#microphone").is_enabled()

# SPDX-License-Identifier: MIT
"""The packed extension in a real browser, on a tab that plays real sound."""

from __future__ import annotations

import http.server
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from unsung.web import write_extension

from .conftest import CHROMIUM, TIMEOUT_MS, serving

pytestmark = pytest.mark.slow


def extension_id(folder: Path) -> str:
    """Chromium names an unpacked extension by the hash of its path, in letters a to p."""
    import hashlib

    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:32]
    return "".join(chr(ord("a") + int(sign, 16)) for sign in digest)


@pytest.fixture(scope="module")
def extension(runtime: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_extension(tmp_path_factory.mktemp("ext") / "extension", runtime=runtime).folder


@pytest.fixture(scope="module")
def context(
    playwright: Any, extension: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    opened = playwright.chromium.launch_persistent_context(
        str(tmp_path_factory.mktemp("profile")),
        executable_path=CHROMIUM,
        headless=False,
        timeout=TIMEOUT_MS,
        ignore_default_args=["--disable-extensions", "--mute-audio"],
        args=[
            "--headless=new",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            f"--load-extension={extension}",
            f"--disable-extensions-except={extension}",
            "--disable-features=DisableLoadExtensionCommandLineSwitch",
            "--autoplay-policy=no-user-gesture-required",
            # A click on the button gives leave for the tab; a test cannot click the browser's own
            # window, so the extension is put on the list of those that need none.
            f"--allowlisted-extension-id={extension_id(extension)}",
        ],
    )
    opened.set_default_timeout(TIMEOUT_MS)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def playing(context: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("tab")
    samples = np.random.default_rng(0).normal(0, 0.1, 48000 * 120)
    soundfile.write(folder / "song.wav", samples, 48000, "PCM_16")
    (folder / "index.html").write_text(
        "<!DOCTYPE html><title>A song</title><audio src='song.wav' autoplay loop></audio>"
    )
    # Somebody else's site: our own pages allow no sound from a server.
    with serving(folder, http.server.SimpleHTTPRequestHandler) as address:
        page = context.new_page()
        page.goto(address)
        page.wait_for_function("document.querySelector('audio').currentTime > 0")
        yield page


def test_one_click_gives_a_running_verdict(context: Any, extension: Path, playing: Any) -> None:
    home = f"chrome-extension://{extension_id(extension)}"
    requested: list[str] = []
    popup = context.new_page()
    popup.on("request", lambda request: requested.append(request.url))
    popup.goto(f"{home}/manifest.json")
    tab = popup.evaluate(
        "async () => (await chrome.tabs.query({})).find((t) => t.id && t.index === 1)?.id ?? null"
    )
    assert tab is not None
    # The popup as a page of its own: it scans the tab that its address names.
    popup.goto(f"{home}/popup.html?tab={tab}")
    popup.locator("#text", has_text="Logit").wait_for()
    assert popup.locator("#word").text_content() in ("human", "AI-generated", "undecided")
    badge = popup.evaluate("chrome.action.getBadgeText({})")
    assert badge in ("H", "AI", "?")
    popup.locator("#timeline").wait_for()
    popup.click("#stop")
    popup.locator("#phase", has_text="Verdict").wait_for()
    assert popup.locator("#again").is_visible()
    assert all(url.startswith(home) for url in requested)


def test_popup_starts_again_from_a_closed_one(context: Any, extension: Path, playing: Any) -> None:
    popup = context.new_page()
    popup.goto(f"chrome-extension://{extension_id(extension)}/popup.html?tab=999999")
    popup.locator("#word", has_text="no result").wait_for()
    assert popup.locator("#again").is_visible()

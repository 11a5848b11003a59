# SPDX-License-Identifier: MIT
from __future__ import annotations

import contextlib
import functools
import http.server
import importlib.util
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from unsung.runtime import Bundle, load_bundle
from unsung.web import write_site
from unsung.web.runtime import RUNTIME, sources
from unsung.web.serve import Handler

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
TIMEOUT_MS = 240_000
"""Generous: the tests also run on machines with more work than cores."""


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    return load_bundle("default")


@pytest.fixture(scope="session")
def runtime() -> Path:
    found = sources() / "node_modules" / "onnxruntime-web" / "dist"
    if not all((found / name).is_file() for name in RUNTIME):
        pytest.skip("onnxruntime-web is not here; fetch it with `make web`")
    return found


@pytest.fixture(scope="session")
def site(runtime: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_site(tmp_path_factory.mktemp("web") / "site", runtime=runtime).folder


@contextlib.contextmanager
def serving(folder: Path, handler: type = Handler) -> Iterator[str]:
    bound = functools.partial(handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), bound)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    with serving(site) as found:
        yield found


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("the package playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium; on Debian: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="session")
def launch(playwright: Any) -> Iterator[Callable[..., Any]]:
    opened: list[Any] = []

    def start(*options: str) -> Any:
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*root, *options], timeout=TIMEOUT_MS
        )
        opened.append(browser)
        return browser

    yield start
    for browser in opened:
        browser.close()


@pytest.fixture(scope="session")
def browser(launch: Callable[..., Any]) -> Any:
    return launch()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """A loaded scanner; fails the test on any uncaught error or foreign request."""
    context = browser.new_context(accept_downloads=True)
    context.set_default_timeout(TIMEOUT_MS)
    faults: list[str] = []
    context.on("request", lambda r: None if mine(r.url, address) else faults.append(r.url))
    opened = context.new_page()
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.goto(address)
    opened.locator("main[data-ready]").wait_for()
    yield opened
    context.close()
    assert faults == []


def mine(url: str, address: str) -> bool:
    return url.startswith((address, f"blob:{address}", "data:"))


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real files of one song: wav, flac, mp3, ogg, opus and m4a, stereo."""
    from unsung.audio.write import encode, write
    from unsung.synthesis.render import render
    from unsung.synthesis.score import compose

    folder = tmp_path_factory.mktemp("music")
    song = render(compose("guitar", 3), 3)
    for name in ("song.wav", "song.flac", "song.mp3", "song.ogg", "song.opus"):
        write(folder / name, song)
    (folder / "song.m4a").write_bytes(encode(song.samples, song.sample_rate_hz, "aac", 192))
    return folder


@pytest.fixture(scope="session")
def bad(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    """File and the error it must be given."""
    folder = tmp_path_factory.mktemp("bad")
    hiss = np.random.default_rng(0).normal(0, 0.1, 44100).astype(np.float32)
    made: dict[str, tuple[Path, str]] = {}

    def keep(name: str, error: str, content: bytes | None = None) -> Path:
        made[name] = (folder / name, error)
        if content is not None:
            (folder / name).write_bytes(content)
        return folder / name

    keep("empty.mp3", "EmptyAudio", b"")
    keep("text.mp3", "UnreadableAudio", b"this is no sound\n" * 50)
    keep("archive.wav", "NotAudio", b"PK\x03\x04" + bytes(200))
    soundfile.write(keep("short.wav", "TooShort"), hiss[:4410], 44100)
    soundfile.write(keep("silent.wav", "SilentAudio"), np.zeros(88200), 44100)
    hiss[5] = np.nan
    soundfile.write(keep("nan.wav", "NotFinite"), hiss, 44100, "FLOAT")
    cut = keep("cut.wav", "TruncatedAudio")
    soundfile.write(cut, np.tile(hiss[100:40100], 12), 44100)
    cut.write_bytes(cut.read_bytes()[:-100000])
    return made

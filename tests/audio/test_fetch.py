# SPDX-License-Identifier: MIT
import io
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from unsung.audio.fetch import open_url, stdin_file
from unsung.audio.read import read_clip
from unsung.errors import FetchError

from .helpers import music, save


class Site(BaseHTTPRequestHandler):
    sound = b""

    def do_GET(self):
        name = self.path.strip("/")
        if name in ("file", "ftp", "again"):
            target = {"file": "file:///etc/passwd", "ftp": "ftp://127.0.0.1/x", "again": "/song"}
            self.send_response(302)
            self.send_header("Location", target[name])
            self.end_headers()
        elif name == "song":
            self._send(self.sound)
        elif name == "cut":
            self._send(self.sound[:1000], promise=len(self.sound))
        elif name == "long":
            self._send(b"x" * 5000, promise=None)
        elif name == "slow":
            self._send(b"x" * 10, promise=1000)
            time.sleep(1.0)
        elif name == "drip":
            self.send_response(200)
            self.end_headers()
            for _ in range(20):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
        elif name == "nothing":
            self.close_connection = True
        else:
            self.send_error(404)

    def _send(self, data, promise=0):
        self.send_response(200)
        if promise is not None:
            self.send_header("Content-Length", str(promise or len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def log_message(self, *args):
        pass


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # clients that hang up are part of the tests


@pytest.fixture
def site(tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    Site.sound = save(tmp_path / "x.flac", music(1), kind="flac").read_bytes()
    server = Quiet(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def fetched(url, **options):
    with open_url(url, **options) as path:
        return path.read_bytes()


def test_a_url_becomes_a_private_file_that_is_deleted(site):
    with open_url(f"{site}/song") as path:
        assert read_clip(path).samples.shape == (2, 44100)
        assert path.stat().st_mode & 0o077 == 0 or os.name == "nt"
    assert not path.exists()


def test_redirects_within_the_web_are_followed(site):
    assert fetched(f"{site}/again") == Site.sound


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("gone", {}, "the server answered 404"),
        ("file", {}, "redirects to file:.*refused"),
        ("ftp", {}, "redirects to ftp:.*refused"),
        ("cut", {}, r"closed after 1000 of \d+ bytes"),
        ("song", {"max_bytes": 1000}, "more than 0.001 MB"),
        ("long", {"max_bytes": 1000}, "more than 0.001 MB"),
        ("slow", {"timeout_s": 0.2}, r"no answer within 0\.2 s"),
        ("drip", {"total_s": 0.2}, r"not complete after 0\.2 s"),
        ("nothing", {}, "connection"),
    ],
)
def test_failures_say_what_to_do(site, name, options, words, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    (tmp_path / "t").mkdir()
    with pytest.raises(FetchError, match=words):
        fetched(f"{site}/{name}", **options)
    assert list((tmp_path / "t").iterdir()) == []  # nothing is left behind


def test_unreachable_and_other_schemes():
    with pytest.raises(FetchError, match="not reachable"):
        fetched("http://127.0.0.1:9/x.mp3", timeout_s=2)
    with pytest.raises(FetchError, match="begins with http"):
        fetched("file:///etc/passwd")
    with pytest.raises(FetchError, match="http://"):
        fetched("http://[bad/x.mp3")


def test_standard_input(tmp_path, monkeypatch):
    data = save(tmp_path / "x.flac", music(1), kind="flac").read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    with stdin_file() as path:
        assert read_clip(path).samples.shape == (2, 44100)
    assert not path.exists()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    with pytest.raises(FetchError, match="raise the limit"), stdin_file(max_bytes=10):
        pass
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(FetchError, match="it is closed"), stdin_file():
        pass

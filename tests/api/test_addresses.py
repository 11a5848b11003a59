# SPDX-License-Identifier: MIT
from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from unsung.api.addresses import Fetcher, is_public
from unsung.api.errors import AddressRefused, TooLarge
from unsung.api.settings import Limits, ServerSettings
from unsung.errors import FetchError

from .helpers import running

PRIVATE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1",
    "169.254.169.254", "169.254.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1",
    "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1",
    "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a00:1",
    "2002:7f00:1::", "2002:a9fe:a9fe::", "2001:db8::1",
]  # fmt: skip
PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_known(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_known(address):
    assert is_public(address)


class Web(BaseHTTPRequestHandler):
    """Serves what a path says; `hosts` is what clients asked for."""

    hosts: ClassVar[list[str]] = []
    sound = b""

    def do_GET(self) -> None:
        self.hosts.append(self.headers["Host"])
        routes = {"/song.wav": self.sound, "/big": bytes(5000)}
        if self.path.startswith("/to?"):
            self.send_response(302)
            self.send_header("Location", self.path.partition("?")[2])
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                try:
                    self.wfile.write(b"x")
                    self.wfile.flush()
                except OSError:
                    return
                time.sleep(0.1)
        elif self.path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "900")
            self.end_headers()
            self.wfile.write(b"half")
        elif self.path in routes or self.path.startswith("/song.wav?"):
            body = routes.get(self.path, self.sound)
            self.send_response(200)
            if self.path != "/big":
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        else:
            self.send_error(404)

    def log_message(self, *_) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def fetcher(port: int, table: dict[str, list[str]] | None = None, **more) -> Fetcher:
    """Return a fetcher that takes 127.0.0.1 for public, and only that."""
    names = {"music.example": ["127.0.0.1"], **(table or {})}
    return Fetcher(
        max_bytes=more.pop("max_bytes", 1_000_000),
        ports=frozenset({port}),
        resolve=lambda host, _: names[host],
        allowed=lambda address: address == "127.0.0.1",
        **more,
    )


def test_it_asks_the_checked_address_for_the_given_name(web, tmp_path: Path):
    """The name does not exist: only the resolved address can have been connected to."""
    Web.sound, Web.hosts = b"abc", []
    fetcher(web)(f"http://music.example:{web}/song.wav", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"abc"
    assert Web.hosts == [f"music.example:{web}"]
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600


def test_the_name_is_resolved_once_a_hop(web, tmp_path: Path):
    """DNS rebinding: a second answer would be private, and nobody asks for it."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    get = Fetcher(
        1000,
        ports=frozenset({web}),
        resolve=lambda *_: next(answers),
        allowed=lambda address: address == "127.0.0.1",
    )
    get(f"http://music.example:{web}/song.wav", tmp_path / "x")
    with pytest.raises(AddressRefused, match="private, local or reserved"):
        get(f"http://music.example:{web}/song.wav", tmp_path / "y")


def test_one_private_address_among_public_ones_is_enough(web, tmp_path: Path):
    get = fetcher(web, {"both.example": ["127.0.0.1", "10.0.0.1"]})
    with pytest.raises(AddressRefused, match=r"both\.example: expected a public address"):
        get(f"http://both.example:{web}/song.wav", tmp_path / "x")


@pytest.mark.parametrize(
    "target",
    ["http://inside.example:{port}/song.wav", "http://[::1]:{port}/", "file:///etc/passwd",
     "gopher://x/", "http://music.example:1/", "//u:p@music.example:{port}/"],
)  # fmt: skip
def test_redirects_are_checked_like_the_first_address(web, tmp_path: Path, target):
    get = fetcher(web, {"inside.example": ["192.168.0.5"], "::1": ["::1"]})
    where = target.format(port=web)
    with pytest.raises(AddressRefused):
        get(f"http://music.example:{web}/to?{where}", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_good_redirects_are_followed_and_endless_ones_are_not(web, tmp_path: Path):
    Web.sound = b"abc"
    get = fetcher(web)
    get(f"http://music.example:{web}/to?/song.wav", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"abc"
    with pytest.raises(FetchError, match="at most 5 redirects"):
        get(f"http://music.example:{web}/to?/to?/to?/to?/to?/to?/to?/song.wav", tmp_path / "y")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://a/b", "http:// or https://"),
        ("file:///etc/passwd", "http:// or https://"),
        ("http://", "http:// or https://"),
        ("http://[::1", "expected an address such as"),
        ("http://a:99999/", "expected an address such as"),
        ("http://user:pw@a/", "without name and password"),
        ("http://a/b c", "without spaces"),
        ("http://a/\r\nX: y", "without spaces"),
        ("http://a:22/", "expected one of the ports 80, 443, got 22"),
        ("http://bücher.example/", "http:// or https://"),
    ],
)
def test_odd_addresses_are_refused(url, words, tmp_path: Path):
    with pytest.raises(AddressRefused, match=words):
        Fetcher(1000)(url, tmp_path / "x")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0", "[::1]", "[::ffff:127.0.0.1]",
     "169.254.169.254"],
)  # fmt: skip
def test_every_spelling_of_this_machine_is_refused(host, tmp_path: Path):
    """The system's own resolver reads the odd ones too; whatever it says is checked."""
    with pytest.raises(FetchError):
        Fetcher(1000, ports=frozenset({80}))(f"http://{host}/", tmp_path / "x")


def test_size_and_time_are_bounded(web, tmp_path: Path):
    base = f"http://music.example:{web}"
    Web.sound = bytes(2000)
    for path in ("/song.wav", "/big"):  # with and without Content-Length
        with pytest.raises(TooLarge, match=r"at most 0\.001 MB"):
            fetcher(web, max_bytes=1000)(base + path, tmp_path / path[1:])
    started = time.monotonic()
    with pytest.raises(FetchError):
        fetcher(web, total_s=0.5)(f"{base}/drip", tmp_path / "drip")
    assert time.monotonic() - started < 3
    with pytest.raises(FetchError, match="closed after 4 of 900"):
        fetcher(web)(f"{base}/cut", tmp_path / "cut")
    with pytest.raises(FetchError, match="answered 404"):
        fetcher(web)(f"{base}/none", tmp_path / "none")


def test_addresses_are_off_by_default(live):
    answer = live.client.post("/v1/scan", json={"url": "https://example.org/a.mp3"})
    assert (answer.status_code, answer.json()["error"]) == (403, "AddressRefused")


@pytest.mark.parametrize(
    "body", [[], {}, {"url": 1}, {"url": "http://a/", "path": "/etc"}, {"url": "x" * 3000}, "x"]
)
def test_odd_bodies_are_refused(live, body):
    answer = live.client.post("/v1/scan", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "BadUpload")


def test_an_address_is_scanned_where_the_operator_allows_it(web, song):
    Web.sound = song(1)
    settings = ServerSettings(limits=Limits(workers=1), allow_urls=True)
    with running(settings, fetch=fetcher(web)) as here:
        url = f"http://music.example:{web}/song.wav?token=secret"
        (score,) = here.client.post("/v1/scan", json={"url": url}).json()["scores"]
        assert score["path"] == f"http://music.example:{web}/song.wav"
        assert score["verdict"]
        answer = here.client.post("/v1/scan", json={"url": f"http://music.example:{web}/none"})
        assert (answer.status_code, answer.json()["error"]) == (502, "FetchError")
        assert here.spooled() == []


def test_a_real_fetcher_refuses_this_machine(live, web, song):
    settings = ServerSettings(limits=Limits(workers=1), allow_urls=True)
    with running(settings) as here:
        for url in ("http://127.0.0.1/", "http://localhost/", "http://169.254.169.254/latest/"):
            answer = here.client.post("/v1/scan", json={"url": url})
            assert (answer.status_code, answer.json()["error"]) == (403, "AddressRefused")

# SPDX-License-Identifier: MIT
"""Object storage through fsspec, and no credential in any row or message."""

from __future__ import annotations

import io
import logging
import socket

import pytest

from unsung.audio.sources import Source
from unsung.errors import MissingExtra, UsageError
from unsung.scanning import Settings, scan_rows
from unsung.scanning.catalogue import scan_catalogue
from unsung.scanning.limits import Limits
from unsung.scanning.objects import expand_objects, fetched, hide, is_object, shown
from unsung.scanning.quarantine import PASSING

SECRET = "AKIAsecretSECRETsecret"


@pytest.fixture
def memory(wav):
    """A bucket in memory with two tracks and a text."""
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    files.store.clear()
    for number in range(2):
        path = wav(f"{number}.wav", seed=number)
        files.pipe(f"/bucket/music/{number}/song.wav", path.read_bytes())
    files.pipe("/bucket/music/readme.txt", b"no sound")
    files.pipe("/bucket/music/0/empty.mp3", b"")
    yield files
    files.store.clear()


def test_a_prefix_is_scanned_like_a_folder(memory, tmp_path):
    rows = list(scan_catalogue(["memory://bucket/music"], Settings(), tmp_path / "out", jobs=1))
    scores = {row.score.path: row.score for row in rows}
    assert set(scores) == {
        f"memory://bucket/music/{n}" for n in ("0/song.wav", "1/song.wav", "0/empty.mp3")
    }
    good = scores["memory://bucket/music/1/song.wav"]
    assert good.error is None and good.logit is not None and len(good.sha256) == 64
    assert scores["memory://bucket/music/0/empty.mp3"].error.type == "EmptyAudio"
    assert all(row.facts.modified_ns is None for row in rows)
    again = list(scan_catalogue(["memory://bucket/music"], Settings(), tmp_path / "out", jobs=1))
    assert sum(row.skipped for row in again) == 2


def test_one_object_and_none(memory):
    (one,) = expand_objects("memory://bucket/music/0/song.wav")
    assert one.kind == "url"
    (none,) = expand_objects("memory://bucket/nothing")
    assert none.kind == "missing" and "no object with a known audio extension" in none.reason
    (row,) = scan_rows([Source("memory://bucket/no.mp3", "url", "x")], Settings(), jobs=1)
    assert row.score.error.type == "FetchError"


class DriverFault(Exception):
    """As aiohttp's ClientPayloadError and botocore's FlexibleChecksumError: of no common base."""


@pytest.mark.parametrize("fault", [OSError, ValueError, EOFError, RuntimeError, DriverFault])
@pytest.mark.parametrize("where", ["info", "open", "read"])
def test_every_fault_of_a_transfer_may_pass(memory, monkeypatch, fault, where):
    def fails(*_, **__):
        raise fault("cut")

    class Cut(io.BytesIO):
        read = fails

    how = (lambda *_, **__: Cut()) if where == "read" else fails
    monkeypatch.setattr(type(memory), "open" if where == "read" else where, how)
    source = Source("memory://bucket/music/0/song.wav", "url", "memory://bucket/music/0/song.wav")
    (row,) = scan_rows([source], Settings(), jobs=1)
    assert row.score.error.type == "FetchError" and "FetchError" in PASSING
    assert fault.__name__ in row.score.error.message


@pytest.mark.parametrize("fault", [OSError, DriverFault])
def test_a_fault_of_a_listing_is_a_row(memory, monkeypatch, fault):
    def fails(*_, **__):
        raise fault("no answer")

    monkeypatch.setattr(type(memory), "walk", fails)
    (row,) = scan_rows(["memory://bucket/music"], Settings(), jobs=1)
    assert row.score.error is not None and fault.__name__ in row.score.error.message


def test_a_large_object_is_not_fetched(memory, monkeypatch):
    monkeypatch.setattr(type(memory), "open", None)
    source = Source("memory://bucket/music/0/song.wav", "url", "x")
    (row,) = scan_rows([source], Settings(), jobs=1, limits=Limits(size_bytes=1000))
    assert row.score.error.type == "FileTooLarge"


def test_the_copy_is_private_and_gone(memory):
    with fetched("memory://bucket/music/0/song.wav", Limits()) as path:
        assert path.stat().st_mode & 0o077 == 0 and path.stat().st_size > 1000
    assert not path.exists()


def test_what_an_object_address_is():
    assert is_object("s3://a/b") and is_object("GS://a") and not is_object("/a/s3://b")
    assert not is_object("https://x.org/a.mp3") and not is_object("ftp://x/a.mp3")


@pytest.mark.parametrize(
    "address",
    [
        f"https://x.org/a.mp3?X-Amz-Signature={SECRET}&v=1",
        f"https://me:{SECRET}@x.org/a.mp3",
        f"https://x.org/a.mp3?sig={SECRET}&se=2030",
        f"https://x.org/a.mp3?access_token={SECRET}",
        f"s3://bucket/a.mp3?key={SECRET}",
    ],
)
def test_secrets_are_not_shown(address):
    assert SECRET not in shown(address) and "a.mp3" in shown(address)
    assert SECRET not in hide(f"GET {address} failed: {SECRET} refused", address)
    assert shown("https://x.org/a.mp3?v=1&page=2") == "https://x.org/a.mp3?v=1&page=2"
    assert shown("/music/me@home/a?token=1.mp3") == "/music/me@home/a?token=1.mp3"


def test_a_row_of_a_signed_address_holds_no_secret(caplog, capfd, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/a.mp3?X-Amz-Signature={SECRET}"
    caplog.set_level(logging.DEBUG)
    (row,) = scan_catalogue([address], Settings(), tmp_path / "out", jobs=1)
    assert row.score.error.type == "FetchError" and "not reachable" in row.score.error.message
    seen = "".join(p.read_text() for p in (tmp_path / "out").glob("*.jsonl"))
    seen += caplog.text + "".join(capfd.readouterr())
    assert SECRET not in seen and "X-Amz-Signature=..." in row.score.path


@pytest.mark.parametrize("address", [f"s3://me:{SECRET}@bucket/a", f"s3://b/a?secret={SECRET}"])
def test_addresses_with_credentials_are_refused(address):
    with pytest.raises(UsageError, match="without user, password or key") as caught:
        list(scan_rows([address], Settings(), jobs=1))
    assert SECRET not in str(caught.value)


def test_a_missing_driver_names_the_extra(monkeypatch):
    pytest.importorskip("fsspec")
    import sys

    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(MissingExtra, match=r"'gcsfs'.*\[objects\]"):
        list(expand_objects("gs://bucket/music"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_server_that_speaks_s3(wav, tmp_path, monkeypatch, caplog):
    s3fs = pytest.importorskip("s3fs")
    server_module = pytest.importorskip("moto.server")
    server = server_module.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "me")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3fs.S3FileSystem.clear_instance_cache()
        bucket = s3fs.S3FileSystem()
        bucket.mkdir("songs")
        for number in range(3):
            bucket.pipe(f"songs/{number % 2}/{number}.wav", wav(seed=number % 2).read_bytes())
        bucket.pipe("songs/notes.txt", b"no sound")
        rows = list(scan_catalogue(["s3://songs"], Settings(), tmp_path / "out", jobs=2))
        (gone,) = scan_rows([Source("s3://songs/no.mp3", "url", "x")], Settings(), jobs=1)
    finally:
        server.stop()
        s3fs.S3FileSystem.clear_instance_cache()
    paths = sorted(row.score.path for row in rows)
    assert paths == ["s3://songs/0/0.wav", "s3://songs/0/2.wav", "s3://songs/1/1.wav"]
    assert all(row.score.error is None for row in rows)
    assert sum(bool(row.facts.duplicate_of) for row in rows) == 1
    assert gone.score.error.type == "FetchError"
    stored = (tmp_path / "out" / "scores.jsonl").read_text()
    assert SECRET not in stored + caplog.text + gone.score.error.message

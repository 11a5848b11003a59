# SPDX-License-Identifier: MIT
"""Hostile files and requests: never a 500, never a dead server, never another file's answer."""

from __future__ import annotations

import hashlib
import io
import json
import string
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
import soundfile
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from unsung.api.problems import STATUS
from unsung.api.settings import Limits, ServerSettings
from unsung.audio.write import encode

from .helpers import Live, running

KINDS = ("mp3", "flac", "ogg", "wav", "m4a")
NO_SHRINK = {
    "deadline": None,
    "phases": (Phase.generate,),
    "suppress_health_check": list(HealthCheck),
    "database": None,
}
INTERESTING = [
    b"\x00", b"\xff", b"\x7f", b"\x80", b"\x01", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00",
    b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"OggS", b"data", b"moov", b"ID3",
]  # fmt: skip


@pytest.fixture(scope="module")
def target() -> Iterator[Live]:
    limits = Limits(workers=1, duration_s=60, decode_s=10, worker_memory_mb=1024, stall_s=1)
    with running(ServerSettings(limits=limits)) as found:
        yield found


@pytest.fixture(scope="module")
def originals(song) -> dict[str, bytes]:
    wav = song(7, seconds=3)
    samples, rate_hz = soundfile.read(io.BytesIO(wav), dtype="float32")
    made = {kind: song(7, seconds=3, kind=kind.upper()) for kind in ("mp3", "flac", "ogg")}
    return {**made, "wav": wav, "m4a": encode(samples, rate_hz, "aac")}


@st.composite
def mutations(draw: Callable) -> Callable[[bytes], bytes]:
    """Draw what happens to a file: bytes changed, cut, doubled or put in, most near its head."""
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["set", "flip", "cut", "insert", "double", "end"]),
                st.one_of(st.floats(0, 0.02), st.floats(0, 1)),
                st.integers(0, 255),
                st.sampled_from(INTERESTING),
                st.integers(1, 300),
            ),
            min_size=1,
            max_size=6,
        )
    )

    def mutate(data: bytes) -> bytes:
        found = bytearray(data)
        for kind, place, value, word, length in steps:
            at = int(place * len(found))
            if kind == "set":
                found[at : at + len(word)] = word
            elif kind == "flip" and at < len(found):
                found[at] ^= value
            elif kind == "cut":
                del found[at : at + length]
            elif kind == "insert":
                found[at:at] = word * (1 + value % 4)
            elif kind == "double":
                found[at:at] = found[at : at + length]
            elif kind == "end":
                del found[max(64, at) :]
        return bytes(found)

    return mutate


def check(live: Live, data: bytes, kind: str) -> None:
    answer = live.scan((f"x.{kind}", data), fast=bool(len(data) % 2))
    body = answer.json()
    assert answer.status_code in {200, 413, 415, 422}, (answer.status_code, body)
    score = body["scores"][0] if answer.status_code == 200 else body["score"]
    assert score["sha256"] == hashlib.sha256(data).hexdigest()
    assert score["error"] is None or score["error"]["type"] in STATUS


def attack_file(live: Live, kind: str, data: bytes, count: int, number: int) -> None:
    @seed(number)
    @settings(max_examples=count, **NO_SHRINK)
    @given(mutations())
    def one(mutate: Callable[[bytes], bytes]) -> None:
        check(live, mutate(data), kind)

    one()


def attack_files(live: Live, originals: dict[str, bytes], count: int, number: int) -> None:
    for kind in KINDS:
        attack_file(live, kind, originals[kind], count, number)
    for kind, data in originals.items():  # and the whole ones still have their verdict
        assert live.scan((f"x.{kind}", data)).json()["scores"][0]["verdict"], kind
    assert live.spooled() == []


def test_mutated_files_never_break_the_server(target, originals):
    attack_files(target, originals, 30, 1)


@pytest.mark.slow
def test_many_mutated_files_never_break_the_server(target, originals):
    attack_files(target, originals, 800, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_every_beginning_of_a_file_is_answered(target, originals, kind):
    whole = originals[kind]
    for length in (1, 2, 4, 8, 12, 27, 44, 58, 100, 500, 2000, len(whole) - 1):
        check(target, whole[:length], kind)


def values(schema: dict) -> st.SearchStrategy[str]:
    """Return values of a parameter: those that its schema allows, its edges, and junk."""
    junk = st.text(string.printable, max_size=30)
    if "enum" in schema:
        return st.one_of(st.sampled_from(schema["enum"]), junk)
    if schema["type"] == "boolean":
        return st.one_of(st.sampled_from(["true", "false", "1", "", "yes"]), junk)
    if schema["type"] == "number":
        low = schema.get("minimum", schema.get("exclusiveMinimum"))
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        odd = ["nan", "inf", "-inf", "1e-320", "1e400", "-0", str(low), str(high), "0x1", "१"]
        return st.one_of(st.floats(low, high).map(str), st.sampled_from(odd), junk)
    return junk


def bodies(song: bytes) -> st.SearchStrategy[dict]:
    """Return bodies: good ones, damaged ones, of other kinds, and none."""
    name = st.text(max_size=20)
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    whole = head + song + b"\r\n--b--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    raw = st.one_of(
        st.binary(max_size=200),
        st.integers(0, len(head) + 40).map(lambda n: whole[:n]),
        st.tuples(st.integers(0, len(head)), st.binary(max_size=8)).map(
            lambda t: whole[: t[0]] + t[1] + whole[t[0] :]
        ),
    )
    scalar = st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=10))
    address = st.text(string.printable, max_size=20).map(lambda rest: f"http://{rest}")
    json_value = st.one_of(
        scalar,
        st.lists(scalar, max_size=3),
        st.dictionaries(st.sampled_from(["url", "path"]), st.one_of(scalar, address)),
    )
    return st.one_of(
        st.just({}),
        name.map(lambda n: {"files": [("file", (n or "x", song))]}),
        st.tuples(name, name).map(lambda t: {"files": [(t[0] or "x", (t[1] or "y", b"z"))]}),
        raw.map(lambda data: {"content": data, "headers": kind}),
        st.binary(max_size=50).map(lambda data: {"content": data}),
        st.text(string.punctuation + "ab =;", max_size=30).map(
            lambda odd: {
                "content": whole,
                "headers": {"Content-Type": f"multipart/form-data; boundary={odd}".strip()},
            }
        ),
        json_value.map(
            lambda v: {
                "content": json.dumps(v).encode(),
                "headers": {"Content-Type": "application/json"},
            }
        ),
    )


def attack_route(live: Live, song: bytes, count: int, where: tuple[str, str, dict]) -> None:
    path, method, operation = where
    query = [p for p in operation.get("parameters", ()) if p["in"] == "query"]
    asked = st.fixed_dictionaries({}, optional={p["name"]: values(p["schema"]) for p in query})
    ids = st.text("abcXYZ019-_.%/~ü\x00", min_size=1, max_size=12)
    documented = {int(status) for status in operation["responses"]} | {307, 400, 404, 405}

    @seed(3)
    @settings(max_examples=count, **NO_SHRINK)
    @given(asked, bodies(song), ids)
    def one(asked: dict, body: dict, job: str) -> None:
        place = path.replace("{job_id}", quote(job, safe=""))
        sent = {} if method in ("get", "delete") else body
        answer = live.client.request(method, place, params=asked, **sent)
        assert answer.status_code < 500, (place, asked, sent, answer.text)
        assert answer.status_code in documented, (place, answer.text)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == answer.status_code
            assert str(live.service.spool.path) not in answer.text

    one()


def attack_routes(live: Live, song: bytes, count: int) -> None:
    document = live.client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            attack_route(live, song, count, (path, method, operation))
    assert live.client.get("/readyz").status_code == 200
    live.service.jobs._jobs.clear()


def test_odd_requests_never_break_the_server(target, song):
    attack_routes(target, song(1, seconds=1), 25)


@pytest.mark.slow
def test_many_odd_requests_never_break_the_server(target, song):
    attack_routes(target, song(1, seconds=1), 300)


@settings(max_examples=60, **NO_SHRINK)
@seed(4)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=100).map(lambda b: b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b),
        st.binary(max_size=100).map(
            lambda b: (
                b"POST /v1/scan HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                b"Content-Type: multipart/form-data; boundary=b\r\n\r\n" + b
            )
        ),
    )
)
def test_bytes_that_are_no_http_never_break_the_server(target, data):
    import socket

    with socket.create_connection(("127.0.0.1", target.port), timeout=10) as link:
        link.sendall(data)
        link.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := link.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
    assert b" 500 " not in answer.partition(b"\r\n")[0]
    assert target.client.get("/healthz").status_code == 200

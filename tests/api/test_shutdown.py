# SPDX-License-Identifier: MIT
"""What remains when a server ends: in order, by force, or with its worker in a hang."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from unsung.api.frames import pack
from unsung.api.process import MAIN
from unsung.api.settings import Limits, ServerSettings

from .helpers import NAUGHTY, multipart, running, wait_for

# `unsung serve`, with workers that misbehave on files of certain names.
SERVE = f"""
import sys
import unsung.api.crew as crew, unsung.api.service as service
service.Service.__init__.__kwdefaults__["program"] = {NAUGHTY!r}
from unsung.cli import app
app()
"""


@contextmanager
def process(tmp_path: Path, *options: str) -> Iterator[tuple[psutil.Process, httpx.Client]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["serve", "--port", str(port), "--workers", "1", "--spool", str(tmp_path)]
    with (tmp_path.parent / "log").open("wb") as log:
        started = subprocess.Popen([sys.executable, "-c", SERVE, *command, *options], stderr=log)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)

    def ready() -> bool:
        assert started.poll() is None, (tmp_path.parent / "log").read_text()
        try:
            return client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    try:
        wait_for(ready, 60)
        yield psutil.Process(started.pid), client
    finally:
        client.close()
        started.kill()
        started.wait()


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    path = tmp_path / "spool"
    path.mkdir()
    return path


def send(client: httpx.Client, name: str, data: bytes, answers: list) -> threading.Thread:
    def work() -> None:
        try:
            answers.append(client.post("/v1/scan", files={"file": (name, data)}))
        except httpx.TransportError as error:
            answers.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def uploads(spool: Path) -> list[Path]:
    return list(spool.glob("*/in-*/*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminated_server_finishes_what_it_has_and_leaves_nothing(spool, song, number):
    with process(spool) as (server, client):
        answers: list = []
        thread = send(client, "slow.wav", song(1), answers)
        wait_for(lambda: uploads(spool))
        children = server.children()
        for process_ in (*children, server):  # a service manager may tell them all
            process_.send_signal(number)
        thread.join(20)
        assert answers[0].status_code == 200
        assert answers[0].json()["scores"][0]["verdict"]
        assert server.wait(20) == 0
        wait_for(lambda: not any(alive(child) for child in children))
        assert list(spool.iterdir()) == []


def test_ctrl_c_ends_in_order_with_code_0(spool):
    with process(spool) as (server, client):
        # At a loopback address it goes by the names of this machine only.
        assert client.get("/healthz", headers={"Host": "rebound.example"}).status_code == 403
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0
        assert list(spool.iterdir()) == []


def test_a_killed_server_leaves_neither_uploads_nor_processes(spool, song):
    """Its worker hangs in a file: a thread of it sees the end and removes the folder."""
    with process(spool) as (server, client):
        answers: list = []
        thread = send(client, "hang.wav", song(1), answers)
        wait_for(lambda: uploads(spool))
        children = server.children()
        assert len(children) == 1
        server.kill()
        thread.join(20)
        wait_for(lambda: list(spool.iterdir()) == [], 20)
        wait_for(lambda: not any(alive(child) for child in children), 20)


def test_a_worker_whose_server_is_gone_removes_the_uploads_whichever_thread_sees_it(tmp_path):
    folder = tmp_path / "spool"
    folder.mkdir()
    for number in range(200):
        (folder / str(number)).write_bytes(b"x")
    code = MAIN.replace("main; main()", "main; import unsung.api.worker as w; ") + (
        "w._watch = lambda spool: None; main()"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "UNSUNG_WORKER_PATH": json.dumps(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    init = {"bundle": "fast", "spool": str(folder), "longest_s": 60.0, "memory_mb": 4096}
    worker.communicate(pack(init), timeout=60)
    assert not folder.exists()


def test_a_shutdown_does_not_wait_longer_than_it_should(spool, song):
    with process(spool, "--grace", "1") as (server, client):
        answers: list = []
        thread = send(client, "hang.wav", song(1), answers)
        wait_for(lambda: uploads(spool))
        started = time.monotonic()
        server.send_signal(signal.SIGTERM)
        server.wait(20)
        assert time.monotonic() - started < 20
        thread.join(20)
        assert list(spool.iterdir()) == []


def alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_event_streams_end_with_the_server(song):
    limits = Limits(workers=1)
    told: list[str] = []
    with running(ServerSettings(limits=limits), program=NAUGHTY) as here:
        files = [(f"slow-{i}.wav", song(i)) for i in range(20)]
        job = here.scan(*files, route="/v1/jobs").json()

        def listen() -> None:
            url = f"{here.url}/v1/jobs/{job['id']}/events"
            with httpx.stream("GET", url, timeout=30) as stream:
                told.extend(stream.iter_lines())

        thread = threading.Thread(target=listen)
        thread.start()
        wait_for(lambda: told)
        started = time.monotonic()
    assert time.monotonic() - started < 13  # 20 files of 0.7 s
    thread.join(10)
    assert told[-3] == "event: end"
    assert '"status": "cancelled"' in told[-2]


def test_a_worker_that_cannot_start_ends_the_server_with_words(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "unsung", "serve", "--detector", str(tmp_path)],
        check=False, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "expected a bundle folder" in done.stderr


def test_a_port_that_is_taken_ends_the_server_with_words():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "unsung", "serve", "--port", str(port), "--workers", "1"],
            check=False, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert done.returncode == 1
    assert "address already in use" in done.stderr


def test_multipart_helper_matches_what_the_server_reads(live, song):
    kind, body = multipart(("a.wav", song(1)))
    answer = live.client.post("/v1/scan", content=body, headers={"Content-Type": kind})
    assert answer.json()["scores"][0]["path"] == "a.wav"

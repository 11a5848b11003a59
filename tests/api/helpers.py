# SPDX-License-Identifier: MIT
"""A real server in a thread: real sockets, real worker processes, sound made here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from unsung.api.process import BOOT
from unsung.api.server import Server, prepared
from unsung.api.service import Service
from unsung.api.settings import ServerSettings

# Worker processes that misbehave on files of certain names.
NAUGHTY = (
    BOOT
    + """
import os, signal, time
import numpy
import unsung.api.worker as w
real = w.outcome
def outcome(task, bundle):
    if "hang" in task.shown:
        while True: pass
    if "crash" in task.shown:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "slow" in task.shown:
        time.sleep(0.7)
    if "faulty" in task.shown:
        raise ValueError("secret")
    if "hungry" in task.shown:
        keep = numpy.ones(1 << 34, numpy.uint8)
    return real(task, bundle)
w.outcome = outcome
w.main()
"""
)


@dataclass
class Live:
    url: str
    service: Service
    server: Server
    client: httpx.Client

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def scan(self, *files: tuple[str, bytes], route: str = "/v1/scan", **query) -> httpx.Response:
        parts = [("file", (name, data, "application/octet-stream")) for name, data in files]
        return self.client.post(route, files=parts, params=query)

    def spooled(self) -> list[Path]:
        """Return what lies in the private folder beside its lock."""
        return [p for p in self.service.spool.path.iterdir() if p.name != ".unsung-scratch"]


@contextmanager
def running(settings: ServerSettings, **more) -> Iterator[Live]:
    service = Service(settings, **more)
    server = prepared(service, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.started or not thread.is_alive(), 60)
    assert server.started
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        with httpx.Client(base_url=url, timeout=60) as client:
            yield Live(url, service, server, client)
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()
        assert not service.spool.path.exists()


def wait_for(true: Callable[[], object], longest_s: float = 30.0) -> None:
    end = time.monotonic() + longest_s
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def multipart(*files: tuple[str, bytes]) -> tuple[str, bytes]:
    """Return the content type and the bytes of a body."""
    body = b"".join(
        f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        + data
        + b"\r\n"
        for name, data in files
    )
    return "multipart/form-data; boundary=b", body + b"--b--\r\n"

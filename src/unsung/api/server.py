# SPDX-License-Identifier: MIT
"""Runs the application with uvicorn, and ends it in order: no new work, finish, then stop."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Iterator

import uvicorn

from unsung.api.app import build
from unsung.api.service import Service
from unsung.api.settings import LOOPBACK, ServerSettings

__all__ = ["Server", "prepared", "run"]

_MOST_CONNECTIONS = 1000
"""Beyond it uvicorn itself answers 503: a bound on open files."""


class Server(uvicorn.Server):
    """Tells the service before it waits for open requests: event streams would never end."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End in order."""
        await self._service.stop()
        await super().shutdown(sockets)


def prepared(service: Service, host: str, port: int) -> Server:
    """Return a server that is ready to run."""
    config = uvicorn.Config(
        build(service),
        host=host,
        port=port,
        http="h11",
        ws="none",
        lifespan="on",
        access_log=False,  # ours is structured and holds no names
        log_config=None,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=max(1, round(service.limits.grace_s)),
    )
    return Server(config, service)


@contextlib.contextmanager
def _closed_terminal_stops(server: Server) -> Iterator[None]:
    """Take SIGHUP, which uvicorn leaves alone, as the SIGTERM that it knows."""
    number = getattr(signal, "SIGHUP", None)
    if number is None or signal.getsignal(number) is signal.SIG_IGN:
        yield
        return
    before = signal.signal(number, server.handle_exit)
    try:
        yield
    finally:
        signal.signal(number, before)


def run(settings: ServerSettings, host: str, port: int) -> bool:
    """Serve until told to stop; False when the server could not start."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    for name in ("unsung.api", "unsung.api.access", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.INFO)
    if not settings.hosts and host in LOOPBACK:
        settings = settings.with_hosts(LOOPBACK)
    server = prepared(Service(settings), host, port)
    # uvicorn passes signals on when all is ended, and exits by itself when a port is taken.
    with contextlib.suppress(KeyboardInterrupt, SystemExit), _closed_terminal_stops(server):
        server.run()
    return server.started

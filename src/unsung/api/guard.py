# SPDX-License-Identifier: MIT
"""What surrounds every request: who may ask, safe headers, one log line, no traceback outside.

Plain ASGI, outermost, so that nothing passes it by. A refused upload is read to its end for a
moment: a client that is still sending would otherwise see a broken connection, not the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import time
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unsung.api.errors import Forbidden
from unsung.api.problems import problem, raised
from unsung.api.service import Service

__all__ = ["HEADERS", "Guard"]

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
_SAFE = ("GET", "HEAD", "OPTIONS")
_GONE = 499
_DRAIN_S, _DRAIN_BYTES = 2.0, 64_000_000
_access = logging.getLogger("unsung.api.access")
_log = logging.getLogger("unsung.api")


class Guard:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send)
        scope.setdefault("state", {})["exchange"] = exchange
        try:
            try:
                self._check(exchange)
                await self._app(scope, exchange.receive, exchange.send)
            except Forbidden as error:
                await raised(error)(scope, exchange.receive, exchange.send)
        except (ClientDisconnect, ConnectionAbortedError):
            exchange.status = _GONE
        except Exception:
            _log.exception("request %s failed", exchange.id)
            if not exchange.started:
                answer = problem("Unexpected", "", request_id=exchange.id)
                await answer(scope, exchange.receive, exchange.send)
        finally:
            self._record(exchange)

    def _check(self, exchange: _Exchange) -> None:
        """Refuse names that are not ours (DNS rebinding) and pages of other origins (CSRF)."""
        settings = self._service.settings
        host = exchange.header("host")
        if settings.hosts and _parts(f"//{host}")[1] not in settings.hosts:
            raise Forbidden("expected a Host that this server goes by; use its own address")
        origin = exchange.header("origin")
        if (
            origin
            and exchange.method not in _SAFE
            and origin not in settings.origins
            and _parts(origin)[0] != host
        ):
            raise Forbidden("expected a request of this server's own pages; this origin is closed")

    def _record(self, exchange: _Exchange) -> None:
        metrics, route = self._service.metrics, exchange.route
        seconds = time.perf_counter() - exchange.started_s
        metrics.requests.labels(exchange.method, route, str(exchange.status)).inc()
        metrics.seconds.labels(route).observe(seconds)
        metrics.received.inc(exchange.received)
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "id": exchange.id,
            "method": exchange.method,
            "route": route,
            "status": exchange.status,
            "ms": round(1e3 * seconds, 1),
            "bytes_in": exchange.received,
            "bytes_out": exchange.sent,
            "key": exchange.owner,
        }
        if self._service.settings.log_names:
            line["files"] = exchange.files
        _access.info(json.dumps(line))


class _Exchange:
    """One request and its answer, counted on the way."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._headers: dict[str, str] = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        self.id = secrets.token_hex(8)
        self.started_s = time.perf_counter()
        self.status = 0
        self.started = False
        self.received = self.sent = 0
        self.owner = ""
        self.files: list[str] = []
        length = self.header("content-length")
        self._unread = bool(length.strip("0")) or bool(self.header("transfer-encoding"))
        # A client that waits for "100 Continue" has sent nothing that could be read.
        self._asked = "100-continue" not in self.header("expect").lower()

    @property
    def method(self) -> str:
        """The method; what HTTP does not know is one word, so that metrics stay few."""
        known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
        return next((name for name in known if name == self._scope["method"]), "OTHER")

    @property
    def route(self) -> str:
        """The route's pattern: job ids are secrets and stay out of logs."""
        return str(getattr(self._scope.get("route"), "path", "(none)"))

    def header(self, name: str) -> str:
        """Return a header of the request, or ""."""
        return self._headers.get(name, "")

    async def receive(self) -> Message:
        """Pass the body on, counted."""
        self._asked = True
        message = await self._receive()
        if message["type"] == "http.request":
            self.received += len(message.get("body", b""))
            self._unread = bool(message.get("more_body"))
        else:
            self._unread = False
        return message

    async def send(self, message: Message) -> None:
        """Pass the answer on, with headers."""
        if message["type"] == "http.response.start":
            self.status, self.started = message["status"], True
            headers = [(k, v) for k, v in message["headers"]]
            have = {name.lower() for name, _ in headers}
            extra = {**HEADERS, "X-Request-ID": self.id}
            if self._refusing:  # the rest of the body must not be taken for a request
                extra["Connection"] = "close"
            for name, value in extra.items():
                if name.lower().encode() not in have:
                    headers.append((name.encode(), value.encode()))
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body":
            self.sent += len(message.get("body", b""))
            if self._refusing and self._asked and not message.get("more_body"):
                await self._send({**message, "more_body": True})
                await self._drain()
                message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    @property
    def _refusing(self) -> bool:
        return self.status >= 400 and self._unread

    async def _drain(self) -> None:
        start = self.received
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                while self._unread and self.received - start < _DRAIN_BYTES:
                    await self.receive()


def _parts(address: str) -> tuple[str, str]:
    """Return an address's host with and without its port; nothing of what is no address."""
    try:
        parts = urlsplit(address)
        return parts.netloc, parts.hostname or ""
    except ValueError:
        return "", ""

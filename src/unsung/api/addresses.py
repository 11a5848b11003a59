# SPDX-License-Identifier: MIT
"""Fetches a client's address without lending the client our place in the network (SSRF).

The name is resolved once; every address behind it must be public; the connection goes to the very
address that was checked, so that a second answer of the name server (DNS rebinding) changes
nothing. Redirects go through the same check. Proxies of the environment are not used: they would
resolve the name again. Leave this off (it is by default) where the server can reach machines that
trust it by its public address.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import SplitResult, urljoin, urlsplit

from unsung.api.errors import AddressRefused, TooLarge
from unsung.errors import FetchError

__all__ = ["Fetcher", "is_public"]

Resolve: TypeAlias = Callable[[str, int], list[str]]
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_PIECE_BYTES = 1 << 16
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Say whether an IP address is reachable by everybody, also one wrapped into IPv6.

    >>> [is_public(a) for a in ("93.184.215.14", "127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1")]
    [True, False, False, False]
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip.is_site_local:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


@dataclass(frozen=True)
class Fetcher:
    """Downloads public addresses.

    Attributes:
        max_bytes: more is refused.
        total_s: longest time for everything.
        idle_s: longest wait for the next bytes.
        ports: accepted ports; others are how one looks around in a network.
        resolve: name and port → addresses.
        allowed: says whether an address may be connected to.
    """

    max_bytes: int
    total_s: float = 120.0
    idle_s: float = 15.0
    ports: frozenset[int] = frozenset({80, 443})
    resolve: Resolve = _resolve
    allowed: Callable[[str], bool] = is_public

    def __call__(self, url: str, target: Path) -> None:
        """Save what an address holds; blocks, so run it in a thread.

        Raises:
            AddressRefused: not http(s), a private address or an unusual port.
            TooLarge: more than ``max_bytes``.
            FetchError: not reachable, too slow, cut, or another answer than 200.
        """
        deadline = time.monotonic() + self.total_s
        for _ in range(_MOST_REDIRECTS + 1):
            parts = _checked(url, self.ports)
            try:
                redirect = self._get(parts, target, deadline)
            except (http.client.HTTPException, OSError, ValueError) as error:
                reason = "no answer in time" if isinstance(error, TimeoutError) else "it failed"
                raise FetchError(
                    f"{parts.hostname}: expected an answer, {reason} ({type(error).__name__}); "
                    "check the address"
                ) from error
            if not redirect:
                return
            url = urljoin(url, redirect)
        raise FetchError(f"expected at most {_MOST_REDIRECTS} redirects; give the sound's address")

    def _get(self, parts: SplitResult, target: Path, deadline: float) -> str:
        """Save the answer; return where it redirects to, or ""."""
        host, port = parts.hostname or "", _port(parts)
        address = self._address(host, port)
        connection = _connection(parts.scheme, host, port, address, self.idle_s)
        # Against servers that drip: each byte comes in time, the whole never does.
        alarm = threading.Timer(max(0.0, deadline - time.monotonic()), _hang_up, [connection.sock])
        alarm.daemon = True
        alarm.start()
        try:
            headers = {"User-Agent": "unsung", "Accept-Encoding": "identity", "Accept": "*/*"}
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            if answer.status in _REDIRECTS:
                return answer.headers.get("Location") or "/"
            if answer.status != 200:
                raise FetchError(f"{host}: the server answered {answer.status}; check the address")
            self._copy(answer, host, target, deadline)
            return ""
        finally:
            alarm.cancel()
            connection.close()

    def _address(self, host: str, port: int) -> str:
        try:
            found = self.resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise FetchError(f"{host}: no such host; check the address") from error
        if not found or not all(self.allowed(address) for address in found):
            raise AddressRefused(
                f"{host}: expected a public address, this one is private, local or reserved; "
                "upload the file instead"
            )
        return found[0]

    def _copy(
        self, answer: http.client.HTTPResponse, host: str, target: Path, deadline: float
    ) -> None:
        promised = answer.headers.get("Content-Length", "")
        if promised.isdigit() and int(promised) > self.max_bytes:
            raise self._too_large(host)
        count = 0
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            while piece := answer.read1(_PIECE_BYTES):
                count += len(piece)
                if count > self.max_bytes:
                    raise self._too_large(host)
                file.write(piece)
        if time.monotonic() >= deadline:  # the alarm hung up, which looks like an end
            raise FetchError(f"{host}: not complete after {self.total_s:g} s; upload the file")
        if promised.isdigit() and count < int(promised):
            raise FetchError(f"{host}: the connection closed after {count} of {promised} bytes")

    def _too_large(self, host: str) -> TooLarge:
        return TooLarge(
            f"{host}: expected at most {self.max_bytes / 1e6:g} MB, got more; give a shorter piece"
        )


def _checked(url: str, ports: frozenset[int]) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = _port(parts)
    except ValueError as error:
        raise AddressRefused("expected an address such as https://example.org/a.mp3") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii():
        raise AddressRefused("expected an address that begins with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("expected an address without name and password; remove them")
    if any(ord(c) <= 32 or ord(c) == 127 for c in url):
        raise AddressRefused("expected an address without spaces; write them as %20")
    if port not in ports:
        shown = ", ".join(str(p) for p in sorted(ports))
        raise AddressRefused(f"expected one of the ports {shown}, got {port}")
    return parts


def _hang_up(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _port(parts: SplitResult) -> int:
    return parts.port if parts.port is not None else 443 if parts.scheme == "https" else 80


def _connection(
    scheme: str, host: str, port: int, address: str, timeout_s: float
) -> http.client.HTTPConnection:
    """Return a connection that asks for ``host`` and goes to ``address``."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    plain = socket.create_connection((address, port), timeout=timeout_s)
    if scheme == "https":
        try:
            plain = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
        connection.default_port = 443  # the Host header then has no port
    connection.sock = plain
    return connection

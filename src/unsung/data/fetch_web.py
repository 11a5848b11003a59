# SPDX-License-Identifier: MIT
"""Asks web servers: patience, errors that may pass, redirects that stay on the web."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import IO, Any

from unsung.core.http import opener, retry_after_s
from unsung.core.text import is_url
from unsung.errors import FetchError
from unsung.text import parse_json

__all__ = ["Again", "Settings", "broken", "open_url", "pause", "read_json"]

_AGENT = "unsung (data fetch)"
_LATER = (408, 425, 429, 500, 502, 503, 504)
_LONGEST_JSON = 64_000_000
_TERMS = (
    "it wants to know who asks: accept its terms, or download by hand (`unsung data info NAME`)"
)
_MOVED = "the file has moved: see the homepage"
_HINTS = {401: _TERMS, 403: _TERMS, 404: _MOVED, 410: _MOVED}


@dataclass(frozen=True)
class Settings:
    """How patient a download is.

    Attributes:
        timeout_s: longest wait for the server's next bytes.
        retries: how often in a row it may fail without one more byte.
        longest_wait_s: longest pause between two attempts, also where the server asks for more.
        zenodo_api: address of Zenodo's REST API (another one for tests and the sandbox).
        hub: address of the Hugging Face hub; empty takes the package's own.
        sleep: how to wait; tests give another one.
    """

    timeout_s: float = 60
    retries: int = 4
    longest_wait_s: float = 300
    zenodo_api: str = "https://zenodo.org/api"
    hub: str = ""
    sleep: Callable[[float], None] = time.sleep


class Again(Exception):
    """This attempt failed in a way that another may not; carries the pause that is asked for."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


def read_json(url: str, settings: Settings) -> Any:
    """Return the JSON at an address, with the same patience as for files.

    Raises:
        FetchError: not reachable, refused, or not JSON.
    """
    failed = 0
    while True:
        try:
            with open_url(url, {"Accept": "application/json"}, settings.timeout_s) as answer:
                return parse_json(answer.read(_LONGEST_JSON))
        except ValueError as error:
            raise FetchError(f"{url}: expected JSON ({error}); check the address") from error
        except (Again, OSError) as error:
            failed += 1
            again = error if isinstance(error, Again) else Again(broken(error))
            if failed > settings.retries:
                raise FetchError(f"{url}: {again} (tried {failed} times); try later") from error
            pause(again, failed, settings)


def open_url(
    url: str,
    headers: dict[str, str],
    timeout_s: float,
    *,
    method: str = "GET",
    data: bytes | IO[bytes] | None = None,
    hints: Mapping[int, str] = MappingProxyType({}),
) -> Any:
    """Open an http(s) address; redirects may lead to http(s) only.

    Args:
        url: the address.
        headers: an Authorization among them is not sent on to where a redirect leads.
        timeout_s: longest wait for the server's next bytes.
        method: GET, POST or PUT.
        data: what is sent.
        hints: what to do about a status, instead of the usual words for a download.

    Raises:
        FetchError: the server refuses for good (401, 403, 404, ...).
        Again: it fails in a way that may pass.
    """
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import Request

    if not is_url(url):
        raise FetchError(f"{url}: expected an address that begins with http:// or https://")
    request = Request(url, data=data, method=method, headers={"User-Agent": _AGENT})
    for name, value in headers.items():
        request.add_unredirected_header(name, value)
    try:
        return opener().open(request, timeout=timeout_s)
    except HTTPError as error:
        if error.code == 416:
            return error
        said = _message(error)
        if error.code in _LATER:
            wait_s = retry_after_s(error.headers.get("Retry-After", ""))
            raise Again(f"the server answered {error.code} {said}", wait_s) from error
        hint = hints.get(error.code) or _HINTS.get(error.code, "check the address")
        raise FetchError(f"{url}: the server answered {error.code} {said}; {hint}") from error
    except URLError as error:
        raise Again(f"not reachable ({error.reason})") from error
    except (HTTPException, OSError) as error:
        raise Again(broken(error)) from error


def pause(again: Again, failed: int, settings: Settings) -> None:
    """Wait before the next attempt: as long as the server asks, or twice as long each time."""
    wait_s = 2.0**failed if again.wait_s is None else again.wait_s
    settings.sleep(min(wait_s, settings.longest_wait_s))


def _message(error: Any) -> str:
    """Return the reason of a refusal, with the message that a REST API adds; closes the answer."""
    with error:
        try:
            values = parse_json(error.read(10_000))
            faults = [f"{item.get('field', '')}: {item}" for item in values.get("errors", ())]
            said = "; ".join([str(values["message"]), *faults])
        except (ValueError, KeyError, TypeError, AttributeError, OSError):
            return str(error.reason)
    return f"{error.reason} ({said})"


def broken(error: Exception) -> str:
    """Return a broken connection in words."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return f"the connection failed ({str(error) or type(error).__name__})"

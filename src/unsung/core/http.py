# SPDX-License-Identifier: MIT
"""The one web client: http and https only, also behind redirects; waits that a server asks for."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import Any

from unsung.core.text import is_url
from unsung.errors import FetchError

__all__ = ["elsewhere", "opener", "retry_after_s"]


def opener() -> Any:
    """Build an opener of `urllib.request` that knows http and https only, also behind redirects.

    Raises:
        FetchError: when opening: a redirect leads to another scheme.
    """
    from urllib import request

    class WebOnly(request.HTTPRedirectHandler):
        """Follows redirects to http(s) only."""

        def redirect_request(self, *args: Any) -> Any:
            if not is_url(new_url := args[-1]):
                raise elsewhere(args[0].full_url, new_url)
            return super().redirect_request(*args)

    built = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPErrorProcessor(),
        request.HTTPDefaultErrorHandler(),
        request.UnknownHandler(),
        WebOnly(),
    ):
        built.add_handler(handler)
    return built


def elsewhere(url: str, target: str) -> FetchError:
    """Return the error for a redirect that leaves the web."""
    scheme = target.partition(":")[0] or "nowhere"
    return FetchError(
        f"{url}: it redirects to {scheme}:, expected http or https; this is refused; "
        "give the address of the file itself"
    )


def retry_after_s(text: str) -> float | None:
    """Return the seconds that a Retry-After header asks for, a number or a date; None if neither.

    >>> retry_after_s("1.5"), retry_after_s("Thu, 01 Jan 1970 00:00:00 GMT"), retry_after_s("soon")
    (1.5, 0.0, None)
    """
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (TypeError, ValueError):
            return None
    return max(seconds, 0.0) if seconds < float("inf") else None

# SPDX-License-Identifier: MIT
"""The one table from our errors to status codes, and their bodies (RFC 9457, problem+json).

A row of a scan that failed without a verdict goes by the same table as an error that was raised.
"""

from __future__ import annotations

import http
import json
import math
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from unsung import errors as base
from unsung.api import errors as own
from unsung.scanning.pool import WorkerDied
from unsung.types import Failure

__all__ = ["STATUS", "JsonResponse", "dumps", "plain", "problem", "public", "raised", "status_of"]

STATUS: dict[str, int] = {
    kind.__name__: status
    for kind, status in (
        (own.BadUpload, 400),
        (own.Unauthorised, 401),
        (own.AddressRefused, 403),
        (own.Forbidden, 403),
        (base.UnknownName, 404),
        (own.JobGone, 404),
        (own.UploadTooSlow, 408),
        (own.JobRunning, 409),
        (own.TooLarge, 413),
        (own.TooLong, 413),
        (own.TooManyFiles, 413),
        (base.NotAudio, 415),
        (base.UnreadableAudio, 415),
        (base.EmptyAudio, 422),
        (base.EncryptedAudio, 422),
        (base.DamagedAudio, 422),
        (base.TooShort, 422),
        (base.SilentAudio, 422),
        (base.NotFinite, 422),
        (base.TruncatedAudio, 422),
        (base.AudioError, 422),
        (base.ManifestError, 422),
        (base.DatasetError, 422),
        (base.UsageError, 422),
        (own.DecodeTimeout, 422),
        (WorkerDied, 422),
        (MemoryError, 422),
        (own.Busy, 429),
        (own.MixedUp, 500),
        (base.UnsungError, 500),
        (base.MissingExtra, 501),
        (base.MissingTool, 501),
        (own.NotExplained, 501),
        (base.FetchError, 502),
        (base.BundleError, 503),
        (own.NotReady, 503),
    )
}
"""422 is the fault of the file or the question and stays: do not retry. 429, 502, 503 may pass."""

UNEXPECTED = "the server failed at this; it was logged under the request's id, please report it"


class JsonResponse(Response):
    """JSON that is always valid: numbers that JSON lacks become null, broken text is escaped."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the bytes of a body."""
        return dumps(content)


def dumps(content: Any) -> bytes:
    r"""Return valid JSON for plain values.

    >>> dumps({"logit": float("nan"), "name": "\udcff"})
    b'{"logit": null, "name": "\\udcff"}'
    """
    try:
        return json.dumps(content, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except ValueError:  # nan or infinity, or text that is no valid Unicode
        return json.dumps(_finite(content)).encode("ascii")


def status_of(kind: str) -> int:
    """Return the status code of an error's type name; an unknown one is our fault: 500."""
    return STATUS.get(kind, 500)


def problem(kind: str, detail: str, **more: Any) -> Response:
    """Return the answer for an error, by its type's name.

    The detail of an unexpected error stays in the log: it may hold what is not the client's.
    """
    status = status_of(kind)
    expected = kind in STATUS
    body = {
        "type": f"urn:unsung:error:{kind if expected else 'Unexpected'}",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "error": kind if expected else "Unexpected",
        "detail": detail if expected else UNEXPECTED,
        **more,
    }
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="unsung"'
    if status in (429, 503):
        headers["Retry-After"] = str(more.get("retry_after_s", 1))
    return JsonResponse(body, status, headers, media_type="application/problem+json")


def raised(error: Exception) -> Response:
    """Return the answer for an error that was raised; subclasses go by their nearest base."""
    kinds = (kind.__name__ for kind in type(error).__mro__)
    kind = next((name for name in kinds if name in STATUS), type(error).__name__)
    more = {"retry_after_s": error.retry_after_s} if isinstance(error, own.Busy) else {}
    return problem(kind, str(error), **more)


def plain(status: int, detail: str, **more: Any) -> Response:
    """Return the answer for what HTTP itself refuses: no such route, another method."""
    title = http.HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return JsonResponse(body, status, media_type="application/problem+json")


def public(failure: Failure) -> Failure:
    """Return a row's error as a client may see it."""
    if failure.type == MemoryError.__name__:
        return Failure(
            failure.type,
            "expected to fit into a worker's memory, it does not; send a shorter piece, or a "
            "lower sample rate or fewer channels",
        )
    if failure.type in STATUS:
        return failure
    return Failure("Unexpected", UNEXPECTED)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value

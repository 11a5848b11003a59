# SPDX-License-Identifier: MIT
"""What only a server can refuse: too much, too long, too many, not allowed, not there."""

from __future__ import annotations

from unsung.errors import AudioError, FetchError, UnsungError, UsageError

__all__ = [
    "AddressRefused",
    "BadUpload",
    "Busy",
    "DecodeTimeout",
    "Forbidden",
    "JobGone",
    "JobRunning",
    "MixedUp",
    "NotExplained",
    "NotReady",
    "TooLarge",
    "TooLong",
    "TooManyFiles",
    "Unauthorised",
    "UploadTooSlow",
]


class BadUpload(UsageError):
    """The body is not what the route takes."""


class TooLarge(UnsungError):
    """The body has more bytes than the server takes."""


class TooManyFiles(UsageError):
    """More uploads than the server takes in one request."""


class UploadTooSlow(UnsungError):
    """The body did not arrive in time."""


class TooLong(AudioError):
    """The sound is longer, once decoded, than the server takes."""


class DecodeTimeout(AudioError):
    """Scoring the file took too long; its process was killed."""


class AddressRefused(FetchError):
    """An address that the server will not connect to: private, local, or off altogether."""


class Unauthorised(UnsungError):
    """No API key, or a wrong one."""


class Forbidden(UnsungError):
    """A page of another origin, or a Host that this server does not go by."""


class JobGone(UsageError):
    """No such job: it never was, has expired, or belongs to another key."""


class JobRunning(UsageError):
    """The result of a job that is not finished."""


class NotExplained(UnsungError):
    """A page or picture of a detector that leaves no exact shares, as networks do."""


class NotReady(UnsungError):
    """The server starts, stops, or has no worker process that lives."""


class MixedUp(UnsungError):
    """An answer carries another file's hash: it is withheld. This must never happen."""


class Busy(UnsungError):
    """All workers are busy and the queue is full; ``retry_after_s`` says when to come back."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s

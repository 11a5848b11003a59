# SPDX-License-Identifier: MIT
"""API keys: made by us with 256 bits of chance, kept as hashes only, compared in constant time.

A plain SHA-256 is enough because the keys are random; passwords that people choose would need a
slow hash and are not accepted.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from unsung.api.errors import Unauthorised
from unsung.errors import UsageError

__all__ = ["ENVIRONMENT", "KeyRing", "new_key", "read_key_lines"]

ENVIRONMENT = "UNSUNG_API_KEYS"
"""Lines ``name:sha256``, separated by commas or line ends."""

_LINE = re.compile(r"([\w.-]{1,64}):([0-9a-f]{64})")
_PREFIX = "unsung_"


def new_key(name: str) -> tuple[str, str]:
    """Return a fresh key and the line to store; the key itself is not kept anywhere.

    Raises:
        UsageError: the name does not fit a line.
    """
    key = _PREFIX + secrets.token_urlsafe(32)
    line = f"{name}:{_digest(key)}"
    if not _LINE.fullmatch(line):
        raise UsageError(f"expected a name of letters, digits, '.', '-' or '_', got '{name}'")
    return key, line


def read_key_lines(path: Path | None, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the stored lines of a file and of the environment; ``#`` begins a comment.

    Raises:
        UsageError: the file cannot be read, or holds no key although one was named.
    """
    lines = re.split(r"[,\n]", environment.get(ENVIRONMENT, ""))
    if path is not None:
        try:
            found = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: expected a file of API keys ({error}); check it") from error
        found = [line.partition("#")[0] for line in found]
        if not any(line.strip() for line in found):
            raise UsageError(f"{path}: expected at least one line name:sha256, got none")
        lines += found
    return [line.strip() for line in lines if line.strip()]


class KeyRing:
    """Knows who a key belongs to; without any key everybody may ask."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._owners: list[tuple[str, str]] = []
        for line in lines:
            match = _LINE.fullmatch(line)
            if match is None:
                raise UsageError(
                    "expected API keys as lines name:sha256, got something else (not shown, it "
                    "may be a key); make lines with `unsung serve --new-key NAME`"
                )
            self._owners.append((match[1], match[2]))

    def __bool__(self) -> bool:
        return bool(self._owners)

    def owner(self, headers: Mapping[str, str]) -> str:
        """Return the name behind the request's key; "" where no keys are set.

        Raises:
            Unauthorised: no key, or an unknown one.
        """
        if not self._owners:
            return ""
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        given = bearer.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        digest, owner = _digest(given), ""
        for name, stored in self._owners:  # all of them: the time tells nothing
            if hmac.compare_digest(digest, stored):
                owner = name
        if not given or not owner:
            raise Unauthorised(
                "expected an API key (Authorization: Bearer KEY, or X-API-Key), got "
                f"{'one that is not known' if given else 'none'}; ask the operator for a key"
            )
        return owner


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()

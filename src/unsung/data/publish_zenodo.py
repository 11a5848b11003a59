# SPDX-License-Identifier: MIT
"""Deposits files on Zenodo: draft, upload, metadata, publication (developers.zenodo.org).

An interrupted upload goes on: the number of the draft is kept beside the files, and what lies there
with the right md5 is not sent again. A published record can never be taken back, only versioned.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit

from unsung.data.cards import About
from unsung.data.fetch_web import Again, Settings, open_url, pause
from unsung.data.publish import Part
from unsung.errors import FetchError, UsageError
from unsung.text import parse_json

__all__ = ["API", "SANDBOX", "Deposit", "deposit", "metadata"]

API = "https://zenodo.org/api"
SANDBOX = "https://sandbox.zenodo.org/api"
_HINTS = {
    401: "the token is not valid here; make one with the scopes deposit:write, deposit:actions",
    403: "the token may not do this; it needs the scopes deposit:write and deposit:actions",
    400: "correct the named field",
    404: "the draft is gone; delete the note of it and publish again",
}
_LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Deposit:
    """What became of a deposit: its page, DOI (empty for a draft), files sent and kept."""

    url: str
    doi: str
    sent: tuple[str, ...]
    kept: tuple[str, ...]
    published: bool


def metadata(about: About, version: str) -> dict[str, Any]:
    """Return the metadata of a deposit as Zenodo's API names them."""
    values: dict[str, Any] = {
        "title": about.title,
        "upload_type": "dataset",
        "description": f"<p>{html.escape(about.description)}</p>",
        "creators": [{"name": name} for name in about.creators],
        "access_right": "open",
        "license": about.licence.lower(),
        "version": version,
        "keywords": ["audio", "music", "deepfake detection"],
    }
    values |= {"publication_date": about.date} if about.date else {}
    if about.homepage:
        link = {"identifier": about.homepage, "relation": "isDocumentedBy"}
        values["related_identifiers"] = [link]
    values |= {"notes": f"Citation: {html.escape(about.citation)}"} if about.citation else {}
    return values


def deposit(
    parts: Sequence[Part],
    facts: dict[str, Any],
    note: Path,
    token: str,
    settings: Settings,
    *,
    publish: bool = True,
    report: Callable[[str], None] = lambda _: None,
) -> Deposit:
    """Upload files as a record of Zenodo.

    Args:
        parts: the files, with md5.
        facts: what `metadata` returned.
        note: where the number of the draft is kept, so that an interrupted upload goes on.
        token: personal access token.
        settings: `zenodo_api` is where it goes; how patient to be.
        publish: publish the draft in the end; it cannot be taken back.
        report: told the name of each file before it is sent.

    Raises:
        UsageError: no token, or it would be sent unencrypted.
        FetchError: refused, not reachable, or a file arrived damaged; the draft is kept.
    """
    client = _Client(token, settings)
    depositions = f"{settings.zenodo_api}/deposit/depositions"
    draft = _draft(client, depositions, note)
    there = {
        str(item["filename"]): str(item.get("checksum", "")).removeprefix("md5:")
        for item in draft.get("files", ())
    }
    sent, kept = [], []
    for part in parts:
        if there.get(part.name) == part.md5:
            kept.append(part.name)
            continue
        report(part.name)
        answer = client.put(f"{draft['links']['bucket']}/{quote(part.name)}", Path(part.path))
        arrived = str(answer.get("checksum", "")).removeprefix("md5:")
        if arrived != part.md5:
            raise FetchError(
                f"{part.name}: expected md5 {part.md5} to arrive, got {arrived or 'none'}; "
                "the file changed or was damaged: publish again, the rest is kept"
            )
        sent.append(part.name)
    here = f"{depositions}/{draft['id']}"
    done = client.ask("PUT", here, {"metadata": facts})
    if publish:
        done = client.ask("POST", f"{here}/actions/publish")
        note.unlink(missing_ok=True)
    page = done.get("links", {}).get("html", "") or draft["links"].get("html", "")
    return Deposit(str(page), str(done.get("doi", "")), tuple(sent), tuple(kept), publish)


class _Client:
    """Zenodo's REST API with a token; each request is tried again where it may pass."""

    def __init__(self, token: str, settings: Settings) -> None:
        where = urlsplit(settings.zenodo_api)
        if not token:
            raise UsageError(
                "no token; make one on Zenodo (scopes deposit:write, deposit:actions) and set "
                "ZENODO_TOKEN, or ZENODO_SANDBOX_TOKEN for --sandbox"
            )
        if where.scheme != "https" and where.hostname not in _LOCAL:
            raise UsageError(f"{settings.zenodo_api}: a token is only sent over https")
        self._home, self._settings = (where.scheme, where.netloc), settings
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def ask(self, method: str, url: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send JSON, return JSON."""
        data = json.dumps(values or {}).encode() if method != "GET" else None
        headers = {**self._headers, "Content-Type": "application/json"}
        return self._try(method, url, headers, lambda: data)

    def put(self, url: str, path: Path) -> dict[str, Any]:
        """Upload a file, from its beginning at each attempt."""
        if urlsplit(url)[:2] != self._home:
            raise FetchError(f"{url}: the server names a bucket elsewhere; the token stays here")
        headers = {**self._headers, "Content-Type": "application/octet-stream"}
        headers["Content-Length"] = str(path.stat().st_size)
        with path.open("rb") as file:

            def again() -> IO[bytes]:
                file.seek(0)
                return file

            return self._try("PUT", url, headers, again)

    def _try(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        data: Callable[[], bytes | IO[bytes] | None],
    ) -> dict[str, Any]:
        failed = 0
        while True:
            try:
                with open_url(
                    url,
                    headers,
                    self._settings.timeout_s,
                    method=method,
                    data=data(),
                    hints=_HINTS,
                ) as answer:
                    values: dict[str, Any] = parse_json(answer.read() or b"{}")
                    return values
            except ValueError as error:
                raise FetchError(f"{url}: expected JSON ({error}); is it Zenodo's API?") from error
            except (Again, OSError) as error:
                failed += 1
                again = error if isinstance(error, Again) else Again(str(error))
                if failed > self._settings.retries:
                    raise FetchError(
                        f"{url}: {again} (tried {failed} times); the draft is kept: run the same "
                        "command again to go on"
                    ) from error
                pause(again, failed, self._settings)


def _draft(client: _Client, depositions: str, note: Path) -> dict[str, Any]:
    """Return the draft that was begun, or a new one."""
    known = ""
    with suppress(OSError, ValueError, KeyError):
        known = parse_json(note.read_text(encoding="utf-8"))["draft"]
    if known.startswith(f"{depositions}/"):
        draft = client.ask("GET", known)
        if not draft.get("submitted"):
            return draft
    draft = client.ask("POST", depositions)
    own = f"{depositions}/{draft['id']}"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({"draft": own}), encoding="utf-8")
    return draft

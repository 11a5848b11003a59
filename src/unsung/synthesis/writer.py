# SPDX-License-Identifier: MIT
"""Writes lyrics through any endpoint that speaks the OpenAI chat protocol.

Answers are checked against the record; one repair is asked for, then the song is given up. What
was paid for is kept on disk by the hash of its request, so that a second run costs nothing. Units:
tokens, requests, seconds. When not to use: without a budget; the defaults allow 1000 requests.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unsung.core.http import retry_after_s
from unsung.errors import MissingExtra, UnsungError, UsageError
from unsung.outputs import output_folder, write_whole
from unsung.synthesis._answers import (
    SYSTEM,
    BadAnswer,
    ask,
    check_answer,
    repair,
)
from unsung.synthesis.lyrics import Draft, GrammarWriter, LyricRequest, Writer
from unsung.text import parse_json

__all__ = ["FATAL", "BudgetSpent", "Endpoint", "EndpointWriter", "KeyRefused", "WriterError"]
__all__ += ["choose_writer"]

KEY_VARIABLES = ("UNSUNG_WRITER_KEY", "OPENAI_API_KEY")
URL_VARIABLES = ("UNSUNG_WRITER_URL", "OPENAI_BASE_URL")
_LONGEST_WAIT_S = 120.0  # a Retry-After beyond this is a refusal for today
_RETRY_CODES = (408, 409, 429, 500, 502, 503, 504)


class WriterError(UnsungError):
    """One song could not be written; the others go on."""


class KeyRefused(WriterError):
    """The endpoint does not accept the key, or the key may not use the model."""


class BudgetSpent(WriterError):
    """The next request would go beyond the budget; what was written is kept."""


FATAL = (KeyRefused, BudgetSpent)
"""Errors after which asking for further songs is useless."""


@dataclass(frozen=True)
class Endpoint:
    """Where and how to ask.

    Attributes:
        model: the model's name at the endpoint.
        base_url: address up to /v1; empty is the client's own default.
        key: the key; never printed, stored or hashed.
        temperature: of sampling.
        max_output_tokens: most tokens of an answer.
        timeout_s: of one request.
        retries: how often a request is repeated after 429, 5xx, or no answer.
        max_requests: budget of requests, retries and repairs included.
        max_tokens: budget of tokens, asked and answered.
        json_mode: ask the endpoint for JSON (switch off where it knows no response_format).
        cache: folder of paid answers; None keeps none.
    """

    model: str
    base_url: str = ""
    key: str = field(default="", repr=False)
    temperature: float = 1.0
    max_output_tokens: int = 1500
    timeout_s: float = 60.0
    retries: int = 4
    max_requests: int = 1000
    max_tokens: int = 2_000_000
    json_mode: bool = True
    cache: Path | None = None


class EndpointWriter:
    """Asks a language model for songs, within a budget.

    Args:
        endpoint: where and how to ask.
        sleep: waits between retries; tests pass their own.

    Raises:
        UsageError: no model or no key.
        MissingExtra: the package `openai` is absent.
    """

    name = "endpoint"

    def __init__(self, endpoint: Endpoint, sleep: Callable[[float], None] = time.sleep) -> None:
        if not endpoint.model or not endpoint.key:
            lacking = "model" if not endpoint.model else "key"
            raise UsageError(
                f"expected a {lacking} for the language model, got none; set --llm-model, and the "
                f"key in ${KEY_VARIABLES[0]} (any text where the endpoint asks for none)"
            )
        try:
            import openai
        except ModuleNotFoundError as error:
            raise MissingExtra("openai", "synthesis", "writing with a language model") from error
        self.endpoint, self._sleep = endpoint, sleep
        self.requests, self.tokens, self.from_cache = 0, 0, 0
        self._client = openai.OpenAI(
            api_key=endpoint.key,
            base_url=endpoint.base_url or None,
            timeout=endpoint.timeout_s,
            max_retries=0,  # our own retries count against the budget
        )

    @property
    def model(self) -> str:
        """The model's name."""
        return self.endpoint.model

    def write(self, request: LyricRequest) -> Draft:
        """Write one song, from the cache if it was paid for before.

        Raises:
            KeyRefused: 401 or 403.
            BudgetSpent: the next request would go beyond the budget.
            WriterError: refusal, no answer after all retries, or no valid answer after a repair.
        """
        messages = [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": ask(request)},
        ]
        place = self._place(messages, request.seed)
        if place is not None and place.is_file():
            self.from_cache += 1
            return Draft.from_dict(parse_json(place.read_text(encoding="utf-8"))["draft"])
        answer = self._answer(messages, request.seed)
        try:
            draft = check_answer(answer, request)
        except BadAnswer as first:
            again = self._answer([*messages, *repair(answer, str(first))], request.seed)
            try:
                draft = check_answer(again, request)
            except BadAnswer as second:
                raise WriterError(
                    f"{self.model} gave no valid song, also when asked to repair it: {second}"
                ) from second
        if place is not None:
            row = {"model": self.model, "messages": messages, "draft": draft.to_dict()}
            write_whole(place, json.dumps(row, ensure_ascii=False, indent=1))
        return draft

    def _place(self, messages: list[dict[str, str]], seed: int) -> Path | None:
        if self.endpoint.cache is None:
            return None
        asked = self._asked(messages, seed) | {"base_url": self.endpoint.base_url}
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        return self.endpoint.cache / digest[:2] / f"{digest}.json"

    def _asked(self, messages: list[dict[str, str]], seed: int) -> dict[str, Any]:
        asked = {
            "model": self.model,
            "messages": messages,
            "temperature": self.endpoint.temperature,
            "max_tokens": self.endpoint.max_output_tokens,
            "seed": seed % 2**31,
        }
        return asked | (
            {"response_format": {"type": "json_object"}} if self.endpoint.json_mode else {}
        )

    def _answer(self, messages: list[dict[str, str]], seed: int) -> str:
        """Ask, wait and ask again as the endpoint wishes; return the answer's text."""
        import openai

        asked = self._asked(messages, seed)
        for attempt in range(self.endpoint.retries + 1):
            self._spend(messages)
            try:
                return self._text(self._client.chat.completions.create(**asked))
            except openai.APIStatusError as error:
                code = error.status_code
                self._give_up(code, error)
                wait_s = _wait_s(error.response.headers, attempt)
                problem = f"code {code}"
            except openai.APIConnectionError as error:  # its subclass is the timeout
                slow = isinstance(error, openai.APITimeoutError)
                wait_s, problem = 2.0**attempt, "no answer in time" if slow else "no connection"
            except (openai.APIError, ValueError) as error:
                raise WriterError(
                    f"the endpoint's answer is not of the chat protocol ({self._safe(error)}); "
                    f"check the address {self.endpoint.base_url or '(default)'}"
                ) from None
            if wait_s > _LONGEST_WAIT_S:
                raise WriterError(
                    f"the endpoint asks to wait {wait_s:.0f} s ({problem}); run this again later, "
                    "what was written is kept"
                )
            if attempt < self.endpoint.retries:
                self._sleep(wait_s)
        raise WriterError(
            f"{self.model}: {problem}, also after {self.endpoint.retries} retries; check the "
            "address, or raise the time limit"
        )

    def _spend(self, messages: list[dict[str, str]]) -> None:
        """Count a request; it must fit even if its answer is as long as allowed."""
        words = sum(len(message["content"]) for message in messages) // 3
        if self.requests >= self.endpoint.max_requests:
            raise BudgetSpent(
                f"the budget of {self.endpoint.max_requests} requests is spent; what was written "
                "is kept: raise --max-requests and run this again"
            )
        if self.tokens + words + self.endpoint.max_output_tokens > self.endpoint.max_tokens:
            raise BudgetSpent(
                f"the next request could go beyond the budget of {self.endpoint.max_tokens} tokens "
                f"({self.tokens} used); what was written is kept: raise --max-tokens and run again"
            )
        self.requests += 1

    def _text(self, completion: Any) -> str:
        usage = getattr(completion, "usage", None)
        choices = getattr(completion, "choices", None)
        if not choices:
            raise ValueError("no choices")
        message = choices[0].message
        content = message.content or ""
        total = getattr(usage, "total_tokens", None)
        self.tokens += total if total is not None else self.endpoint.max_output_tokens
        if getattr(message, "refusal", None) or choices[0].finish_reason == "content_filter":
            words = str(getattr(message, "refusal", "") or "content filter")[:200]
            raise WriterError(f"{self.model} refused to write this song: {words}")
        return str(content)

    def _give_up(self, code: int, error: Exception) -> None:
        """Raise unless a repetition may help."""
        if code in (401, 403):
            raise KeyRefused(
                f"the endpoint refused the key (code {code}); check ${KEY_VARIABLES[0]} or "
                f"${KEY_VARIABLES[1]}, and that the key may use {self.model}"
            ) from None
        if code not in _RETRY_CODES:
            raise WriterError(
                f"the endpoint refused the request (code {code}): {self._safe(error)}; where it "
                "knows no response_format, use --no-json-mode"
            ) from None

    def _safe(self, error: Exception) -> str:
        """Return an error's text without the key, which some servers send back."""
        return str(error).replace(self.endpoint.key, "***")[:300]


def choose_writer(
    kind: str, model: str = "", base_url: str = "", settings: Mapping[str, Any] | None = None
) -> Writer:
    """Return the writer that was asked for; "auto" asks a model if a key is set.

    The key comes from the environment (`KEY_VARIABLES`), never from an argument that a process
    list would show; the address from the argument or `URL_VARIABLES`.

    Raises:
        UsageError: another kind, no key or model for an endpoint, or a cache that is no folder.
    """
    cache = (settings or {}).get("cache")
    if cache is not None:
        output_folder(cache, (), {})
    key = next((os.environ[name] for name in KEY_VARIABLES if os.environ.get(name)), "")
    url = base_url or next((os.environ[n] for n in URL_VARIABLES if os.environ.get(n)), "")
    if kind not in ("auto", "grammar", "endpoint"):
        raise UsageError(f"expected the writer auto, grammar or endpoint; got '{kind}'")
    if kind == "grammar" or (kind == "auto" and not key):
        return GrammarWriter()
    return EndpointWriter(Endpoint(model, url, key, **(settings or {})))


def _wait_s(headers: Mapping[str, str], attempt: int) -> float:
    """Return how long to wait: as Retry-After says, or 1, 2, 4, ... seconds."""
    said_s = retry_after_s(headers.get("retry-after", ""))
    return 2.0**attempt if said_s is None else said_s

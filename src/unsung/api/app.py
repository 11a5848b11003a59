# SPDX-License-Identifier: MIT
"""Puts the server together: routes, errors, OpenAPI and what surrounds them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from unsung import __version__
from unsung.api import info, routes
from unsung.api.guard import Guard
from unsung.api.problems import plain, raised
from unsung.api.schemas import Problem
from unsung.api.service import Service
from unsung.errors import UnsungError

__all__ = ["build"]

_WORDS = """\
Tells AI-generated music from human recordings, and shows why.

Scores have the same names here, in Python and in `unsung scan --json`. Positive logit = AI.
Errors are problem+json (RFC 9457); `error` is the name in Python.
"""
_TAGS = [
    {"name": "scan", "description": "Verdicts for uploads."},
    {"name": "explain", "description": "Why a verdict is what it is."},
    {"name": "jobs", "description": "Many files, with progress and a result for a while."},
    {"name": "server", "description": "The detector, and how the server is."},
]


def build(service: Service) -> FastAPI:
    """Return the application of a service; its lifespan starts and ends the workers."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    app = FastAPI(
        title="unsung",
        version=__version__,
        description=_WORDS,
        lifespan=lifespan,
        docs_url=None,  # FastAPI's page loads scripts from elsewhere; ours does not
        redoc_url=None,
        openapi_tags=_TAGS,
        redirect_slashes=False,
    )
    app.state.service = service
    app.include_router(routes.router)
    app.include_router(info.router)
    app.add_exception_handler(UnsungError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    if service.settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(service.settings.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "X-API-Key", "Content-Type", "Last-Event-ID"],
            expose_headers=["Location", "Retry-After", "X-Request-ID"],
        )
    app.add_middleware(Guard, service=service)
    app.openapi = lambda: _openapi(app, bool(service.keys))  # type: ignore[method-assign]
    return app


async def _ours(_: Request, error: Exception) -> Response:
    return raised(error)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [
        {"where": ".".join(str(part) for part in item["loc"]), "what": str(item["msg"])}
        for item in error.errors()
    ]
    words = "; ".join(f"{item['where']}: {item['what']}" for item in found)
    return plain(422, f"a parameter is wrong: {words}", error="UsageError", errors=found)


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = plain(error.status_code, f"{error.detail}; the routes are listed at /docs")
    answer.headers.update(error.headers or {})
    return answer


def _openapi(app: FastAPI, keyed: bool) -> dict[str, Any]:
    """Return the document, with our own errors instead of FastAPI's."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    parts = document.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = _problem_schema()
    for path in document["paths"].values():
        for operation in path.values():
            wrong = operation["responses"].get("422", {})
            if "application/json" in wrong.get("content", {}):
                body = {"schema": {"$ref": "#/components/schemas/Problem"}}
                wrong["content"] = {"application/problem+json": body}
    if keyed:
        parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"key": []}]
    app.openapi_schema = document
    return document


def _problem_schema() -> dict[str, Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(Problem).json_schema()

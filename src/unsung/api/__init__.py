# SPDX-License-Identifier: MIT
"""The REST server: uploads in, scores out, with a bound on everything a client can use.

Importing this folder loads neither FastAPI nor the detector; `create_app` and `serve` do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unsung.api.keys import new_key, read_key_lines
from unsung.api.settings import Limits, ServerSettings
from unsung.errors import MissingExtra

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["Limits", "ServerSettings", "create_app", "new_key", "read_key_lines", "serve"]


def create_app(settings: ServerSettings | None = None) -> FastAPI:
    """Return the application, for an ASGI server of your own (one process: it holds the workers).

    Raises:
        MissingExtra: FastAPI and what belongs to it are not installed.
        BundleError: the detector cannot be loaded.
    """
    _need()
    from unsung.api.app import build
    from unsung.api.service import Service

    return build(Service(settings or ServerSettings()))


def serve(settings: ServerSettings, host: str = "127.0.0.1", port: int = 8000) -> bool:
    """Serve until told to stop (SIGINT or SIGTERM); False when it could not start.

    Raises:
        MissingExtra: FastAPI and what belongs to it are not installed.
        BundleError: the detector cannot be loaded.
    """
    _need()
    from unsung.api.server import run

    return run(settings, host, port)


def _need() -> None:
    import importlib.util

    packages = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(package.replace("_", "-"), "serve", "the REST server")

# SPDX-License-Identifier: MIT
"""Gives out a written site on this machine, with the headers that let WebAssembly use threads.

For one person in front of one browser: not for the open network, where any static server does.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import webbrowser
from collections.abc import Callable
from pathlib import Path

from unsung.errors import UsageError

__all__ = ["HEADERS", "Handler", "serve"]

HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
        "connect-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src blob:; "
        "manifest-src 'self'; base-uri 'none'; form-action 'none'"
    ),
}
"""The first two isolate the page from others: browsers then share memory between threads. The
policy is that of the page, which as a header binds its worker too."""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of one folder, with `HEADERS`."""

    extensions_map = {  # noqa: RUF012  # as the base class declares it
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
        ".webmanifest": "application/manifest+json",
        ".onnx": "application/octet-stream",
        ".safetensors": "application/octet-stream",
    }

    def end_headers(self) -> None:
        """Add `HEADERS` to every answer."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def handle(self) -> None:
        """Answer; a browser that leaves in the middle, as at a reload, is no event to report."""
        with contextlib.suppress(ConnectionError):
            super().handle()

    def list_directory(self, path: object) -> None:  # noqa: ARG002
        """Show no folder's contents."""
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: what is opened here is nobody's business."""


def serve(
    folder: str | Path,
    port: int = 8765,
    *,
    opened: bool = True,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Give out a site on 127.0.0.1 until interrupted.

    Args:
        folder: that `write_site` wrote.
        port: 0 takes a free one.
        opened: also open it in the browser.
        ready: called with the address once it answers.

    Raises:
        UsageError: the folder holds no site, or the port is taken.
    """
    if not (Path(folder) / "build.js").is_file():
        raise UsageError(f"{folder}: expected a site; write one with `unsung web -o {folder}`")
    handler = functools.partial(Handler, directory=str(folder))
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise UsageError(
            f"port {port} cannot be used ({error.strerror}); give another with --port, 0 for any"
        ) from error
    with server:
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        if ready is not None:
            ready(address)
        if opened:
            webbrowser.open(address)
        server.serve_forever()

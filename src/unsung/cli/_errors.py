# SPDX-License-Identifier: MIT
"""Ends a command the way a shell expects: one red line and an exit code, never a traceback."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import Any

import typer
from typer.core import TyperGroup

from unsung import scratch
from unsung.errors import BundleError, ManifestError, UnsungError, UsageError
from unsung.stopping import Stopped, stoppable

__all__ = ["Group"]

FAILED, WRONG_USAGE, BY_SIGNAL, PIPE_CLOSED = 1, 2, 128, 141
"""128 and a signal's number (130 Ctrl-C, 143 SIGTERM, 141 SIGPIPE) is what a shell would say."""


class Group(TyperGroup):
    """A command group that turns errors into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; what it raises becomes its exit code."""
        _open_closed_streams()
        with stoppable():
            return self._run(ctx, bool(ctx.params.get("debug")))

    def _run(self, ctx: Any, debug: bool) -> Any:
        try:
            scratch.sweep()
            return super().invoke(ctx)
        except BrokenPipeError:  # `| head` has seen enough
            _drop_unread()
            raise typer.Exit(PIPE_CLOSED) from None
        except KeyboardInterrupt as stop:
            number = stop.number if isinstance(stop, Stopped) else signal.SIGINT
            name = signal.Signals(number).name
            how = "interrupted" if number == signal.SIGINT else f"stopped by {name}"
            with suppress(OSError):  # the terminal may be gone
                typer.echo(f"\n{how}; what was finished is written", err=True)
            _drop_unread()
            raise typer.Exit(BY_SIGNAL + number) from None
        except UnsungError as error:
            if debug:
                raise
            _print(str(error))
            wrong = isinstance(error, UsageError | BundleError | ManifestError)
            raise typer.Exit(WRONG_USAGE if wrong else FAILED) from None
        except ModuleNotFoundError as error:
            from unsung.registry import missing_extra

            absent = missing_extra(error, f"unsung {ctx.invoked_subcommand}")
            if debug:
                raise
            _print(str(absent) if absent is not None else _unexpected(error))
            raise typer.Exit(FAILED) from None
        except OSError as error:
            if debug:
                raise
            name = f"{error.filename}: " if error.filename else ""
            _print(f"{name}{error.strerror or error}; check the path and the space on the disk")
            raise typer.Exit(FAILED) from None
        except Exception as error:
            # Typer's own exceptions (wrong options, Exit, Abort) carry or mean an exit code.
            if debug or hasattr(error, "exit_code") or isinstance(error, typer.Abort):
                raise
            _print(_unexpected(error))
            raise typer.Exit(FAILED) from None


def _unexpected(error: Exception) -> str:
    return (
        f"unexpected {type(error).__name__}: {error}; this is a fault of unsung: "
        "run `unsung --debug ...` and report what it prints"
    )


def _open_closed_streams() -> None:
    """Open what a parent had closed: the next file must not become standard output."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, os.O_RDWR)
            if handle != number:  # its number was free, and is not the lowest
                os.dup2(handle, number)
                os.close(handle)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


def _drop_unread() -> None:
    """Let Python end quietly when nobody reads its output any more."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError, ValueError):
                void = os.open(os.devnull, os.O_WRONLY)
                os.dup2(void, stream.fileno())
                os.close(void)


def _print(message: str) -> None:
    from unsung.cli._console import printable

    word = typer.style("error:", fg="red", bold=True)
    colour = False if os.environ.get("NO_COLOR") else None  # None: only on a terminal
    typer.echo(f"{word} {printable(message)}", err=True, color=colour)

# SPDX-License-Identifier: MIT
"""Ends a command the way a shell expects: one red line and an exit code, never a traceback."""

from __future__ import annotations

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from unsung.errors import BundleError, ManifestError, UnsungError, UsageError

__all__ = ["Group"]

FAILED, WRONG_USAGE, INTERRUPTED, PIPE_CLOSED = 1, 2, 130, 141
"""141 and 130 are what a shell reports of a command that SIGPIPE or Ctrl-C ended."""


class Group(TyperGroup):
    """A command group that turns errors into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; what it raises becomes its exit code."""
        debug = bool(ctx.params.get("debug"))
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # `| head` has seen enough: leave quietly, also when Python flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(PIPE_CLOSED) from None
        except KeyboardInterrupt:
            typer.echo("\ninterrupted; what was finished is written", err=True)
            raise typer.Exit(INTERRUPTED) from None
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


def _print(message: str) -> None:
    from unsung.cli._console import printable

    word = typer.style("error:", fg="red", bold=True)
    colour = False if os.environ.get("NO_COLOR") else None  # None: only on a terminal
    typer.echo(f"{word} {printable(message)}", err=True, color=colour)

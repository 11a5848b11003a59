# SPDX-License-Identifier: MIT
"""Runs another program for one clip: no shell, a time limit, and its last words kept."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from unsung.synthesis.generators.base import GeneratorError, NotReady

__all__ = ["run"]

_TAIL = 1500  # characters of a program's output that an error message keeps


def run(
    name: str,
    argv: Sequence[str],
    *,
    timeout_s: float,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    accept: tuple[int, ...] = (0,),
) -> str:
    """Run a program to its end and return the end of what it printed.

    It gets a process group of its own, and the whole group is killed at the time limit or when
    this process is interrupted: no model stays behind on the GPU.

    Raises:
        NotReady: there is no such program, or it may not be run.
        GeneratorError: the time limit, or an exit code that is not accepted.
    """
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        except OSError as error:
            raise NotReady(
                f"{name}: '{argv[0]}' could not be started ({error.strerror}); "
                "check that it is installed and on the PATH"
            ) from error
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            _kill(process)
            raise GeneratorError(
                f"{name}: '{argv[0]}' took longer than {timeout_s:g} s and was stopped; "
                f"set timeout_s higher if it needs that; it said: {_tail(output)}"
            ) from error
        except BaseException:
            _kill(process)
            raise
        said = _tail(output)
    if code not in accept:
        raise GeneratorError(f"{name}: '{argv[0]}' ended with code {code}; it said: {said}")
    return said


def _kill(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:  # Windows has no process groups of this kind
        process.kill()
    process.wait()


def _tail(output: IO[bytes]) -> str:
    output.seek(0, os.SEEK_END)
    size = output.tell()
    output.seek(max(size - 4 * _TAIL, 0))
    text = output.read().decode("utf-8", "replace")
    return text.strip()[-_TAIL:] or "nothing"

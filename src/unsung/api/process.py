# SPDX-License-Identifier: MIT
"""The server's end of one decoder process: start it, ask it under a time limit, end it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from typing import Any

from unsung.api.errors import DecodeTimeout
from unsung.api.frames import HEAD, Message, Outcome, Task, pack, unpack_head
from unsung.errors import UnsungError
from unsung.scanning.pool import ONE_THREAD, WorkerDied
from unsung.types import Explanation, Score

__all__ = ["BOOT", "MAIN", "Worker"]

BOOT = "import json, os, sys; sys.path[:] = json.loads(os.environ.pop('UNSUNG_WORKER_PATH')); "
MAIN = BOOT + "from unsung.api.worker import main; main()"
_START_S = 120.0


class Worker:
    """One process and its pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.done = 0
        self.spent = False  # what ran out of memory once may be in any state

    @classmethod
    async def start(cls, init: dict[str, Any], program: str = MAIN) -> Worker:
        """Start a process and wait until its bundle is loaded.

        Raises:
            UnsungError: it cannot load the bundle, or ends before it can say so.
        """
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("UNSUNG_")}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            program,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**inherited, **ONE_THREAD, "UNSUNG_WORKER_PATH": json.dumps(sys.path)},
            start_new_session=True,  # Ctrl-C reaches the server alone, which ends them in order
        )
        worker = cls(process)
        try:
            async with asyncio.timeout(_START_S):
                answer, _ = await worker._exchange(pack(init))
        except BaseException as error:
            await worker.kill()
            if isinstance(error, TimeoutError | WorkerDied):
                why = str(error) or f"not ready after {_START_S:g} s"
                raise UnsungError(f"a worker process could not start: {why}") from error
            raise
        if answer["error"] is not None:
            await worker.kill()
            raise UnsungError(str(answer["error"]))
        return worker

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.returncode is None

    async def ask(self, task: Task, limit_s: float) -> Outcome:
        """Score one file.

        Raises:
            DecodeTimeout: it took longer than the limit; the process is gone.
            WorkerDied: the process ended.
            RuntimeError: a fault of ours; the process lives.
        """
        self.done += 1
        try:
            async with asyncio.timeout(limit_s):
                header, body = await self._exchange(pack(task.to_dict()))
        except TimeoutError:
            await self.kill()
            raise DecodeTimeout(
                f"{task.shown}: expected to be done within {limit_s:g} s, it was not and the "
                "process was stopped; send a shorter piece or another format"
            ) from None
        if "fault" in header:
            raise RuntimeError(f"a worker failed: {header['fault']}")
        explanation, score = header["explanation"], Score.from_dict(header["score"])
        if score.error is not None and score.error.type == MemoryError.__name__:
            self.spent = True
        return Outcome(
            score,
            None if explanation is None else Explanation.from_dict(explanation),
            body,
        )

    async def kill(self) -> None:
        """End the process now."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def _exchange(self, message: bytes) -> Message:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(message)
            await stdin.drain()
            text, body = unpack_head(await stdout.readexactly(HEAD.size))
            header = json.loads(await stdout.readexactly(text))
            return header, await stdout.readexactly(body)
        except (OSError, EOFError, ValueError) as error:
            await self.kill()
            raise WorkerDied(_how(self._process.returncode)) from error


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        how = f"signal {-code} ({signal.Signals(-code).name})"
    else:
        how = f"exit code {code}"
    return (
        f"the process that scored this file ended by {how}; its memory or time ran out, or the "
        "file breaks a decoder: send another format"
    )

# SPDX-License-Identifier: MIT
"""Runs the scan as a Ray Data pipeline: the cluster decodes and scores, this machine reads, writes.

A source of tasks and a map over them, executed as a stream: a few tasks a core are under way, rows
come back in the order of finishing, and the input may be endless. Each Ray process keeps one worker
process of its own, the same as on one machine: a file that crashes or hangs it costs one row. A
task whose process or machine is lost is tried again elsewhere. Every machine needs this package and
must see the inputs under the same paths (a shared folder, or object storage). When not to use: on
one machine, where ``--jobs`` starts faster.
"""

from __future__ import annotations

import logging
import pickle
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from unsung.errors import MissingExtra, UnsungError, UsageError
from unsung.scanning.pool import Item
from unsung.scanning.process import Known
from unsung.scanning.ray_machine import Desk, Setting, numbers, score
from unsung.scanning.settings import Row, Stamp
from unsung.scanning.worker import Task

__all__ = ["LOCAL", "connect", "run"]

LOCAL = "local"
"""The address that starts a cluster on this machine and ends it after the scan."""

SECTION = 20_000
"""Tasks of one Ray Data execution, which keeps some 2 kB for each until it ends."""

OPTIONS = {
    "target_max_block_size": 1,  # bytes: every row leaves by itself, none waits for others
    "execution_no_progress_timeout_s": -1,  # seconds: a watched folder may rest for days
    "enable_progress_bars": False,
    "print_on_execution_start": False,
}
"""Ray Data's settings for this pipeline alone."""

CALLERS = 64
"""Calls of the machines that the desk hears at once; further ones wait their turn."""

PER_CORE = 3
"""Tasks under way for each core: one at work, one on the way, one in reserve."""


def run(
    items: Iterator[Item],
    address: str,
    jobs: int | None,
    init: Mapping[str, Any],
    stamp: Stamp,
    *,
    known: Known | None = None,
    time_s: float | None = None,
    stop_inputs: Callable[[], None] | None = None,
) -> Iterator[Row]:
    """Yield rows as they finish; a few tasks a core are under way, whatever the input's length.

    Args:
        items: numbered inputs, taken lazily; rows pass through.
        address: of the cluster's head (``host:port``, ``auto``), or "local".
        jobs: cores of a local cluster; None takes all.
        init: the arguments of `Scorer`.
        stamp: what rows carry that no machine lived to finish.
        known: answers whether a content is scored elsewhere; asked on this machine.
        time_s: a process that works longer on one file is killed and replaced.
        stop_inputs: called at the end: wakes inputs that wait for something to come.

    Raises:
        MissingExtra: no Ray, or Ray without its data library.
        UsageError: no cluster answers at the address.
    """
    with _own_signals():
        try:
            import ray
            import ray.data
        except ImportError as error:
            raise MissingExtra("ray", "cluster", "unsung scan --ray") from error
        connect(ray, address, jobs)
    log = logging.getLogger("ray.data")
    level = log.level
    log.setLevel(logging.CRITICAL)  # what goes wrong is told by rows and by our own errors
    try:
        stream = _Stream(ray, items, init, stamp, known=known, time_s=time_s, stop=stop_inputs)
        with closing(stream):
            yield from stream.rows()
    finally:
        ray.shutdown()
        log.setLevel(level)


class _Stream:
    """Three threads around one Ray Data pipeline: hand out, collect, answer questions."""

    def __init__(
        self,
        ray: Any,
        items: Iterator[Item],
        init: Mapping[str, Any],
        stamp: Stamp,
        *,
        known: Known | None,
        time_s: float | None,
        stop: Callable[[], None] | None,
    ) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self._ray, self._items, self._known, self._stop = ray, items, known, stop
        self._setting = Setting({**init, "asks": known is not None}, stamp, time_s)
        # On the scan's own machine: without the desk the scan ends, and others may be lost.
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._desk = ray.remote(
            num_cpus=0,
            max_concurrency=CALLERS,
            concurrency_groups={"scan": 4},  # its own calls never queue behind the machines'
            scheduling_strategy=here,
        )(Desk).remote()
        self._out: queue.Queue[Row | BaseException | None] = queue.Queue(maxsize=PER_CORE)
        self._stopped, self._ended = threading.Event(), threading.Event()
        self._changed = threading.Condition()
        self._running: set[int] = set()
        self._given = 0
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), daemon=True)
            for work in (self._hand_out, self._collect, self._answer)
        ]

    def rows(self) -> Iterator[Row]:
        for thread in self._threads:
            thread.start()
        while True:
            try:  # a timeout keeps Ctrl-C alive on every system
                item = self._out.get(timeout=1.0)
            except queue.Empty:
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def close(self) -> None:
        """End the threads while Ray still runs: a call after it would start a cluster anew."""
        self._stopped.set()
        if self._stop is not None:
            self._stop()
        self._ray.kill(self._desk)  # whoever waits for it fails, the pipeline included
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout=5.0)  # one may wait for an input

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except self._ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None) or error
            self._put(UnsungError(f"the cluster cannot score: {cause}"))
        except BaseException as error:
            self._put(error)

    def _hand_out(self) -> None:
        """Lay tasks on the desk while there is room; pass finished rows on."""
        for item in self._items:
            if self._stopped.is_set():
                return
            if isinstance(item, Row):
                self._put(item)
                continue
            with self._changed:
                self._running.add(self._given)
            self._ray.get(self._call(self._desk.put, self._given, Task(*item)))
            self._given += 1
            self._wait_for_room()
        if not self._stopped.is_set():
            self._ended.set()
            self._ray.get(self._call(self._desk.end))

    def _wait_for_room(self) -> None:
        while not self._stopped.is_set():
            cores = self._ray.cluster_resources().get("CPU", 1.0)  # machines come and go
            with self._changed:
                if len(self._running) < max(1, int(PER_CORE * cores)):
                    return
                self._changed.wait(timeout=1.0)

    def _collect(self) -> None:
        """Run the pipeline, section after section, and hand its rows on, each once."""
        first = 0
        while not (self._ended.is_set() and first >= self._given):
            for found in self._section(first):
                number, row = found["number"], pickle.loads(found["row"])
                if isinstance(row, str):
                    raise UnsungError(f"the cluster cannot score: {row}")
                with self._changed:
                    again = number not in self._running  # Ray made a lost result once more
                    self._running.discard(number)
                    self._changed.notify_all()
                if not again:
                    self._call(self._desk.done, number)
                    self._put(row)
            first += SECTION
        self._put(None)

    def _section(self, first: int) -> Iterator[dict[str, Any]]:
        """Yield what `score` returns for some tasks from this one on."""
        desk = {"desk": self._desk}
        source = self._ray.data.from_items([{"first": first, "end": first + SECTION}])
        for name, value in OPTIONS.items():
            setattr(source.context, name, value)
        scored = source.flat_map(numbers, fn_kwargs=desk, num_cpus=0).flat_map(
            score, fn_kwargs={"setting": self._setting, **desk}, num_cpus=1
        )
        # Nothing ahead: `iter_rows` would keep each row back until the next one comes.
        for batch in scored.iter_batches(
            batch_size=None, batch_format="pyarrow", prefetch_batches=0
        ):
            yield from batch.to_pylist()

    def _answer(self) -> None:
        """Answer the machines' questions until the scan ends."""
        answers: dict[tuple[int, str], bool] = {}
        while self._known is not None and not self._stopped.is_set():
            asked = self._ray.get(self._call(self._desk.exchange, answers, 0.5))
            answers = {question: self._known(*question) for question in asked}

    def _call(self, method: Any, *arguments: Any) -> Any:
        return method.options(concurrency_group="scan").remote(*arguments)

    def _put(self, item: Row | BaseException | None) -> None:
        while not self._stopped.is_set():
            try:
                self._out.put(item, timeout=0.2)
            except queue.Full:
                continue
            return


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep what SIGTERM does here: Ray makes it an exit that closes nothing of a scan."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def connect(ray: Any, address: str, jobs: int | None) -> None:
    """Start a cluster of this machine, or join the one at an address; quietly.

    Raises:
        UsageError: nothing answers at the address.
    """
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == LOCAL:
        ray.init(address=LOCAL, num_cpus=jobs, include_dashboard=False, **quiet)
        return
    try:
        ray.init(address=address, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"--ray {address}: no Ray cluster answers there ({error}); give the address that "
            "`ray start --head` printed, or 'local'"
        ) from error

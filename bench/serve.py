# SPDX-License-Identifier: MIT
"""Load on the REST server: requests a second, waiting times, memory, and whether all is right.

    python bench/serve.py MANIFEST.csv [--seconds 120] [--clients 8] [-o results/serve-load.md]

A server of its own (`unsung serve`) gets uploads from several clients at once for the stated time:
excerpts of the manifest in turn, each under a name that occurs once. Every answer is held against
what was sent: the name and the SHA-256 of the very bytes, and the logit that the file has alone. A
client that is told 429 waits as it is told and sends again, as a client should. Memory is the sum
over the server and its workers of the proportional set size (Pss, shared pages counted once) and,
for each process, the resident set, sampled five times a second. Clients and server share the cores.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import http.client
import json
import os
import platform
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import unsung
from unsung.scanning import scan

BOUNDARY = "unsung-bench"


@dataclass
class Tally:
    """What the clients saw, under one lock."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    seconds: list[float] = field(default_factory=list)
    status: Counter[int] = field(default_factory=Counter)
    sent: int = 0
    right: int = 0
    wrong: list[str] = field(default_factory=list)
    lost: int = 0
    bytes_sent: int = 0


def excerpts(manifest: Path, count: int) -> list[Path]:
    """Return files of the manifest, evenly spread over it."""
    with manifest.open(encoding="utf-8") as lines:
        paths = [manifest.parent / row["path"] for row in csv.DictReader(lines)]
    paths = [path for path in paths if path.is_file()]
    if not paths:
        raise SystemExit(f"{manifest}: expected files beside it, found none")
    return [paths[i] for i in np.linspace(0, len(paths) - 1, min(count, len(paths))).astype(int)]


def multipart(name: str, data: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


def client(
    number: int, port: int, files: list[tuple[Path, bytes]], alone: dict[str, float | None],
    until: float, tally: Tally,
) -> None:  # fmt: skip
    """Send one file after the other until the time is over."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    turn = number
    while time.monotonic() < until:
        path, data = files[turn % len(files)]
        name = f"{number}-{turn}{path.suffix}"
        turn += 1
        with tally.lock:
            tally.sent += 1
        while True:
            started = time.perf_counter()
            try:
                connection.request("POST", "/v1/scan", multipart(name, data), headers)
                answer = connection.getresponse()
                body = json.loads(answer.read())
            except (OSError, http.client.HTTPException, ValueError):
                with tally.lock:
                    tally.lost += 1
                connection.close()
                break
            took = time.perf_counter() - started
            with tally.lock:
                tally.status[answer.status] += 1
                tally.bytes_sent += len(data)
            if answer.status == 429:
                time.sleep(float(answer.headers["Retry-After"]))
                continue
            judge(body, answer.status, name, data, alone, took, tally)
            break
    connection.close()


def judge(
    body: dict[str, Any], status: int, name: str, data: bytes,
    alone: dict[str, float | None], took: float, tally: Tally,
) -> None:  # fmt: skip
    """Hold an answer against what was sent."""
    score = body["scores"][0] if status == 200 else body.get("score", {})
    digest = hashlib.sha256(data).hexdigest()
    same = score.get("path") == name and score.get("sha256") == digest
    fits = same and close(score.get("logit"), alone[digest])
    with tally.lock:
        tally.seconds.append(took)
        tally.right += fits
        if not fits:
            tally.wrong.append(f"{status} {name} {score.get('path')}")


def close(a: float | None, b: float | None) -> bool:
    return a is b or (a is not None and b is not None and abs(a - b) < 1e-4)


class Memory:
    """Samples the server's processes until it is stopped."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.samples: list[tuple[float, float, float]] = []  # Pss of all, server, largest worker
        self._thread.start()

    def stop(self) -> None:
        """Take no more samples."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            try:
                children = self._root.children()
                infos = [p.memory_full_info() for p in (self._root, *children)]
            except psutil.NoSuchProcess:
                continue
            mib = 1 / 2**20
            workers = [i.rss * mib for i in infos[1:]]
            total = sum(i.pss for i in infos) * mib
            self.samples.append((total, infos[0].rss * mib, max(workers, default=0.0)))


def start(workers: int, queue: int) -> tuple[subprocess.Popen[bytes], int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["serve", "--port", str(port), "--workers", str(workers), "--queue", str(queue)]
    with Path(os.devnull).open("wb") as nowhere:
        server = subprocess.Popen([sys.executable, "-m", "unsung", *command], stderr=nowhere)
    for _ in range(600):
        try:
            if ask(port, "/readyz")[0] == 200:
                return server, port
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server does not become ready")


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and its children, those that were replaced included."""
    root = psutil.Process(pid)
    times = [process.cpu_times() for process in (root, *root.children())]
    ended = times[0].children_user + times[0].children_system
    return float(ended + sum(t.user + t.system for t in times))


def ask(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def figure(text: str, name: str) -> float:
    """Sum a figure of the metrics over its labels."""
    return sum(float(v) for v in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M))


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    files = [(path, path.read_bytes()) for path in excerpts(arguments.manifest, arguments.files)]
    alone = {s.sha256: s.logit for s in scan([p for p, _ in files], jobs=1)}
    workers = len(os.sched_getaffinity(0))
    server, port = start(workers, arguments.queue)
    try:
        start_s = cpu_seconds(server.pid)
        tally, memory = Tally(), Memory(server.pid)
        started = time.monotonic()
        until = started + arguments.seconds
        crowd = [
            threading.Thread(target=client, args=(i, port, files, alone, until, tally))
            for i in range(arguments.clients)
        ]
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join()
        took = time.monotonic() - started
        memory.stop()
        text = ask(port, "/metrics")[1]
        cpu_s = cpu_seconds(server.pid) - start_s
    finally:
        server.terminate()
        server.wait(60)
    measured = record(arguments, files, workers, tally, memory, took, text)
    measured["cpu_ms_per_upload"] = round(1e3 * cpu_s / tally.sent, 1)
    return measured


def record(
    arguments: argparse.Namespace, files: list[tuple[Path, bytes]], workers: int, tally: Tally,
    memory: Memory, took: float, text: str,
) -> dict[str, Any]:  # fmt: skip
    samples = np.array(memory.samples)
    early = samples[len(samples) // 10 : len(samples) // 5, 0].max()
    return {
        "seconds": round(took, 1),
        "clients": arguments.clients,
        "workers": workers,
        "queue": arguments.queue,
        "files": len(files),
        "mean_upload_kb": round(np.mean([len(d) for _, d in files]) / 1e3, 1),
        "uploads": tally.sent,
        "right": tally.right,
        "wrong": len(tally.wrong),
        "lost": tally.lost,
        "busy": tally.status[429],
        "status": {str(k): v for k, v in sorted(tally.status.items())},
        "requests_per_s": round(len(tally.seconds) / took, 1),
        "audio_s_per_s": round(figure(text, "unsung_audio_seconds_total") / took, 1),
        "p50_ms": round(1e3 * float(np.quantile(tally.seconds, 0.5)), 1),
        "p95_ms": round(1e3 * float(np.quantile(tally.seconds, 0.95)), 1),
        "max_ms": round(1e3 * max(tally.seconds), 1),
        "peak_pss_mib": round(float(samples[:, 0].max()), 1),
        "pss_after_a_tenth_mib": round(float(early), 1),
        "pss_at_the_end_mib": round(float(samples[-5:, 0].max()), 1),
        "peak_rss_server_mib": round(float(samples[:, 1].max()), 1),
        "peak_rss_worker_mib": round(float(samples[:, 2].max()), 1),
        "workers_killed": figure(text, "unsung_workers_killed"),
        "workers_died": figure(text, "unsung_workers_died"),
        "workers_retired": figure(text, "unsung_workers_retired"),
        "load_average": [round(x, 2) for x in os.getloadavg()],
        "machine": cpu_name(),
        "python": platform.python_version(),
        "unsung": unsung.__version__,
    }


def cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def page(runs: list[dict[str, Any]]) -> str:
    words = {
        "clients": "clients at once",
        "queue": "places in the queue",
        "seconds": "seconds",
        "uploads": "uploads",
        "right": "answers with their own name, hash and logit",
        "wrong": "answers mixed up",
        "lost": "answers lost",
        "busy": "times told 429 (and sent again)",
        "requests_per_s": "requests a second",
        "audio_s_per_s": "seconds of sound a second",
        "p50_ms": "median time of an answer, ms",
        "p95_ms": "95th percentile, ms",
        "max_ms": "longest, ms",
        "cpu_ms_per_upload": "processor time of the server for an upload, ms",
        "peak_pss_mib": "peak memory of all processes, MiB (Pss)",
        "pss_after_a_tenth_mib": "highest between 10 and 20 % of the time, MiB",
        "pss_at_the_end_mib": "in the last second, MiB",
        "peak_rss_server_mib": "peak of the server itself, MiB (RSS)",
        "peak_rss_worker_mib": "peak of a worker, MiB (RSS)",
        "workers_killed": "workers killed",
        "workers_died": "workers died",
        "workers_retired": "workers replaced in order",
    }
    first = runs[0]
    goals = {"wrong": " (goal 0)", "lost": " (goal 0)"}
    about = " ".join(line for line in __doc__.split("\n\n")[2].splitlines())
    head = "".join(f" run {i + 1} |" for i in range(len(runs)))
    rows = [
        f"| {word}{goals.get(key, '')} |" + "".join(f" {run[key]:g} |" for run in runs)
        for key, word in words.items()
    ]
    lines = [
        "# Load on the REST server",
        "",
        f"Written by `python bench/serve.py`; do not edit. {about}",
        "",
        f"Machine: {first['machine']}, {first['workers']} cores and as many workers; "
        f"Python {first['python']}; unsung {first['unsung']}; {first['files']} excerpts of "
        f"{first['mean_upload_kb']:g} kB on average. Load average at the end of the runs, "
        "other programs included: "
        + ", ".join(f"{run['load_average'][0]:g}" for run in runs)
        + ".",
        "",
        f"| |{head}",
        "|---|" + "--:|" * len(runs),
        *rows,
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--queue", type=int, default=32)
    parser.add_argument("-o", "--out", type=Path, default=Path("results/serve-load.md"))
    arguments = parser.parse_args()
    runs = [measure(arguments)]
    # A second, short run with a queue that is too short for the crowd: back-pressure.
    arguments.seconds, arguments.queue = arguments.seconds / 6, 1
    runs.append(measure(arguments))
    text = page(runs)
    print(text)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text, encoding="utf-8")
    arguments.out.with_suffix(".json").write_text(json.dumps(runs, indent=1) + "\n")
    if any(run["wrong"] or run["lost"] for run in runs):
        raise SystemExit("answers were lost or mixed up; see the table")


if __name__ == "__main__":
    main()

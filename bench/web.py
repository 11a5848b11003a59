# SPDX-License-Identifier: MIT
"""Size, speed and parity of the page, in a real headless Chromium.

    python bench/web.py [--data music.csv] [--each 8] [-o results/web.md]

Speed: 180 s of our own demo music as a 44.1 kHz stereo mp3 of 192 kbit/s, from handing the file to
the page until its row stands in the table; wall time, and CPU time of all of Chromium's processes,
which is what the wall time cannot exceed where a core is free. Parity: excerpts of a data set, some
of each file format, in the page and in Python. Needs playwright, Chromium and `make web`.
"""

from __future__ import annotations

import argparse
import csv
import functools
import gzip
import http.server
import json
import os
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import sync_playwright

from scan_speed import cpu_name, make_mp3
from unsung.scanning.one import score_file
from unsung.web import write_extension, write_site
from unsung.web.serve import Handler

ROUNDS = 5
BUDGET_MB, BUDGET_S = 20.0, 3.0


def cpu_s(root: psutil.Process) -> float:
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total


def browser_process(before: set[int]) -> psutil.Process:
    """Return the new Chromium process that is the parent of the others."""
    fresh = [
        p
        for p in psutil.Process().children(recursive=True)
        if p.pid not in before and "chrom" in p.name()
    ]
    return min(fresh, key=lambda p: p.create_time())


def scan(page: Any, paths: list[Path]) -> list[dict[str, Any]]:
    page.click("#clear") if page.locator("#clear").is_visible() else None
    page.set_input_files("#files", [str(path) for path in paths])
    page.locator("#rows .chip").nth(len(paths) - 1).wait_for()
    page.locator("#now").wait_for(state="hidden")
    with page.expect_download() as waiting:
        page.click("#export-all")
    return json.loads(Path(waiting.value.path()).read_text())


def speed(page: Any, root: psutil.Process, song: Path) -> list[tuple[float, float]]:
    rounds = []
    for _ in range(ROUNDS):
        page.click("#clear") if page.locator("#clear").is_visible() else None
        wall, used = time.perf_counter(), cpu_s(root)
        page.set_input_files("#files", str(song))
        page.locator("#rows .chip").first.wait_for()
        rounds.append((time.perf_counter() - wall, cpu_s(root) - used))
        print(f"wall {rounds[-1][0]:.2f} s, CPU {rounds[-1][1]:.2f} s", flush=True)
    return rounds


def chosen(table: Path, each: int) -> list[Path]:
    """Return files of each format, evenly spread over the table."""
    with table.open(encoding="utf-8", newline="") as stream:
        paths = [table.parent / row["path"] for row in csv.DictReader(stream)]
    found: list[Path] = []
    for suffix in sorted({path.suffix for path in paths}):
        same = [path for path in paths if path.suffix == suffix and path.is_file()]
        found += same[:: max(1, len(same) // each)][:each]
    return found


def parity(page: Any, paths: list[Path]) -> list[str]:
    lines = [
        "| format | files | median difference | largest | verdicts that differ |",
        "|---|--:|--:|--:|--:|",
    ]
    rows = scan(page, paths)
    differences: dict[str, list[tuple[float, bool]]] = {}
    for path, row in zip(paths, rows, strict=True):
        score, _ = score_file(path)
        if score.logit is None or row["logit"] is None:
            continue
        near = abs(score.logit - row["logit"])
        rate = f"{(score.sample_rate_hz or 0) / 1000:g} kHz"
        differences.setdefault(path.suffix[1:], []).append((near, score.verdict != row["verdict"]))
        print(f"{path.name} {rate} {score.logit:+.3f} {row['logit']:+.3f}", flush=True)
    for suffix, found in differences.items():
        sizes = [size for size, _ in found]
        lines.append(
            f"| {suffix} | {len(found)} | {statistics.median(sizes):.4f} | {max(sizes):.4f} | "
            f"{sum(other for _, other in found)} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, help="music.csv of real excerpts, for parity")
    parser.add_argument("--each", type=int, default=8, help="files of each format")
    parser.add_argument("--song", type=Path, help="time this file instead of demo music")
    parser.add_argument("-o", "--out", type=Path, default=Path("results/web.md"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        site = write_site(folder / "site")
        extension = write_extension(folder / "extension")
        handler = functools.partial(Handler, directory=str(site.folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        before = {p.pid for p in psutil.Process().children(recursive=True)}
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=options, timeout=600_000
        )
        context = browser.new_context(accept_downloads=True)
        context.set_default_timeout(600_000)
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.server_address[1]}/")
        page.locator("#offline").wait_for()
        page.locator("main[data-ready]").wait_for()
        root = browser_process(before)
        rounds = speed(page, root, arguments.song or make_mp3(folder))
        table = parity(page, chosen(arguments.data, arguments.each)) if arguments.data else []
        version = browser.version
        browser.close()
        server.shutdown()
        lazy = json.loads((site.folder / "build.js").read_text()[13:-2])["lazy"]
        packed = sum(
            len(gzip.compress(path.read_bytes(), 9))
            for path in site.folder.rglob("*")
            if path.is_file() and path.relative_to(site.folder).as_posix() not in lazy
        )
    wall, used = min(w for w, _ in rounds), min(c for _, c in rounds)
    lines = [
        "# The page in the browser",
        "",
        "Written by `python bench/web.py`; do not edit. "
        + __doc__.split("\n\n")[2].replace("\n", " "),
        "",
        f"Machine: {cpu_name()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.0f} during the "
        f"run; Chromium {version}; best of {ROUNDS} rounds.",
        "",
        "| | measured | goal |",
        "|---|--:|--:|",
        f"| page, bundle and runtime, MB | {site.loaded_bytes / 1e6:.1f} | < {BUDGET_MB:g} |",
        f"| the same, gzip as most hosts send it, MB | {packed / 1e6:.1f} | |",
        f"| with WebGPU, MB (loaded only when chosen) | {site.total_bytes / 1e6:.1f} | |",
        f"| extension, MB | {extension.total_bytes / 1e6:.1f} | < {BUDGET_MB:g} |",
        f"| 180 s of mp3, CPU time, s | {used:.2f} | < {BUDGET_S:g} |",
        f"| 180 s of mp3, wall time at this load, s | {wall:.2f} | |",
        "",
    ]
    if table:
        lines += ["Logits in the page and in Python, real excerpts:", "", *table, ""]
    text = "\n".join(lines)
    print(text)
    arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

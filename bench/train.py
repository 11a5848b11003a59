# SPDX-License-Identifier: MIT
"""Training and inference of SpecTTTra in parts, in seconds of sound per second.

    python bench/train.py --data music.csv [--device cpu] [--variant gamma] [-o PAGE.md]

Parts: loading a window (our store against what the published loader does: librosa decodes and
resamples the file for every window), the front end, forward, backward with the optimiser's step.
Baselines, run beside ours in the same process: `librosa.load`; librosa's own mel spectrogram; the
same network in eager float32 with attention written out (softmax of a matrix, no fused kernel),
in training as published. A ratio above 1 means that ours is faster. Times are wall-clock, the best
of several rounds in which contenders alternate; one thread a process unless --threads says so.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import librosa
import numpy as np
import torch
from torch.nn import functional as nnf

from unsung.data import read_manifest
from unsung.detectors.spectttra import SpecTTTra
from unsung.training.augment import Distorter
from unsung.training.loader import Windows, parts_ahead
from unsung.training.network import Network
from unsung.training.sampling import Draw
from unsung.training.store import SoundStore

SECONDS, RATE = 5, 16000


def written_out(query, key, value, dropout_p=0.0, **_):
    """Attention as a matrix: what runs without a fused kernel."""
    weights = (query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5).softmax(-1)
    return nnf.dropout(weights, dropout_p) @ value


def best(contenders: dict[str, Callable[[], object]], rounds: int, device: str) -> dict[str, float]:
    """Return the shortest time of each, taken in turns."""
    found = {name: float("inf") for name in contenders}
    for _ in range(rounds + 1):  # the first round warms up
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            if device != "cpu":
                torch.cuda.synchronize()
            taken = time.perf_counter() - start
            found[name] = min(found[name], taken) if _ else float("inf")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--variant", default="gamma")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("-o", "--out", type=Path)
    choice = parser.parse_args()
    torch.set_num_threads(choice.threads)
    rows = measure(choice)
    text = page(rows, choice)
    print(text)
    if choice.out:
        choice.out.write_text(text, encoding="utf-8")


def measure(choice: argparse.Namespace) -> list[tuple[str, float, str, float]]:
    """Return part, our time, the baseline's name and its time, all for one batch."""
    every = [  # what librosa can open too
        t
        for t in read_manifest(choice.data)
        if (t.duration_s or 0) >= SECONDS and t.path.endswith((".mp3", ".flac", ".wav"))
    ]
    tracks = tuple(every[:: max(1, len(every) // choice.batch)][: choice.batch])
    device, batch = choice.device, len(tracks)
    with tempfile.TemporaryDirectory() as folder:
        SoundStore(Path(folder) / "warm", RATE, 60.0, "disk").prepare(tracks, jobs=1)
        store = SoundStore(Path(folder), RATE, 60.0, "disk")
        start = time.perf_counter()
        store.prepare(tracks, jobs=1)
        decode_s = time.perf_counter() - start
        windows = Windows(store, tracks, float(SECONDS), Distorter({}, ()))
        draws = [Draw(i, i) for i in range(batch)]

        def ours_load():
            return next(iter(parts_ahead(windows, [draws], 0)))

        def librosa_load():
            return [librosa.load(t.path, sr=RATE)[0][: SECONDS * RATE] for t in tracks]

        loading = best({"ours": ours_load, "librosa": librosa_load}, choice.rounds, device)
        samples = ours_load().to(device)
    rows = [("loading a batch of windows", loading["ours"], "librosa.load", loading["librosa"])]
    rows.append(("first decoding, once a run", decode_s, "librosa.load", loading["librosa"]))
    detector = SpecTTTra(variant=choice.variant, seconds=SECONDS).to(device)
    host = samples.cpu().numpy()

    def librosa_mel():
        for row in host:
            power = librosa.feature.melspectrogram(
                y=row, sr=RATE, n_fft=2048, hop_length=512, n_mels=128, fmin=20, fmax=8000
            )
            librosa.power_to_db(power, top_db=80)

    def engine():
        return detector.engines[0](samples)

    with torch.no_grad():
        times = best({"ours": engine, "librosa": librosa_mel}, choice.rounds, device)
        pictures = [engine()]
    rows.append(("front end", times["ours"], "librosa mel on the CPU", times["librosa"]))
    return rows + network_rows(detector, samples, pictures, choice)


def network_rows(detector, samples, pictures, choice) -> list[tuple[str, float, str, float]]:
    fast = Network(detector, "bfloat16" if choice.device != "cpu" or BF16 else "float32")
    slow = Network(detector, "float32")
    targets = (torch.arange(len(samples)) % 2).float()[:, None].to(choice.device)
    optimiser = torch.optim.AdamW(detector.parameters(), lr=0.0)
    fused = nnf.scaled_dot_product_attention

    def eager(run: Callable[[], object]) -> Callable[[], object]:
        def call() -> object:
            nnf.scaled_dot_product_attention = written_out
            try:
                return run()
            finally:
                nnf.scaled_dot_product_attention = fused

        return call

    def forward(network: Network) -> Callable[[], object]:
        def call() -> object:
            with torch.no_grad(), network._autocast(samples):
                return detector.head(*pictures)

        return call

    def whole(network: Network) -> Callable[[], object]:
        def call() -> object:
            with torch.no_grad():
                return network.logits(samples)

        return call

    def step(network: Network) -> Callable[[], object]:
        def call() -> object:
            optimiser.zero_grad(set_to_none=True)
            logits, wanted, _ = network(samples, targets, None)
            nnf.binary_cross_entropy_with_logits(logits.float(), wanted).backward()
            optimiser.step()

        return call

    plain = "eager float32, attention written out"
    rows = []
    for name, make, training in (("forward of the network", forward, False),
                                 ("inference, front end included", whole, False),
                                 ("training step after loading", step, True)):  # fmt: skip
        detector.train(training)
        contenders = {"ours": make(fast), "float32": make(slow), "plain": eager(make(slow))}
        times = best(contenders, choice.rounds, choice.device)
        rows.append((f"{name}, {fast_name(choice)}", times["ours"], plain, times["plain"]))
        rows.append((f"{name}, float32", times["float32"], plain, times["plain"]))
    return rows


BF16 = "avx512_bf16" in (
    Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
)


def fast_name(choice: argparse.Namespace) -> str:
    return "bfloat16" if choice.device != "cpu" or BF16 else "float32"


def page(rows: list[tuple[str, float, str, float]], choice: argparse.Namespace) -> str:
    place = (
        torch.cuda.get_device_name() if choice.device != "cpu" else platform.processor() or "CPU"
    )
    audio_s = choice.batch * SECONDS
    lines = [
        f"# SpecTTTra {choice.variant}, {SECONDS} s: training and inference in parts",
        "",
        f"`python bench/train.py --device {choice.device} --batch {choice.batch}`: {place}, "
        f"{choice.threads} thread(s), torch {torch.__version__}, NumPy {np.__version__}, librosa "
        f"{librosa.__version__}. Seconds of sound a second; wall clock, best of {choice.rounds}.",
        "",
        "| part | sound s / s | baseline | sound s / s | ratio |",
        "|---|--:|---|--:|--:|",
    ]
    for part, ours, name, theirs in rows:
        lines.append(
            f"| {part} | {audio_s / ours:.0f} | {name} | {audio_s / theirs:.0f} | "
            f"{theirs / ours:.2f} |"
        )
    loading = rows[0][1]
    step = next(ours for part, ours, *_ in rows if part.startswith("training step"))
    lines += ["", f"Loading takes {loading / step:.1%} of a training step's time, beside it in a "
              "thread: the input is not the bottleneck." if loading < step else
              "Loading takes longer than a step: the input IS the bottleneck."]  # fmt: skip
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()

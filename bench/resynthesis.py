# SPDX-License-Identifier: MIT
"""Do decoders leave lines where their strides say? Measured on human music, with controls.

    python bench/resynthesis.py FOLDER [--members 24] [--tracks 4] [-o results/zoo-peaks]

For each system the residual spectrum of a copy (long-term log spectrum minus its running median) is
read at the predicted frequencies and at all others. The number is the area under the ROC curve: the
chance that a predicted bin stands higher than another one; 0.5 is chance. Controls: the same bins
read in the original, and the copy read at a comb shifted by half a tooth. Intervals: bootstrap over
tracks and systems, 95 %. Only numbers and a picture are written; no sound.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from unsung.audio import expand, read_clip
from unsung.synthesis.resynthesis._peaks import comb_auc, residual
from unsung.synthesis.resynthesis._quality import measure
from unsung.synthesis.resynthesis.base import Resynthesis
from unsung.synthesis.resynthesis.lyra import Lyra
from unsung.synthesis.resynthesis.zoo import Zoo
from unsung.types import Clip

SECONDS, LOW_HZ = 30.0, 500.0


def tracks(folder: Path, count: int, seed: int) -> list[Clip]:
    """Take the middle of long recordings, drawn by seed from all below the folder."""
    sources = [item.path for item in expand([str(folder)]) if item.kind == "file"]
    found: list[Clip] = []
    for at in np.random.default_rng(seed).permutation(len(sources)):
        try:
            clip = read_clip(sources[at], mono=True)
        except Exception as error:
            print("left out:", type(error).__name__)
            continue
        length = round(SECONDS * clip.sample_rate_hz)
        middle = (clip.samples.shape[1] - length) // 2
        if clip.duration_s < 1.5 * SECONDS or clip.sample_rate_hz < 44100:
            continue
        samples = clip.samples[:, middle : middle + length]
        if np.sqrt(np.mean(samples**2)) > 0.01:
            found.append(Clip(samples, clip.sample_rate_hz, 0.0, f"track {len(found)}"))
        if len(found) == count:
            break
    return found


def row(system: Resynthesis, clips: list[Clip], strides: tuple[int, ...]) -> dict[str, object]:
    """Measure one system on all clips."""
    values, quality, spent_s = [], [], 0.0
    lines = system.predicted_peaks_hz()
    spacing = float(lines[0]) if len(lines) else system.sample_rate_hz / int(np.prod(strides))
    products = np.cumprod(strides[::-1]) if isinstance(system, Lyra) else ()
    stages: dict[int, list[list[float]]] = {int(product): [] for product in products}
    for clip in clips:
        started = time.process_time()
        copy = system(clip)
        spent_s += time.process_time() - started
        band = (LOW_HZ, 0.95 * min(system.sample_rate_hz, clip.sample_rate_hz) / 2)
        made, before = (residual(c.mono(), c.sample_rate_hz) for c in (copy, clip))
        three = ((made, 0.0), (before, 0.0), (made, 0.5))
        values.append([comb_auc(*sound, spacing, shift, band) for sound, shift in three])
        for product, held in stages.items():
            step = system.sample_rate_hz / product
            held.append([comb_auc(*sound, step, shift, band) for sound, shift in three])
        quality.append(measure(clip, copy, system.sample_rate_hz / 2))
    mean = np.mean(values, axis=0)
    return {
        "name": system.name,
        "sample_rate_hz": system.sample_rate_hz,
        "strides": list(strides),
        "spacing_hz": round(spacing, 3),
        "makes_lines": bool(len(lines)),
        "auc_by_track": np.round(values, 4).tolist(),
        "stages": {k: np.round(np.mean(v, axis=0), 4).tolist() for k, v in stages.items()},
        "auc": round(float(mean[0]), 4),
        "auc_original": round(float(mean[1]), 4),
        "auc_shifted": round(float(mean[2]), 4),
        "snr_db": round(float(np.median([q.snr_db for q in quality])), 1),
        "distance_db": round(float(np.median([q.distance_db for q in quality])), 1),
        "lag": int(np.median([q.lag for q in quality])),
        "times_real_time": round(sum(c.duration_s for c in clips) / spent_s, 1),
    }


def interval(values: np.ndarray, seed: int) -> tuple[float, float, float]:
    """Return mean and 95 % bootstrap limits over both axes. Shape: ``[system, track]``."""
    rng = np.random.default_rng(seed)
    means = []
    for _ in range(2000):
        one, two = (rng.integers(0, n, n) for n in values.shape)
        means.append(values[np.ix_(one, two)].mean())
    low, high = np.quantile(means, (0.025, 0.975))
    return float(values.mean()), float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--members", type=int, default=24)
    parser.add_argument("--tracks", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trained", type=Path, help="folder with members that were trained")
    parser.add_argument("--lyra", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("results/zoo-peaks"))
    options = parser.parse_args()
    clips = tracks(options.folder, options.tracks, options.seed)
    systems: list[Resynthesis] = [Zoo(f"@{n}") for n in range(options.members)]
    if options.lyra:
        kept = ("3.2kbps", "6kbps", "9.2kbps")
        systems += [Lyra(setting, weights=options.lyra) for setting in kept]
    rows = []
    for system in systems:
        rows.append(row(system, clips, system.strides))
        rows[-1]["style"] = system.member.style if isinstance(system, Zoo) else "lyra"
        print(json.dumps({k: v for k, v in rows[-1].items() if k != "auc_by_track"}), flush=True)
    if options.trained:
        for file in sorted(options.trained.glob("zoo-*.safetensors")):
            zoo = Zoo(f"@{int(file.stem[4:])}", weights=options.trained)
            rows.append({**row(zoo, clips, zoo.strides), "style": "trained"})
            rows[-1]["name"] = f"{zoo.name} (trained)"
            print(rows[-1], flush=True)
    groups = {}
    for label, wanted in GROUPS.items():
        held = [r for r in rows if wanted(r)]
        if held:
            values = np.array([r["auc_by_track"] for r in held])  # [system, track, condition]
            groups[label] = {
                "systems": len(held),
                "tracks": len(clips),
                **{
                    key: [round(v, 4) for v in interval(values[:, :, at], options.seed)]
                    for at, key in enumerate(("copy", "original", "shifted"))
                },
            }
    report = {"seed": options.seed, "seconds": SECONDS, "groups": groups, "systems": rows}
    options.output.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
    options.output.with_suffix(".md").write_text(page(report))
    draw(report, clips, options.output.with_suffix(".png"))


GROUPS = {
    "zoo, as drawn": lambda r: r["style"] not in ("lyra", "trained"),
    "zoo, trained on music": lambda r: r["style"] == "trained",
    "lyra": lambda r: r["style"] == "lyra",
}


def page(report: dict) -> str:
    """Render the numbers."""
    out = [
        "# Lines of decoders stand where their strides say",
        "",
        "Residual spectrum of copies of human music, read at the frequencies predicted from rate "
        "and strides and at all others (500 Hz to 95 % of the copy's band). The number is the "
        "chance that a predicted bin stands higher than another; 0.5 is chance. In brackets: 95 % "
        f"bootstrap over systems and tracks, seed {report['seed']}; {report['seconds']:g} s a "
        "track, mono. Music: free-software games' soundtracks. "
        "Made by `bench/resynthesis.py`; picture: `zoo-peaks.png`.",
        "",
        "| group | systems | tracks | copy | original, same bins | copy, half a tooth off |",
        "|---|---|---|---|---|---|",
    ]
    for label, group in report["groups"].items():
        cells = [
            "{:.3f} ({:.3f} to {:.3f})".format(*group[k]) for k in ("copy", "original", "shifted")
        ]
        out.append(f"| {label} | {group['systems']} | {group['tracks']} | {' | '.join(cells)} |")
    out += [
        "",
        "| system | kind | rate Hz | strides | spacing Hz | copy | original | SNR dB "
        "| log-spectral distance dB | lag | x real time |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in report["systems"]:
        strides = "×".join(map(str, r["strides"]))
        out.append(
            f"| {r['name']} | {r['style']} | {r['sample_rate_hz']} | {strides} | "
            f"{r['spacing_hz']:g} | {r['auc']:.3f} | {r['auc_original']:.3f} | {r['snr_db']} | "
            f"{r['distance_db']} | {r['lag']} | {r['times_real_time']} |"
        )
    out += [
        "",
        "Lyra by cumulative product of its last strides (2×2×5×16):",
        "",
        "| system | product | spacing Hz | copy | original | half a tooth off |",
        "|---|---|---|---|---|---|",
    ]
    for r in report["systems"]:
        for product, aucs in r["stages"].items():
            cells = " | ".join(f"{value:.3f}" for value in aucs)
            out.append(f"| {r['name']} | {product} | {r['sample_rate_hz'] / product:g} | {cells} |")
    return "\n".join(out) + "\n"


def draw(report: dict, clips: list[Clip], path: Path) -> None:
    """Draw one copy's residual with its predicted lines, and all systems' numbers."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    best = max(
        (r for r in report["systems"] if str(r["name"]).startswith("zoo") and r["spacing_hz"] > 60
         and r["style"] != "trained"),
        key=lambda r: r["auc"],
    )  # fmt: skip
    system = Zoo(f"@{int(str(best['name'])[4:8])}")
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(9, 6.4))
    low, high = 3000, 3000 + 14 * best["spacing_hz"]
    copy = system(clips[0])
    pair = ((copy, best["name"], "C3", 1.6), (clips[0], "original", "0.15", 0.6))
    for sound, label, colour, width in pair:
        hz, height = residual(sound.mono(), sound.sample_rate_hz)
        shown = (hz >= low) & (hz <= high)
        top.plot(hz[shown], height[shown], colour, lw=width, label=label)
    lines = system.predicted_peaks_hz()
    for at in lines[(lines >= low) & (lines <= high)]:
        top.axvline(at, color="C0", lw=0.6, ls=":", zorder=0)
    top.plot([], [], "C0:", lw=0.8, label="predicted from strides")
    strides = "×".join(map(str, best["strides"]))
    top.set(xlabel="Hz", ylabel="dB over running median", xlim=(low, high))
    top.set_title(f"{best['name']}: {best['sample_rate_hz']} Hz, strides {strides}", fontsize=10)
    top.legend(loc="upper right", fontsize=8, ncols=3)
    rows = sorted(report["systems"], key=lambda r: (not r["makes_lines"], r["auc"]))
    x = np.arange(len(rows))
    bottom.axhline(0.5, color="0.8", lw=0.8)
    for key, mark, colour in (("auc", "o", "C3"), ("auc_original", "_", "0.4")):
        bottom.plot(x, [r[key] for r in rows], mark, color=colour, ms=5, label=NAMES[key])
    names = [f"{r['name']} {r['style'] if r['style'] != 'lyra' else ''}" for r in rows]
    bottom.set_xticks(x, names, rotation=90, fontsize=6)
    bottom.set(ylabel="P(predicted bin higher)", ylim=(0.2, 1.02))
    bottom.legend(loc="lower left", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=80)


NAMES = {"auc": "copy", "auc_original": "original, same bins"}

if __name__ == "__main__":
    main()

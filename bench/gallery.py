# SPDX-License-Identifier: MIT
"""The default detector's surest hits, misses and false alarms, and what each group shares.

    python bench/gallery.py --data music.csv --crossfit FOLDS -o results/gallery

Every human and fully generated excerpt is judged by the bundle fitted without its fold. tracks.csv
holds logits, verdicts and measures; groups.md the measures of the four groups with intervals (mean
over tracks, 95 %, bootstrap over pages); index.html the surest of each group: residual spectrum and
strongest lines. No sound is copied: the page names the command that explains a file where it lies.
Files measured with the same bundle are not measured again (--cache).
"""

from __future__ import annotations

import argparse
import html
import json
import os
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import scipy.fft
import scipy.ndimage

from unsung.audio.read import read_clip
from unsung.audio.resample import resample
from unsung.data import read_table
from unsung.runtime import decide, load_bundle
from unsung.scanning._comb import comb_of
from unsung.tables import csv_line
from unsung.types import Picture, Track

RATE_HZ, FRAME = 16000, 2048
SHOWN = 6
RATE = 0.01
REPLICATES = 1000
GROUPS = {
    "TP": ("AI, called AI", "ai", True),
    "FN": ("AI, missed", "ai", False),
    "FP": ("human, called AI", "human", True),
    "TN": ("human, not called AI", "human", False),
}
MEASURES = {
    "flatness_db": "spectral flatness, dB (lower is more tonal)",
    "steady_db": "height of the mean spectrum above its median over 61 Hz, 99 % quantile, dB",
    "lines_per_khz": "narrow lines above 3 dB in each kHz",
    "comb": "share with a regular comb",
    "bandwidth_khz": "bandwidth, kHz (8 at most)",
    "level_db": "level, dB RMS of full scale",
    "crest_db": "peak above RMS, dB",
    "flux_db": "mean rise of the spectrum from frame to frame, dB (lower is steadier)",
    "duration_s": "length, s",
}


def measured(track: Track, path: Path, bundle) -> dict:
    """Return logit, verdict, measures and what the page draws of one excerpt."""
    clip = read_clip(path)
    analyzer = bundle.analyzer(clip.sample_rate_hz, picture=True)
    analyzer.push(clip.mono())
    found = analyzer.finish()
    verdict, _, _, _ = decide(bundle, found, RATE, 0.5)
    mono = resample(clip.mono(), clip.sample_rate_hz, RATE_HZ).astype(np.float64)
    row = {"path": track.path, "label": track.label, "generator": track.generator}
    row["bundle"] = bundle.sha256
    row |= {"group": track.group, "logit": found.logit, "verdict": verdict}
    row |= of_sound(mono) | of_spectrum(found.picture)
    axis = bundle.front_ends[int(bundle.info["reference"])].freqs_hz
    comb = None if found.residual is None else comb_of(found.residual, axis)
    row |= {"comb": float(comb is not None), "comb_hz": comb.spacing_hz if comb else None}
    row["bandwidth_khz"] = (found.bandwidth_hz or 0.0) / 1000
    row["lines"] = [(p.hz, p.height_db, p.contribution) for p in found.evidence.peaks[:5]]
    row["residual"] = thinned(found.picture)
    return row


def of_sound(mono: np.ndarray) -> dict:
    """Return level, crest, flatness and flux of a sound at 16 kHz."""
    rms = float(np.sqrt(np.mean(mono**2))) + 1e-12
    count = max(1, (len(mono) - FRAME) // (FRAME // 2) + 1)
    padded = np.pad(mono, (0, max(0, FRAME - len(mono))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[:: FRAME // 2][:count]
    power = np.abs(scipy.fft.rfft(frames * np.hanning(FRAME), axis=1)) ** 2 + 1e-12
    loud = power.sum(1) > 1e-3 * np.median(power.sum(1))
    level = 10 * np.log10(power[loud][:, 7:])  # from 55 Hz on
    flatness = level.mean(1) - 10 * np.log10((10 ** (level / 10)).mean(1))
    rises = np.maximum(np.diff(level, axis=0), 0).mean() if len(level) > 1 else 0.0
    return {
        "level_db": 20 * np.log10(rms),
        "crest_db": 20 * np.log10((np.abs(mono).max() + 1e-12) / rms),
        "flatness_db": float(np.median(flatness)),
        "flux_db": float(rises),
        "duration_s": len(mono) / RATE_HZ,
    }


def of_spectrum(picture: Picture) -> dict:
    """Return how many narrow lines the mean spectrum has, and how high the highest stand."""
    mean = picture.mean_db.astype(np.float64)
    above = mean - scipy.ndimage.median_filter(mean, 61, mode="nearest")
    spread = 1.4826 * float(np.median(np.abs(above)))
    top = (above[1:-1] > above[:-2]) & (above[1:-1] >= above[2:])
    lines = top & (above[1:-1] > max(3.0, 4 * spread))
    span_khz = float(picture.residual_hz[-1] - picture.residual_hz[0]) / 1000
    return {
        "lines_per_khz": float(lines.sum()) / span_khz,
        "steady_db": float(np.quantile(above, 0.99)),
    }


def thinned(picture: Picture, columns: int = 600) -> list[float]:
    """Return the highest residual of each of many equal stretches, low to high, in tenths of dB."""
    parts = np.array_split(picture.residual_db, columns)
    return [round(float(part.max()), 1) for part in parts]


def group_of(row: dict) -> str:
    """Name the group: the verdict at 1 % false alarms; undecided counts as not called AI."""
    called = row["verdict"] == "ai"
    return next(
        k for k, (_, label, hit) in GROUPS.items() if (label, hit) == (row["label"], called)
    )


def interval(rows: Sequence[dict], name: str) -> tuple[float, float, float]:
    """Return the mean over tracks, with a bootstrap interval over pages."""
    pages = sorted({row["group"] for row in rows})
    sums = np.array([sum(r[name] for r in rows if r["group"] == p) for p in pages])
    counts = np.array([sum(r["group"] == p for r in rows) for p in pages])
    draws = np.random.default_rng(0).integers(len(pages), size=(REPLICATES, len(pages)))
    means = sums[draws].sum(1) / counts[draws].sum(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(sums.sum() / counts.sum()), float(low), float(high)


def table(rows: Sequence[dict]) -> list[list[str]]:
    """Return the measures of each group as cells; the first row is the head."""
    by_group = {k: [r for r in rows if r["where"] == k] for k in GROUPS}
    head = ["measure"]
    for key, part in by_group.items():
        pages = len({r["group"] for r in part})
        head.append(f"{key}: {GROUPS[key][0]} ({len(part)} of {pages} pages)")
    cells = [head]
    for name, words in {"logit": "logit", **MEASURES}.items():
        line = [words]
        for part in by_group.values():
            pages = len({r["group"] for r in part})
            if not part:
                line.append("none")
                continue
            mean, low, high = interval(part, name)
            span = f" [{low:.2f}, {high:.2f}]" if pages > 1 else ""
            line.append(f"{mean:.2f}{span}")
        cells.append(line)
    return cells


def reading(rows: Sequence[dict]) -> str:
    """Say in which measures groups differ: where their intervals do not touch."""
    words = []
    for one, other in (("TP", "FN"), ("FP", "TN"), ("TP", "TN")):
        parts = [[r for r in rows if r["where"] == key] for key in (one, other)]
        if min(len({r["group"] for r in part}) for part in parts) < 2:
            continue
        apart = []
        for name, text in MEASURES.items():
            (a, low_a, high_a), (b, low_b, high_b) = (interval(part, name) for part in parts)
            if low_a > high_b or low_b > high_a:
                apart.append(f"{text.split(',')[0].split(' (')[0]} ({a:.2f} against {b:.2f})")
        said = "; ".join(apart) or "none of them"
        words.append(
            f"{GROUPS[one][0]}, against {GROUPS[other][0]}: intervals lie apart in {said}."
        )
    return "".join(f"<p>{html.escape(text)}</p>" for text in words)


def picture_of(row: dict) -> str:
    """Draw the residual spectrum as one path; the lines that weigh most get marks."""
    values, width, height, top = row["residual"], 600, 120, 30.0
    points = " ".join(
        f"{i},{height - min(max(v, 0.0), top) / top * height:.0f}" for i, v in enumerate(values)
    )
    marks = "".join(
        f'<line x1="{hz / 8000 * width:.1f}" x2="{hz / 8000 * width:.1f}" y1="0" y2="8" '
        f'stroke="{"#d55e00" if share > 0 else "#0072b2"}" stroke-width="2"/>'
        for hz, _, share in row["lines"]
    )
    return (
        f'<svg viewBox="0 0 {width} {height + 16}" role="img" aria-label="Residual spectrum, 0 to '
        f'8 kHz, 0 to {top:g} dB"><polyline points="{points}" fill="none" stroke="#333" '
        f'stroke-width="0.7"/>{marks}<text x="0" y="{height + 13}">0 kHz</text>'
        f'<text x="{width}" y="{height + 13}" text-anchor="end">8 kHz</text></svg>'
    )


def card(row: dict) -> str:
    """Return one track of the page."""
    lines = "".join(
        f"<tr><td>{hz:.1f}</td><td>{height:.1f}</td><td>{share:+.2f}</td></tr>"
        for hz, height, share in row["lines"]
    )
    comb = f", comb of {row['comb_hz']:.1f} Hz" if row["comb_hz"] else ""
    who = row["generator"] or row["group"]
    return (
        f"<article><h3>{html.escape(who)}: logit {row['logit']:+.2f}</h3>"
        f"<p><code>{html.escape(row['path'])}</code><br>{row['lines_per_khz']:.1f} lines a kHz, "
        f"flatness {row['flatness_db']:.0f} dB, bandwidth {row['bandwidth_khz']:.1f} kHz, level "
        f"{row['level_db']:.0f} dB{comb}</p>{picture_of(row)}<table><tr><th>line, Hz</th>"
        f"<th>dB</th><th>logit share</th></tr>{lines}</table></article>"
    )


STYLE = (
    "*{box-sizing:border-box}body{font:16px/1.5 system-ui,sans-serif;max-width:80rem;margin:2rem "
    "auto;padding:0 1rem;color:#222;background:#fff;color-scheme:light}main{display:block}"
    "section>div{display:grid;gap:1.5rem;grid-template-columns:repeat(auto-fill,minmax(min(22rem,"
    "100%),1fr))}section>div>*{min-width:0}svg{width:100%;background:#f6f6f4}"
    "svg text{font-size:12px;fill:#555}table{border-collapse:collapse;font-size:.9rem}td,th{"
    "padding:.1rem .6rem;text-align:right;border-bottom:1px solid #ddd}td:first-child,"
    "th:first-child{text-align:left}code{font-size:.8rem;overflow-wrap:anywhere}.wide{"
    "overflow-x:auto}h3{margin:.2rem 0;overflow-wrap:anywhere}"
)


def page(rows: Sequence[dict], cells: list[list[str]], reading: str, version: str) -> str:
    """Return the gallery as one file."""
    head = "".join(f"<th>{html.escape(c)}</th>" for c in cells[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in line) + "</tr>" for line in cells[1:]
    )
    parts = []
    for key, (words, _, hit) in GROUPS.items():
        part = sorted((r for r in rows if r["where"] == key), key=lambda r: r["logit"], reverse=hit)
        shown = "".join(card(r) for r in part[:SHOWN])
        parts.append(f"<section><h2>{words}: the surest</h2><div>{shown}</div></section>")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width, initial-scale=1"><title>Gallery: hits, misses and false '
        f"alarms of the default detector</title><style>{STYLE}</style><main><h1>Hits, misses and "
        f"false alarms</h1><p>The default detector, version {version}, cross-fitted: each excerpt "
        "judged by a bundle that saw none of its page's fold, at thresholds for 1 % false alarms. "
        "Grey: what stands above the lower envelope of the mean spectrum; orange marks speak for "
        "AI, blue against. "
        "This page holds no sound: with the table of excerpts at hand, <code>unsung explain PATH "
        f"-o why/</code> shows and plays any row.</p>{reading}<h2>What each group shares</h2>"
        f'<div class="wide"><table><tr>{head}</tr>{body}</table></div><p>Mean over tracks, 95 % '
        f"interval over pages.</p>{''.join(parts)}</main></html>\n"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--crossfit", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="JSON Lines of measured excerpts.")
    parser.add_argument("-o", "--out", type=Path, default=Path("results/gallery"))
    choice = parser.parse_args(arguments)
    choice.out.mkdir(parents=True, exist_ok=True)
    cache = choice.cache or choice.out / "measured.jsonl"
    lines = cache.read_text(encoding="utf-8").splitlines() if cache.is_file() else []
    known = {(row["path"], row["bundle"]): row for row in map(json.loads, lines)}
    bundles, asked = {}, []
    for track in read_table(choice.data).tracks:
        if track.use != "full" or track.label not in ("human", "ai"):
            continue
        if track.split not in bundles:
            bundles[track.split] = load_bundle(choice.crossfit / f"fold-{track.split}")
        bundle = bundles[track.split]
        key = (track.path, bundle.sha256)
        if key not in known:
            known[key] = measured(track, choice.data.parent / track.path, bundle)
            with cache.open("a", encoding="utf-8") as file:
                file.write(json.dumps(known[key]) + "\n")
        asked.append(known[key])
    base = choice.data.resolve().parent
    rows = [
        row | {"where": group_of(row), "path": os.path.relpath(row["path"], base)}
        for row in asked
        if row["logit"] is not None
    ]
    version = next(iter(bundles.values())).info["version"]
    write(rows, choice.out, version)


def write(rows: list[dict], out: Path, version: str) -> None:
    """Write the table of tracks, the table of groups and the page."""
    plain = ["path", "label", "generator", "group", "where", "logit", "verdict", *MEASURES]
    with (out / "tracks.csv").open("w", newline="", encoding="utf-8") as file:
        file.write(csv_line(plain))
        for row in sorted(rows, key=lambda r: -r["logit"]):
            values = [row[name] for name in plain]
            file.write(csv_line(f"{v:.4g}" if isinstance(v, float) else v for v in values))
    cells = table(rows)
    text = ["| " + " | ".join(cells[0]) + " |", "|" + "---|" * len(cells[0])]
    text += ["| " + " | ".join(line) + " |" for line in cells[1:]]
    (out / "groups.md").write_text("\n".join(text) + "\n", encoding="utf-8")
    found = page(rows, cells, reading(rows), version)
    if len(found.encode()) > 5_000_000:
        raise SystemExit("the page is larger than 5 MB; show fewer tracks")
    (out / "index.html").write_text(found, encoding="utf-8")


if __name__ == "__main__":
    main()

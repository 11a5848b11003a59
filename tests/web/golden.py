# SPDX-License-Identifier: MIT
"""Sounds made here, scored by Python and by the page's numerics."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from unsung.audio.signals import chord, comb, noise, sweep
from unsung.export.bundle import golden_signal
from unsung.reports import words
from unsung.runtime import Bundle
from unsung.scanning import Settings
from unsung.scanning._verdict import judged
from unsung.synthesis.decoder import Wear, resynthesise
from unsung.synthesis.render import render
from unsung.synthesis.score import compose
from unsung.types import Clip, FloatArray, Score
from unsung.web import constants
from unsung.web.runtime import sources

RATE = 0.01
PRIOR = 0.5
NODE = shutil.which("node")


def sounds(bundle: Bundle) -> dict[str, tuple[FloatArray, int]]:
    """Return the golden signals of the bundle and sounds that visit every branch."""
    rate = bundle.sample_rate_hz
    made = {
        f"golden-{g['seed']}": (golden_signal(g["seed"], g["duration_s"], rate), rate)
        for g in bundle.info["golden"]
    }
    lines = comb(187.5, 27.0, rate, 0.002, 1)
    hiss = noise(2, 27.0, rate, 0.02)
    music = chord([220.0, 277.2, 329.6, 1760.0], 27.0, rate, 0.3)
    low = np.convolve(noise(3, 20.0, rate, 0.1), np.hamming(41) / 22, mode="same")
    gap = np.concatenate([hiss[: 12 * rate], np.zeros(25 * rate, np.float32), hiss[: 3 * rate]])
    made |= {
        "lines": (lines + hiss, rate),
        "shifted-lines": (comb(187.5 * 1.04, 27.0, rate, 0.01, 1) + hiss, rate),
        "music": (music + 0.1 * hiss, rate),
        "scale": (chord([440 * 2 ** (n / 12) for n in range(20)], 27.0, rate, 0.3) + hiss, rate),
        "sweep": (sweep(200.0, 7800.0, 26.0, rate, 0.4) + 0.03 * hiss[: 26 * rate], rate),
        "dull": (low.astype(np.float32), rate),
        "gap": (gap, rate),
        "short": (hiss[: 2 * rate], rate),
        "tiny": (hiss[: rate // 2], rate),
        "silent": (np.zeros(11 * rate, np.float32), rate),
        "44k": (noise(5, 24.0, 44100, 0.1) + comb(200.0, 24.0, 44100, 0.01, 3), 44100),
        "48k": (noise(6, 31.0, 48000, 0.1), 48000),
        "11k": (noise(7, 21.0, 11025, 0.1), 11025),
        "spliced": (np.concatenate([hiss, lines + 0.5 * hiss, hiss]), rate),
    }
    return made


STRIDES = (8, 5, 4)


def decoded(rate: int) -> dict[str, tuple[FloatArray, int]]:
    """Return music made here that went through a decoder of known strides: the comb is there."""
    played = render(compose("guitar", 3), 3)
    mono = played.samples.mean(axis=0)[: 25 * played.sample_rate_hz]
    at_rate = soxr.resample(mono, played.sample_rate_hz, rate).astype(np.float32)
    passed = resynthesise(Clip(at_rate[None], rate), STRIDES, 3, Wear(bias=3e-4))
    return {"decoded": (passed.samples[0], rate)}


def likenesses(bundle: Bundle) -> dict[str, tuple[FloatArray, int]]:
    """Return steady lines where a family's template weighs most, one sound for each family."""
    attribution, rate = bundle.attribution, bundle.sample_rate_hz
    assert attribution is not None
    hiss, made = noise(8, 24.0, rate, 0.02), {}
    times = np.arange(len(hiss)) / rate
    reference = int(bundle.info["reference"])
    axis = bundle.front_ends[reference].freqs_hz
    for index, family in enumerate(attribution.facts.families):
        weights = attribution.templates[reference][index][:2].astype(np.float64).sum(axis=0)
        lines = sum(
            0.0015 * np.sin(2 * np.pi * axis[place] * times + place)
            for place in np.argsort(-weights)[:120]
        )
        made[f"like-{family}"] = ((hiss + lines).astype(np.float32), rate)
    return made


def in_python(bundle: Bundle, samples: FloatArray, rate_hz: int) -> dict[str, Any]:
    """Return what a scan measures and decides."""
    analyzer = bundle.analyzer(rate_hz, picture=True)
    for at in range(0, len(samples), 2 * rate_hz):
        analyzer.push(samples[at : at + 2 * rate_hz])
    found = analyzer.finish()
    seconds = len(samples) / rate_hz
    settings = Settings(false_alarm_rate=RATE, prior=PRIOR, picture=True)
    blank = Score("", duration_s=seconds, false_alarm_rate=RATE, prior=PRIOR)
    score = judged(blank, bundle, found, settings)
    picture, attribution = found.picture, bundle.attribution
    assert attribution is not None
    means = [moments.mean for moments in analyzer._moments]
    return {
        **score.to_dict(),
        "bandwidth_hz": found.bandwidth_hz,
        "nearest": found.family,
        "family_scores": None if found.logit is None else attribution.scores(means).tolist(),
        "family_text": words.family_text(score.family),
        "stretches_text": words.stretches_text(score),
        "spectrogram_sum": None if picture is None else float(picture.spectrogram_db.sum()),
        "spectrogram_frames": 0 if picture is None else picture.spectrogram_db.shape[1],
        "share_sum": None if picture is None else float(picture.contributions.sum()),
    }


def in_node(
    bundle: Bundle,
    made: Mapping[str, tuple[FloatArray, int]],
    folder: Path,
    runtime: Path | None = None,
    *,
    listen: bool = False,
) -> dict[str, dict[str, Any]]:
    """Return the same from the page's code, run by Node."""
    assert NODE is not None
    table = folder / "constants.json"
    table.write_text(json.dumps(constants()), encoding="utf-8")
    orders = []
    for name, (samples, rate_hz) in made.items():
        path = folder / f"{name}.f32"
        path.write_bytes(np.ascontiguousarray(samples, "<f4").tobytes())
        order = {"samples": str(path), "rate_hz": rate_hz, "listen": listen}
        orders.append(json.dumps({**order, "false_alarm_rate": RATE, "prior": PRIOR}))
    script = sources() / "test" / "score.mjs"
    done = subprocess.run(
        [NODE, str(script), str(bundle.path), str(table), *([str(runtime)] if runtime else [])],
        input="\n".join(orders),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return dict(zip(made, rows, strict=True))

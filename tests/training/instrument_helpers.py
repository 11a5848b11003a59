# SPDX-License-Identifier: MIT
"""A tiny corpus in the form of `unsung synth instruments`, made of tones, without FluidSynth.

"Low" plays a tone of 300 Hz, "high" one of 3 kHz, both with a little noise: any network that learns
at all can tell them apart.
"""

import json

import numpy as np

from unsung.audio.write import write
from unsung.types import Clip

RATE_HZ = 22050
NAMES = ("low", "high")


def make_corpus(folder, n=24, seconds=3.0):
    (folder / "audio").mkdir(parents=True)
    rng = np.random.default_rng(0)
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    labels, tracks = [], []
    for number in range(n):
        present = [NAMES[number % 2]] if number % 3 else list(NAMES)
        hz = {"low": 300.0, "high": 3000.0}
        start_s = rng.uniform(0, 1)
        sound = sum(np.sin(2 * np.pi * hz[name] * time_s) for name in present) * (time_s > start_s)
        sound = 0.2 * sound + 0.001 * rng.standard_normal(len(time_s))
        path = f"audio/{number:03d}.wav"
        write(folder / path, Clip(sound[None].astype(np.float32), RATE_HZ))
        split = ("train", "train", "valid", "test")[number // 2 % 4]
        base = {"id": f"{number:03d}", "path": path, "split": split, "group": f"m{number}"}
        tracks.append(base | {"label": "human", "duration_s": seconds})
        rows = [
            {"name": name, "program": 0, "family": "x", "channel": 0, "share_db": 0.0}
            for name in present
        ]
        labels.append(
            base
            | {"midi": "", "duration_s": seconds, "sha256": "", "tempo_bpm": None, "key": ""}
            | {"instruments": rows, "notes": []}
        )
    lines = "".join(json.dumps(row) + "\n" for row in labels)
    (folder / "labels.jsonl").write_text(lines)
    head = {"manifest": "tones", "version": "1"}
    from unsung.types import Manifest, Track

    made = Manifest("tones", "1", tuple(Track(**track) for track in tracks))
    made.save(folder / "manifest.jsonl")
    (folder / "corpus.json").write_text(json.dumps({"soundfont": "tones", "seed": 0} | head))
    return folder

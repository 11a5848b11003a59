# SPDX-License-Identifier: MIT
"""Synthetic scores and pictures, and a reader that walks a page and refuses what is malformed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from unsung.types import Comb, Evidence, Failure, Peak, Picture, Provenance, Score

VOID = {"meta", "link", "input", "br", "img", "hr"}
ATTACK = '<script>alert("x")</script>'

CALIBRATION = {
    "name": "validation-a",
    "prior": 0.5,
    "n_human": 500,
    "n_ai": 480,
    "n_groups": 60,
    "human_logits": np.linspace(-6, 1, 51).tolist(),
    "ai_logits": np.linspace(-1, 8, 51).tolist(),
    "thresholds": [
        {"false_alarm_rate": 0.05, "ai_logit": 0.8, "human_logit": -0.3, "n_human": 500},
        {
            "false_alarm_rate": 0.01,
            "ai_logit": 1.9,
            "human_logit": -0.3,
            "n_human": 500,
            "guarantee": "conformal",
        },
    ],
}
CARD = {
    "summary": "A linear model on the residual spectrum.",
    "trained_on": ["human: folk archives"],
    "failures": ["below 48 kbit/s"],
    "intended_use": "Triage.",
    "forbidden_use": "Sanctions without a person's review.",
    "patent_note": "Peak-based detection is subject to patent applications by others.",
    "metrics": [{"name": "AUROC", "value": 0.981, "low": 0.968, "high": 0.99, "n": 1000}],
}
PEAKS = tuple(
    Peak(hz, 6.0 + i, 0.1 * (i + 1) * (-1) ** i)
    for i, hz in enumerate((5512.5, 5600.0, 5700.0, 6201.6, 8268.8, 11025.0, 15990.0))
)


def picture(duration_s: float = 60.0, seed: int = 0) -> Picture:
    """A noisy spectrogram with lines, and a residual with a bump for each peak."""
    rng = np.random.default_rng(seed)
    hz, times = np.linspace(0, 22050, 257), np.linspace(0.5, duration_s - 0.5, 60)
    axis = np.linspace(5000, 16000, 2200)
    residual = np.abs(rng.normal(0, 0.5, axis.size))
    for peak in PEAKS:
        residual[np.argmin(np.abs(axis - peak.hz))] = peak.height_db
    envelope = -60 - axis / 1000
    arrays = (
        rng.normal(-60, 15, (hz.size, times.size)),
        hz,
        times,
        axis,
        residual,
        envelope + residual + 1,
        envelope,
        rng.normal(0, 0.002, axis.size),
    )
    return Picture(*(np.asarray(a, np.float32) for a in arrays))


def score(verdict: str = "ai", logit: float = 3.42, **changes: object) -> Score:
    """A finished score of one minute."""
    fields: dict[str, object] = {
        "path": "/music/album/song.flac",
        "sha256": "ab12" * 16,
        "duration_s": 60.0,
        "detector": "residual-linear-1",
        "windows": tuple((5.0 * i, logit + 0.1 * i) for i in range(12)),
        "logit": logit,
        "llr_nats": 3.0,
        "probability": 0.9526,
        "prior": 0.5,
        "calibration": "validation-a",
        "verdict": verdict,
        "reason": "Only 3 of 12 windows carry evidence." if verdict == "undecided" else "",
        "false_alarm_rate": 0.01,
        "evidence": Evidence(
            words=("Seven narrow lines stand out.",),
            peaks=PEAKS,
            baseline=-1.2,
            terms={"peaks": 4.5, "noise floor": 0.12},
            comb=Comb(689.06, 1e-8, 0.9, ("44.1 kHz, stride 64",)),
            comb_hz=689.06,
        ),
        "covered_s": 60.0,
        "sample_rate_hz": 44100,
        "channels": 2,
        "codec": "flac",
        "provenance": (Provenance("tool", "encoder", "Lavf60"),),
    }
    return Score(**(fields | changes))  # type: ignore[arg-type]


def failed(path: str = "/music/broken.wav") -> Score:
    """A score of a file that could not be read."""
    return Score(path, error=Failure("TruncatedAudio", "the file ends after 0:47, expected 3:12"))


@dataclass
class Page(HTMLParser):
    """A page as a list of elements; raises on tags that do not close in order."""

    source: str
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    stack: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.source)
        self.close()
        assert not self.stack, f"never closed: {self.stack}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> repeats an attribute: {names}"
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack and self.stack[-1] == tag, f"</{tag}> closes {self.stack[-3:]}"
        self.stack.pop()

    def handle_data(self, data: str) -> None:
        if not self.stack or self.stack[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        """What a reader sees, with plain spaces."""
        joined = "".join(self.words).replace("\u202f", " ")
        return re.sub(r"\s+", " ", joined)

    def all(self, tag: str = "", **wanted: str) -> list[dict[str, str]]:
        """Attributes of the elements with a tag, a class among theirs, or equal attributes."""
        kind = wanted.pop("cls", "")
        return [
            attrs
            for name, attrs in self.elements
            if (not tag or name == tag)
            and set(kind.split()) <= set(attrs.get("class", "").split())
            and all(attrs.get(key.replace("_", "-")) == value for key, value in wanted.items())
        ]


def load(path: Path) -> Page:
    """Read a page that was written."""
    return Page(path.read_text(encoding="utf-8"))


def outside(page: Page) -> list[str]:
    """Addresses in a page that would leave it."""
    found = [
        value
        for _, attrs in page.elements
        for name, value in attrs.items()
        if name in ("src", "href", "srcset", "action", "poster", "xlink:href")
        and re.match(r"\s*([a-z][a-z0-9+.-]*:|//)", value, re.I)
        and not value.startswith("data:")
    ]
    found += re.findall(r"url\([^)]*\)|@import[^;]*", page.source)
    return found + re.findall(r"https?://[^\s\"'<]*", page.source)


def number_of(text: str) -> float:
    """The value of ``12.5%``."""
    return float(text.removesuffix("%"))

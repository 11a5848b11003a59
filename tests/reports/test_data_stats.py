# SPDX-License-Identifier: MIT
"""The page says what was counted, escaped, alone, and with drawings inside their frames."""

from __future__ import annotations

import re

import numpy as np

from unsung.data.stats import stats
from unsung.reports.data_stats import HEIGHT_PX, write_data_stats
from unsung.types import Manifest, Track


def manifest(name="my <set>", n=120):
    rng = np.random.default_rng(0)
    return Manifest(
        name,
        "1",
        tuple(
            Track(
                id=str(i),
                path=f"{i}.mp3",
                label=("human", "ai", "resynth")[i % 3],  # type: ignore[arg-type]
                generator=("", "Suno <b>", "dac")[i % 3],
                split=("train", "test")[i % 2],
                group=f"g{i // 3}",
                codec=("flac", "mp3", "mp3")[i % 3],
                duration_s=float(rng.uniform(3, 60)),
                licence=f"licence {i % 30}",
            )
            for i in range(n)
        ),
    )


def test_the_page_holds_the_counts(tmp_path):
    page = write_data_stats(stats(manifest()), tmp_path / "out", command="unsung data stats x")
    text = page.read_text(encoding="utf-8")
    assert page.name == "data.html"
    assert "my &lt;set&gt;" in text and "<set>" not in text and "Suno &lt;b&gt;" in text
    assert "<strong>40</strong> human" in text
    assert "unsung data stats x" in text
    assert re.search(r'class="warn-row"><th>⚠ Codec', text)
    assert "15 others" in text  # 30 licences, the rare ones together
    assert "family of generators" in text.split("Stated by no row")[1]


def test_the_page_loads_nothing(tmp_path):
    text = write_data_stats(stats(manifest()), tmp_path).read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href)="(?!data:,)', text)
    assert "default-src &#39;none&#39;" in text


def test_bars_stay_inside_their_strips(tmp_path):
    text = write_data_stats(stats(manifest()), tmp_path).read_text(encoding="utf-8")
    bars = re.findall(
        r'<rect class="bar \w+" x="([\d.]+)%" width="([\d.]+)%" y="([\d.]+)" height="([\d.]+)"',
        text,
    )
    assert len(bars) > 20
    for x, width, y, height in (map(float, bar) for bar in bars):
        assert x >= 0 and x + width <= 100
        assert y >= 0 and abs(y + height - HEIGHT_PX) < 0.02


def test_sets_with_one_class_or_nothing(tmp_path):
    one = Manifest("one", "1", tuple(t for t in manifest() if t.label == "ai"))
    assert "Only one class is here" in write_data_stats(stats(one), tmp_path).read_text("utf-8")
    empty = write_data_stats(stats(Manifest("none", "1", ())), tmp_path).read_text("utf-8")
    assert "No row states them" in empty

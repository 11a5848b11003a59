# SPDX-License-Identifier: MIT
"""False alarms of the packaged detector on human music that it never saw.

    python bench/human_music.py FOLDER [-o results/human-music]

FOLDER holds one sub-folder a source (a package, an album, a label), everything below it human
music. Every track is scanned at the stated rate; verdicts are counted by source, with the exact
binomial interval of the share called AI. Tracks that the detector was trained on are left out by
their hash, and named. Looking is spending: each look stands in results/detector-log.md.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path

from unsung.evaluation.proportions import clopper_pearson
from unsung.runtime import load_bundle
from unsung.scanning.pipeline import scan

VERDICTS = ("human", "undecided", "ai")


def page(counts: dict[str, Counter[str]], alarms: list[str], head: str) -> str:
    total: Counter[str] = sum(counts.values(), Counter())
    n = sum(total[verdict] for verdict in VERDICTS)
    span = clopper_pearson(total["ai"], n)
    lines = [
        "# Human music that the detector never saw",
        "", head, "",
        f"{n} tracks of {len(counts)} sources: {total['ai']} called AI ({total['ai'] / n:.1%}, "
        f"95 % interval {span.low:.2%} to {span.high:.1%}), {total['undecided']} undecided, "
        f"{total['human']} human; {total['trained']} left out because the detector was trained on "
        f"them, {total['error']} could not be scanned. Tracks of one source are not independent: "
        "the interval is that of a binomial, and too narrow by as much.",
        "", *(f"* called AI: {alarm}" for alarm in alarms), "",
        "| source | human | undecided | AI | not scanned |", "|---|--:|--:|--:|--:|",
    ]  # fmt: skip
    for name, own in sorted(counts.items()):
        cells = [*(own[verdict] for verdict in VERDICTS), own["error"] + own["trained"]]
        lines.append(f"| {name} | {' | '.join(map(str, cells))} |")
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=Path("results/human-music"))
    parser.add_argument("--false-alarm-rate", type=float, default=0.01)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    bundle = load_bundle("default")
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    alarms, rows = [], []
    scores = scan(
        [str(arguments.folder)], jobs=arguments.jobs, false_alarm_rate=arguments.false_alarm_rate
    )
    for score in scores:
        inside = Path(score.path).relative_to(arguments.folder)
        trained = bool(score.sha256) and bundle.trained_on(score.sha256)
        word = "error" if score.error else "trained" if trained else str(score.verdict)
        counts[inside.parts[0]][word] += 1
        rows.append({"track": str(inside), "verdict": word, "logit": score.logit})
        if word == "ai":
            alarms.append(f"{inside}, logit {score.logit:+.2f}, family {score.family}")
    head = (
        f"Written by `python bench/human_music.py FOLDER`; do not edit. {bundle.name} "
        f"({bundle.sha256[:12]}), verdicts at a stated {arguments.false_alarm_rate:g}."
    )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.with_suffix(".md").write_text(page(counts, alarms, head), encoding="utf-8")
    text = "".join(json.dumps(row) + "\n" for row in rows)
    arguments.out.with_suffix(".jsonl").write_text(text, encoding="utf-8")
    print(arguments.out.with_suffix(".md").read_text(encoding="utf-8")[:900])


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""The page of the instrument CNN's measurement, from the numbers that `instrument_measure` found.

Also the card of the folder that ships: what it was trained on, how well it does, what it is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["GOAL", "card", "page"]

GOAL = 0.92
"""Macro-F1 of the guitar study, on its own test clips."""


def page(found: Mapping[str, Any], command: str = "") -> str:
    """Return the page as Markdown."""
    results = found["results"]
    lines = [
        "# Instrument CNN: macro-F1 on clips that it has not heard",
        "",
        f"{len(found['outputs'])} instruments, 1 to 4 at once, 5 s each; "
        f"{found['options'].get('layers', 4)} convolutions, side "
        f'{found["options"].get("side", 400)}. The guitar study ("See the Sound of a Guitar") '
        f"published {GOAL} for 6 400 training clips and 20 epochs of its own; here "
        f"{found['n_train']} clips, {found['presented']} presentations. "
        "Intervals: 95 %, bootstrap over melodies, 1 000 replicates, seed 0.",
        "",
        "| clips | SoundFont | seed | n | macro-F1, thresholds of validation | at logit 0 |",
        "|---|---|---|---|---|---|",
    ]
    for row in results:
        lines.append(
            f"| {row['name']} | {row['soundfont']} | {row['seed']} | {row['n']} | "
            f"{_range(row['chosen'])} | {_range(row['at_zero'])} |"
        )
    lines += ["", _verdict(results), "", "## By instrument", ""]
    tests = [row for row in results if row["name"] != "validation"]
    lines.append("| instrument | " + " | ".join(f"{t['name']}: F1 (n)" for t in tests)
                 + " | precision | recall |")  # fmt: skip
    lines.append("|---" * (len(tests) + 3) + "|")
    for index, name in enumerate(found["outputs"]):
        cells = [f"{t['chosen']['each'][index]:.2f} ({t['positives'][index]:.0f})" for t in tests]
        first = tests[0]
        lines.append(
            f"| {name} | {' | '.join(cells)} | {first['precision'][index]:.2f} | "
            f"{first['recall'][index]:.2f} |"
        )
    lines += ["", f"Precision and recall: {tests[0]['name']}.", "", "## By instruments at once", ""]
    lines += ["| at once | " + " | ".join(t["name"] for t in tests) + " |"]
    lines += ["|---" * (len(tests) + 1) + "|"]
    for count in tests[0]["by_count"]:
        cells = [_range(t["by_count"][count]) for t in tests]
        lines.append(f"| {count} | {' | '.join(cells)} |")
    lines += ["", "## Learning curve", "", _curve(found), "", "## How", "", _how(found, command)]
    return "\n".join(lines) + "\n"


def card(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the shipped folder says of itself; recordings are measured by hand."""
    tests = {row["name"]: row for row in found["results"]}
    first = next(row for name, row in tests.items() if name != "validation")
    others = [row for name, row in tests.items() if name != "validation"][1:]
    lines = [
        f"Trained on {found['n_train']} clips that FluidSynth rendered with {first['soundfont']}: "
        "random notes, 60 to 72, 1 to 4 instruments, no effects, no drums, no voices.",
        f"Macro-F1 {_range(first['chosen'])} on {first['n']} clips of other melodies.",
        *(f"Macro-F1 {_range(row['chosen'])} with {row['soundfont']} ({row['n']} clips)."
          for row in others),
        "FluidR3_GM by Frank Wen is under the MIT licence; no sample of it is in the weights' "
        "files, and the weights are under this project's licence.",
        "An instrument that is not on the list is heard as the nearest on it.",
        "It says nothing about AI.",
    ]  # fmt: skip
    return {
        "summary": f"A network that learned {len(found['outputs'])} instruments from rendered "
        "notes.",
        "recordings": "On recordings its names are guesses: it has heard rendered notes only.",
        "lines": lines,
    }


def _range(row: Mapping[str, Any]) -> str:
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def _verdict(results: list[Mapping[str, Any]]) -> str:
    test = next(row for row in results if row["name"] != "validation")
    value, low = test["chosen"]["value"], test["chosen"]["low"]
    if low >= GOAL:
        return f"The interval on {test['name']} lies above the published {GOAL}."
    if value >= GOAL:
        return f"The value on {test['name']} reaches the published {GOAL}; its interval holds it."
    if test["chosen"]["high"] >= GOAL:
        return f"The value on {test['name']} is below the published {GOAL}, its interval holds it."
    return f"The published {GOAL} is missed on {test['name']}."


def _curve(found: Mapping[str, Any]) -> str:
    lines = ["| stage | epoch | steps | training loss | validation loss | macro-F1 at logit 0 |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    for stage in found["stages"]:
        for row in stage["epochs"]:
            lines.append(
                f"| side {stage['side']} | {row['epoch']} | {row['step']} | "
                f"{row['train_loss']:.3f} | {row['valid_loss']:.3f} | {row['macro_f1']:.3f} |"
            )
    return "\n".join(lines)


def _how(found: Mapping[str, Any], command: str) -> str:
    stages = "; ".join(
        f"side {s['side']}: {s['epochs'][-1]['epoch']} epochs of {s['n_train']} clips"
        for s in found["stages"]
    )
    text = (
        f"Batch {found['batch']}, Adam, cosine from 1e-3, bfloat16, positives weighted; {stages}. "
        "Pictures are made once and turned at random along time."
    )
    if len(found["stages"]) > 1:
        text += " The smaller side went first, the larger went on from its weights (`--start`)."
    return text + (f"\n\n```\n{command}\n```" if command else "")

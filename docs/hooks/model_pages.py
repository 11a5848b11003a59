# SPDX-License-Identifier: MIT
"""Model cards: one page for each packaged bundle, one for all published weights that are known."""

from __future__ import annotations

from typing import Any

from pages import Section, cell, prose

__all__ = ["section"]

_RATES = (0.05, 0.01, 0.001)
_INDEX = """\
# Models

A **bundle** is what `unsung scan` loads: front ends, graph, calibration, thresholds and card in one
folder. **Published weights** by others are fetched by name, checked by hash and kept as safetensors
(`unsung weights fetch`); none of them is shipped. A verdict of any of them is evidence, not proof:
[limits and ethics](../limits-and-ethics.md).

{bundles}
- [Published weights](weights.md): {n_weights} files of other authors, with their licences.

`unsung bundle info NAME` prints a card; `unsung train` writes one for each run
([training](../training.md)).
"""
_WEIGHTS = """\
# Published weights

What `unsung weights fetch NAME` knows. The licence is the weights' own, stated by their authors.

| name | detector | licence | parameters | trained on |
|---|---|---|--:|---|
"""


def section() -> Section:
    """Return the index, a page for each bundle, and the page of published weights."""
    from unsung.detectors._cards import cards
    from unsung.runtime import bundle_names, load_bundle

    made = Section()
    loaded = {name: load_bundle(name) for name in bundle_names()}
    found = cards()
    lines = [f"- [{name}]({name}.md): {prose(b.card['summary'])}" for name, b in loaded.items()]
    index = _INDEX.format(bundles="\n".join(lines), n_weights=len(found))
    made.add("All models", "models/index.md", index)
    for name, bundle in loaded.items():
        made.add(f"Bundle: {name}", f"models/{name}.md", _bundle_page(name, bundle))
    made.add("Published weights", "models/weights.md", _weights_page(found))
    return made


def _bundle_page(name: str, bundle: Any) -> str:
    card, calibration = bundle.card, bundle.calibration
    lines = [f"# {bundle.name}", "", prose(card["summary"]), "", "| | |", "|---|---|"]
    ends = ", ".join(f"`{entry['name']}`" for entry in bundle.info["front_ends"])
    files = sum(path.stat().st_size for path in bundle.path.iterdir() if path.is_file())
    facts = {
        "name for `--detector`": f"`{name}`",
        "hash": f"`{bundle.sha256}`",
        "size": f"{files / 1000:.0f} kB",
        "front ends": ends,
        "window": f"{bundle.window_s:g} s at {bundle.sample_rate_hz} Hz",
        "calibrated on": cell(calibration["name"]),
    }
    lines += [f"| {key} | {value} |" for key, value in facts.items()]
    lines += ["", "## Thresholds", "", *_thresholds(bundle)]
    lines += ["", "## Measured", "", "| figure | value | 95 % interval | n |", "|---|--:|---|--:|"]
    for row in card.get("metrics", []):
        spread = f"{row['low']:.3f} to {row['high']:.3f}"
        lines.append(f"| {cell(row['name'])} | {row['value']:.3f} | {spread} | {row['n']} |")
    lines += ["", _list("Trained on", card.get("trained_on", []))]
    lines += [_list("Where it fails", card.get("failures", []))]
    for title, key in (
        ("Meant for", "intended_use"),
        ("Not to be used for", "forbidden_use"),
        ("What a high score can also mean", "class_note"),
        ("Patents", "patent_note"),
    ):
        if card.get(key):
            lines += [f"## {title}", "", prose(card[key]), ""]
    return "\n".join(lines) + "\n"


def _thresholds(bundle: Any) -> list[str]:
    lines = ["| false alarms | called AI above | called human below |", "|--:|--:|--:|"]
    for rate in _RATES:
        limits = bundle.thresholds(rate).to_dict()
        values = [_number(limits.get(side)) for side in ("ai", "human")]
        lines.append(f"| {rate:g} | {values[0]} | {values[1]} |")
    return lines


def _number(value: float | None) -> str:
    return "not available" if value is None else f"{value:+.2f}"


def _list(title: str, items: list[str]) -> str:
    return f"## {title}\n\n" + "".join(f"- {prose(item)}\n" for item in items)


def _weights_page(found: list[Any]) -> str:
    rows = [
        f"| [`{one.name}`](#{_anchor(one.name)}) | `{one.detector}` | {cell(one.licence)} "
        f"| {one.n_parameters:,} | {cell(one.data)} |"
        for one in found
    ]
    parts = [
        f"## {one.name} {{ #{_anchor(one.name)} }}\n\n{prose(one.summary)}.\n\n"
        f"{prose(one.notes)}\n\n"
        f"- source: {prose(one.repository or one.url)}, file `{one.file}`\n"
        f"- hash: {'`' + one.sha256 + '`' if one.sha256 else 'its publisher states none'}\n"
        f"- to cite: {prose(one.paper)}\n"
        for one in found
    ]
    return _WEIGHTS + "\n".join(rows) + "\n\n" + "\n".join(parts)


def _anchor(name: str) -> str:
    return name.replace("/", "-").replace(".", "-")

# SPDX-License-Identifier: MIT
"""What the instrument network says of recordings whose instrument is evident.

python bench/instruments_recordings.py LIST.csv -o results/instruments-recordings.md

LIST.csv has the columns path and instrument (a name of the network's list; several by "+"; "other"
where none of the list plays). Names only say what a file is; no sound is copied.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

from unsung.errors import AudioError
from unsung.evaluation.proportions import clopper_pearson
from unsung.runtime.instruments import hear, load_instruments


def main():
    """Hear every file and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("list", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    given = parser.parse_args()
    model = load_instruments(given.model)
    rows, found_true, top_true, count = [], 0, 0, 0
    with given.list.open(newline="", encoding="utf-8") as file:
        wanted = list(csv.DictReader(file))
    for item in wanted:
        true = set(item["instrument"].split("+")) & set(model.outputs)
        try:
            heard = hear(item["path"], model)
        except AudioError as error:
            rows.append(f"| {Path(item['path']).name} | {item['instrument']} | {error} | |")
            continue
        named = [row for row in heard.instruments if row.heard]
        mean = {
            row.name: float(np.mean([
                w.probabilities[model.outputs.index(row.name)]
                for w in heard.windows if w.probabilities
            ])) for row in heard.instruments
        }  # fmt: skip
        top = max(mean, key=lambda name: mean[name])
        if true:
            count += 1
            found_true += bool(true & {row.name for row in named})
            top_true += top in true
        said = ", ".join(f"{row.name} {row.share:.0%}" for row in named) or "nothing"
        rows.append(f"| {Path(item['path']).name} | {item['instrument']} | {said} | {top} |")
    lines = [
        "# The instrument network on recordings",
        "",
        f"{model.name}, which learned from rendered notes. Files whose instrument is evident from "
        "their name or notes, whole files, windows of "
        f"{model.window_s:g} s. Named: share of the windows that sound. Surest: highest mean "
        "probability.",
        "",
        f"Of {count} files with an instrument of the list, it is among the named in {found_true} "
        f"({_interval(found_true, count)}) and the surest in {top_true} "
        f"({_interval(top_true, count)}).",
        "",
        "| file | plays | named | surest |",
        "|---|---|---|---|",
        *rows,
    ]
    given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _interval(hits, count):
    found = clopper_pearson(hits, count)
    return f"{found.value:.0%}, 95 % interval {found.low:.0%} to {found.high:.0%}"


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""Draws what `unsung.training.instrument_relevance` measured: a page, figures, pictures.

python bench/instrument_relevance.py MEASURED.json results/instrument-relevance --run RUN

All numbers come from the JSON file; the pictures are made anew with the network of RUN.
"""

import argparse
import json
from html import escape
from pathlib import Path

import numpy as np

from unsung.reports.png import png_bytes

LABELS = {
    "energy": "the picture itself",
    "edges": "edges (Sobel)",
    "shuffled": "EpsilonPlus, shuffled network",
    "epsilon_plus_flat": "EpsilonPlusFlat (the study's CRP)",
    "epsilon_plus": "EpsilonPlus",
    "gradient_input": "gradient × input",
}
ORANGE = np.array([213, 94, 0.0])
METHOD = "epsilon_plus_flat"


def main():
    """Write page, figures and pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measured", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--run", type=Path, help="network that the pictures are of")
    parser.add_argument("--command", default="")
    given = parser.parse_args()
    found = json.loads(given.measured.read_text())
    given.out.mkdir(parents=True, exist_ok=True)
    first = next(iter(found.values()))
    for key, words in (("harmonics", "on harmonics"), ("attack", "in the attack")):
        rows = [(LABELS[k], v) for k, v in first["single"][key].items()]
        svg = forest(rows, f"Positive relevance {words}, over the share of the area")
        (given.out / f"{key}.svg").write_text(svg)
    pictures = draw_pictures(given.run, given.out) if given.run else []
    (given.out / "README.md").write_text(page(found, pictures, given.command))


def forest(rows, title, width=760):
    """Return a chart of values with intervals; 1 is chance."""
    left, step, top = 250, 26, 40
    most = max(row["high"] for _, row in rows) * 1.08

    def x(value):
        return left + (width - left - 20) * value / most

    height = top + step * len(rows) + 34
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="10" y="20" font-size="14">{escape(title)}</text>',
        f'<path d="M{x(1):.1f} {top - 8}V{height - 30}" stroke="#999" stroke-dasharray="3 3"/>',
        f'<text x="{x(1):.1f}" y="{height - 8}" text-anchor="middle">1, chance</text>',
    ]
    for tick in range(2, int(most) + 1):
        lines.append(f'<text x="{x(tick):.1f}" y="{height - 8}" text-anchor="middle">{tick}</text>')
    for number, (name, row) in enumerate(rows):
        y = top + step * number + 6
        lines += [
            f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">{escape(name)}</text>',
            f'<path d="M{x(row["low"]):.1f} {y}H{x(row["high"]):.1f}" stroke="#0072b2" '
            'stroke-width="3"/>',
            f'<circle cx="{x(row["value"]):.1f}" cy="{y}" r="5" fill="#d55e00"/>',
        ]
    return "\n".join([*lines, "</svg>\n"])


def draw_pictures(run, out):
    """Write pictures of relevance; returns (file name, caption)."""
    from unsung.detectors.instrument_cnn import INSTRUMENTS
    from unsung.synthesis.instruments import find_soundfont
    from unsung.training.instrument_measure import load_network
    from unsung.training.instrument_relevance import Walker
    from unsung.training.instrument_truth import Studio

    network = load_network(run)
    walker = Walker(network)
    studio = Studio(network.side, network.window_s, find_soundfont())
    made = []

    def add(name, image, target, caption):
        heat = walker.relevance(image, INSTRUMENTS.index(target), METHOD)
        logit = walker.logits([image])[0, INSTRUMENTS.index(target)]
        (out / f"{name}.png").write_bytes(painted(image, heat))
        made.append((f"{name}.png", f"{caption} Relevance of {target}, logit {logit:.1f}."))

    for name in ("violin", "celesta", "trumpet"):
        probe = studio.probe(name, 64, studio.note(name, 64))
        add(f"note-{name}", probe.image, name, f"One {name} note (E4), three times.")
    swap = studio.swapped("acoustic guitar (nylon)", "violin", 64, 0.08)
    for name in ("acoustic guitar (nylon)", "violin"):
        add(f"swap-{name.split()[0]}", swap.image, name, "Guitar for 80 ms, then violin.")
    bent = studio.vibrated("violin", 64, 100.0)
    add("vibrato-violin", bent.image, "violin", "Violin bent by ± 100 cents, 6 times a second.")
    return made


def painted(image, heat, scale=2):
    """Return a PNG: the picture in grey, positive relevance in orange, low notes at the bottom."""
    strength = np.clip(heat / max(np.quantile(heat, 0.995), 1e-12), 0, 1)[..., None] ** 0.7
    grey = np.repeat((235 - 200 * (np.clip(image, -1, 1) + 1) / 2)[..., None], 3, axis=2)
    colour = (1 - 0.85 * strength) * grey + 0.85 * strength * ORANGE
    pixels = np.repeat(np.repeat(colour[::-1], scale, axis=0), scale, axis=1)
    return png_bytes(np.round(pixels).astype(np.uint8))


def number(row, digits=2):
    """Return a value with its interval and count."""
    if not row["n"]:
        return "–"
    return f"{row['value']:.{digits}f} [{row['low']:.{digits}f}, {row['high']:.{digits}f}]"


def table(head, rows):
    """Return a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


def page(found, pictures, command):
    """Return the page."""
    name, first = next(iter(found.items()))
    parts = [
        "# What does the instrument CNN listen to?",
        f'Network "{name}": {first["layers"]} convolutions, side {first["side"]}, '
        f"{first['n_train']} training clips, {first['steps']} steps, macro-F1 "
        f"{first['valid_macro_f1']:.3f} on validation clips (logit 0). Sounds are rendered with "
        "the SoundFont of the training clips or made of sines; a note is played three times in a "
        "window of 5 s. **Lift** is a share of positive relevance over the same cells' share of "
        "the area: 1 is chance. Brackets: 95 % bootstrap over sounds. What the answers are "
        "stands in docs/instruments.md.",
        single(first),
        partials(first),
        swaps(first),
        vibrato(first),
        company(first),
        channels(first),
        networks(found),
    ]
    if pictures:
        shown = [f"![{caption}]({file})\n\n{caption}" for file, caption in pictures]
        words = (
            "Grey is the picture (time to the right, 5 s; mel bands upwards, 0 to 11 kHz), orange "
            "the positive relevance, full at its 99.5 % quantile."
        )
        parts.append("\n\n".join(["## Pictures", words, *shown]))
    if command:
        parts.append(f"## How\n\n```\n{command}\n```")
    return "\n\n".join(parts) + "\n"


def single(first):
    """Single notes against what knows nothing of the network."""
    rows = []
    for key, label in LABELS.items():
        values = (first["single"][part][key] for part in ("harmonics", "attack"))
        rows.append([label, *map(number, values), number(first["single"]["note"][key])])
    note = first["single"]["note"]["area"]["value"]
    by = []
    for name, row in first["single"]["by_instrument"].items():
        h, a = row["harmonics"], row["attack"]
        shown = [f"{part[k]:.2f}" for part in (h, a) for k in ("energy", "edges", METHOD)]
        by.append([name, f"{row['right']:.2f}", *shown])
    return "\n\n".join([
        "## Single notes: harmonics and attack",
        f"{first['single']['n']} notes, 12 instruments at 4 pitches; the right instrument has the "
        f"highest logit in {first['single']['right']:.0%}. Harmonics: rows within 25 Hz of one, "
        "below 4 kHz, while the note sounds. Attack: the first 100 ms.",
        table(["map", "lift on harmonics", "lift in the attack", "share in the note's time"], rows),
        f"The notes' time is {note:.2f} of the area.",
        "![Lift on harmonics](harmonics.svg)\n\n![Lift in the attack](attack.svg)",
        table(["instrument", "named right", "harmonics: picture", "edges", "CRP",
               "attack: picture", "edges", "CRP"], by),
    ])  # fmt: skip


def partials(first):
    """Partials that are taken out, and one that was never there."""
    rows = [
        [n, number(v["fall"]), number(v["named_still"]), number(v["relevance"], 3),
         number(v["edges"], 3)]
        for n, v in first["partials"].items()
    ]  # fmt: skip
    return "\n\n".join([
        "## Missing partials",
        "One partial of a played note (E4, 12 instruments) is notched out.",
        table(["partial", "the logit falls by", "still named", "relevance on it before",
               "edges on it before"], rows),
        "Equal partials 2 to 8 without the first: lift of relevance where the fundamental would "
        f"be {number(first['absent'])} (4 pitches). Listeners hear that pitch; the map has "
        "nothing there.",
    ])  # fmt: skip


def swaps(first):
    """Attack of one, sustain of the other."""
    rows = []
    for swap, ways in first["swaps"].items():
        for way, v in ways.items():
            rows.append([
                f"{float(swap) * 1000:.0f} ms", way, number(v["attack_decides"]),
                number(v["attack_named"]), number(v["sustain_named"]),
                number(v["relevance_of_attack"]) if "relevance_of_attack" in v else "",
                number(v["relevance_of_sustain"]) if "relevance_of_sustain" in v else "",
                number(v["edges"]) if "edges" in v else "",
            ])  # fmt: skip
    return "\n\n".join([
        "## Swapped attacks",
        "The attack of one instrument, then the sustain of another: 16 pairs both ways (struck or "
        "plucked with sustained). The last three columns: lift in the first 100 ms of the "
        "relevance of the attack's instrument, of the sustain's, of edges.",
        table(["attack lasts", "pairs", "attack's logit is higher", "attack named",
               "sustain named", "lift, attack's", "lift, sustain's", "edges"], rows),
    ])  # fmt: skip


def vibrato(first):
    """Vibrato imposed on played notes and on additive tones."""
    rows = [
        [f"± {c} cents", number(v["own"]), number(v["named_still"])]
        for c, v in first["vibrato"]["change"].items()
    ]
    change = first["vibrato"]["change"]
    names = list(next(iter(change.values()))["by_output"])
    others = [[n, *(f"{v['by_output'][n]:+.1f}" for v in change.values())] for n in names]
    follow = [
        [f"± {c} cents", number(v["relevance"]), number(v["edges"])]
        for c, v in first["vibrato"]["follows"].items()
    ]
    return "\n\n".join([
        "## Vibrato",
        "Played notes (E4) bent six times a second: change of the instrument's own logit.",
        table(["vibrato", "own logit", "still named"], rows),
        "Mean change of each output on the eleven other instruments' notes:",
        table(["output", *(f"± {c}" for c in change)], others),
        "Additive tones: lift on the cells that the moving partials cross.",
        table(["vibrato", "relevance", "edges"], follow),
    ])  # fmt: skip


def company(first):
    """One to four instruments; similar and different pairs."""
    named = [(f"{n} at once", v) for n, v in first["counts"].items()]
    named += [("similar pairs", first["similar"]), ("different pairs", first["different"])]
    rows = [
        [label, v["clips"], number(v["recall"]), number(v["false"], 3), number(v["own"]),
         number(v["own_edges"])]
        for label, v in named
    ]  # fmt: skip
    return "\n\n".join([
        "## Number of instruments, similar timbres",
        "New melodies. Lift on the harmonics of the instrument's own notes where they do not meet "
        "another's, against those of the others.",
        table(["clips", "n", "found", "named wrongly", "own notes: CRP", "own notes: edges"], rows),
    ])  # fmt: skip


def channels(first):
    """Single channels of the last convolution."""
    found = first["channels"]
    rows = [
        [key, number(found[key]["layer"]), f"{found[key]['median']:.2f}",
         f"{found[key]['best_lift']:.2f} (channel {found[key]['best']})",
         number(found[key]["of_best"]), f"{found[key]['above_twice']:.0%}"]
        for key in ("attack", "harmonics")
    ]  # fmt: skip
    v = found["vibrato"]
    return "\n\n".join([
        "## Channels as concepts",
        f"{found['layer']}, {found['channels']} channels, 24 notes; the stronger half is judged.",
        table(["truth", "whole layer's lift", "median channel", "best channel",
               "CRP through it alone, in the picture", "channels above 2"], rows),
        f"Vibrato (± 50 cents, {v['notes']} notes): {v['channels_above']} channels change their "
        f"share by more than signs at random give the largest of {found['channels']} "
        f"(|z| {v['largest_z']:.1f}, limit {v['limit_z']:.1f}).",
    ])  # fmt: skip


def networks(found):
    """All networks on single notes, and those that were asked on mixtures."""
    rows = []
    for name, f in found.items():
        alone = f["single"]
        mixed = [f"{v['recall']['value']:.0%}" for n, v in f.get("counts", {}).items() if n != "1"]
        shown = [
            number(alone[part][kind])
            for part in ("harmonics", "attack")
            for kind in (METHOD, "shuffled")
        ]
        rows.append([name, f["layers"], f["side"], f["n_train"], f["steps"],
                     f"{f['valid_macro_f1']:.3f}", f"{alone['right']:.0%}", *shown,
                     ", ".join(mixed) or "–"])  # fmt: skip
    return "\n\n".join([
        "## Depth, and simple against complex training",
        "Single notes, and for two networks what they find among 2, 3 and 4 instruments. "
        "\"simple\" was trained on one instrument a clip and is validated on such clips. Budgets "
        "are small and stated (steps of 16 clips up to the best epoch); differences between "
        "depths are also differences of how far each came. Shuffled: EpsilonPlus of the same "
        "network with the weights of each layer in random order, one seed.",
        table(["network", "layers", "side", "clips", "steps", "macro-F1 (validation)",
               "notes named", "harmonics: CRP", "shuffled", "attack: CRP", "shuffled",
               "found of 2, 3, 4"], rows),
    ])  # fmt: skip


if __name__ == "__main__":
    main()

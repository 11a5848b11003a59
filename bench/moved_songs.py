# SPDX-License-Identifier: MIT
"""Songs altered by other people's programs, judged by bundles that have not heard their owners.

    python bench/moved_songs.py songs.csv [more.csv ...] --folds FOLDS [--songs 40] [--out results]

FOLDS is what `python -m unsung.training.folds` wrote. 45 s from the middle of songs, altered with
ffmpeg, Rubber Band and SoX (each condition is left out where its program is missing), are scanned
by the bundle of the song's own fold, at 1 % with the packaged threshold of that length. Whole songs
are also listened to as live sound is: a verdict at every few seconds, or at a few looks that share
the rate, or at the end alone. Writes results/moved-songs.md.
"""

from __future__ import annotations

import argparse
import copy
import shutil
import subprocess
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path

from unsung.audio.read import read_clip
from unsung.audio.resample import resample
from unsung.evaluation.proportions import clopper_pearson
from unsung.runtime import Analysis, Analyzer, Bundle, decide, load_bundle
from unsung.runtime.decide import LOOKS_S
from unsung.scanning import score_file
from unsung.training.songs import Song, read_songs

RATE = 44100
SECONDS = 45.0
EVERY_S = 5.0
RATE_OF_ALARMS = 0.01
UP, DOWN = 2 ** (1 / 12), 2 ** (-1 / 12)
FFMPEG = {
    "as it is": None,
    "equaliser +5, -5, +4 dB": "equalizer=f=200:t=o:w=1:g=5,equalizer=f=1500:t=o:w=1:g=-5,"
    "equalizer=f=5000:t=o:w=1:g=4",
    "limiter after 9 dB": "volume=9dB,alimiter=limit=0.8:attack=5:release=50",
    "low-pass 5 kHz": "lowpass=f=5000,lowpass=f=5000",
    "echo (aecho)": "aecho=0.8:0.88:60:0.4",
    "speed + 6 %": f"asetrate={RATE * 1.06:.0f},aresample={RATE}",
    "speed - 6 %": f"asetrate={RATE * 0.94:.0f},aresample={RATE}",
    "pitch - 1 (asetrate, atempo)": f"asetrate={RATE * DOWN:.0f},aresample={RATE},atempo={UP:.6f}",
    "stretch 0.9 (atempo)": "atempo=0.9",
}
CODECS = {
    "mp3 64 kbit/s": ("libmp3lame", "64k", ".mp3"),
    "AAC 64 kbit/s": ("aac", "64k", ".m4a"),
    "Opus 64 kbit/s": ("libopus", "64k", ".opus"),
}
RUBBER_BAND = {
    "pitch - 1 (Rubber Band)": ["-p", "-1"],
    "stretch 0.9 (Rubber Band)": ["-t", "1.1111"],
}
SOX = {"reverb 50 (SoX)": ["reverb", "50"]}


def main() -> None:
    """Alter, scan, count, write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--folds", type=Path, required=True)
    parser.add_argument("--songs", type=int, default=40, help="songs of each class")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args()
    songs = chosen(read_songs(options.tables), options.songs)
    conditions = [
        *FFMPEG,
        *CODECS,
        *(RUBBER_BAND if shutil.which("rubberband") else {}),
        *(SOX if shutil.which("sox") else {}),
    ]
    jobs = [(song, name) for song in songs for name in conditions]
    with ProcessPoolExecutor(options.jobs) as pool:
        verdicts = list(pool.map(partial(judged, folds=options.folds), jobs))
        listened = list(pool.map(partial(looked, folds=options.folds), songs))
    counts: Counter[tuple[str, str, str]] = Counter()
    for (song, name), verdict in zip(jobs, verdicts, strict=True):
        counts[name, song.track.label, verdict] += 1
    page = _page(conditions, counts, songs, options) + _looks(songs, listened)
    (options.out / "moved-songs.md").write_text(page, encoding="utf-8")


def chosen(songs: list[Song], n: int) -> list[Song]:
    """Take songs of a minute and more, one owner after the other, in the order of their hashes."""
    found: list[Song] = []
    for label in ("ai", "human"):
        own = [s for s in songs if s.track.label == label and (s.track.duration_s or 0) >= 60]
        seen: Counter[str] = Counter()
        ranked = []
        for song in sorted(own, key=lambda s: s.track.sha256):
            ranked.append((seen[song.track.group], song.track.sha256, song))
            seen[song.track.group] += 1
        found += [song for *_, song in sorted(ranked, key=lambda item: item[:2])[:n]]
    return found


def looked(song: Song, folds: Path) -> tuple[bool, bool, bool]:
    """Return whether a song is called AI at any time, at any of the looks, and at its end."""
    bundle = _bundle(folds / f"fold-{song.track.split}")
    rate = bundle.sample_rate_hz  # a resampler in the middle of its work cannot be copied
    clip = read_clip(song.track.path, mono=True)
    sound = resample(clip.samples[0], clip.sample_rate_hz, rate)
    analyzer = Analyzer(bundle, rate)
    often, shared = [], []
    step = round(EVERY_S * rate)
    waiting = list(LOOKS_S)
    for start in range(0, len(sound), step):
        analyzer.push(sound[start : start + step])
        so_far = copy.deepcopy(analyzer, {id(bundle): bundle}).finish()
        often.append(_ai(bundle, so_far, RATE_OF_ALARMS))
        if waiting and so_far.covered_s >= waiting[0]:
            shared.append(_ai(bundle, so_far, RATE_OF_ALARMS / (len(LOOKS_S) + 1)))
            waiting = [look for look in waiting if look > so_far.covered_s]
    end = analyzer.finish()
    shared.append(_ai(bundle, end, RATE_OF_ALARMS / (len(LOOKS_S) + 1)))
    return any(often), any(shared), _ai(bundle, end, RATE_OF_ALARMS)


def _ai(bundle: Bundle, analysis: Analysis, rate: float) -> bool:
    return decide(bundle, analysis, rate, 0.5)[0] == "ai"


@cache
def _bundle(folder: Path) -> Bundle:
    return load_bundle(folder)


def judged(job: tuple[Song, str], folds: Path) -> str:
    """Return the verdict on one altered song, or "failed"."""
    song, name = job
    bundle = _bundle(folds / f"fold-{song.track.split}")
    with tempfile.TemporaryDirectory() as folder:
        whole, altered = Path(folder) / "cut.wav", Path(folder) / "altered.wav"
        try:
            start = max(0.0, ((song.track.duration_s or 0.0) - SECONDS) / 2)
            _ffmpeg("-ss", f"{start:.2f}", "-i", song.track.path, "-t", f"{SECONDS:g}",
                    "-map", "0:a:0", "-ar", str(RATE), whole)  # fmt: skip
            altered = _altered(name, whole, altered)
        except subprocess.CalledProcessError:
            return "failed"
        score, _ = score_file(altered, bundle, false_alarm_rate=RATE_OF_ALARMS)
    return score.verdict or "failed"


def _altered(name: str, whole: Path, altered: Path) -> Path:
    if name in CODECS:
        codec, rate, suffix = CODECS[name]
        coded = altered.with_suffix(suffix)
        _ffmpeg("-i", whole, "-c:a", codec, "-b:a", rate, coded)
        return coded
    if name in RUBBER_BAND:
        _run(["rubberband", "-q", *RUBBER_BAND[name], whole, altered])
    elif name in SOX:
        _run(["sox", whole, altered, *SOX[name]])
    elif FFMPEG[name] is None:
        return whole
    else:
        _ffmpeg("-i", whole, "-af", FFMPEG[name], altered)
    return altered


def _ffmpeg(*arguments: object) -> None:
    _run(["ffmpeg", "-v", "error", "-y", *arguments])


def _run(command: list[object]) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True, timeout=300)


def _page(
    conditions: list[str],
    counts: Counter[tuple[str, str, str]],
    songs: list[Song],
    options: argparse.Namespace,
) -> str:
    lines = [
        "# Songs altered by other programs",
        "",
        f"Written by `python bench/moved_songs.py {' '.join(t.name for t in options.tables)} "
        f"--folds FOLDS --songs {options.songs}`; do not edit. 45 s from the middle of "
        f"{len(songs)} songs of {len({s.track.group for s in songs})} owners, each judged by a "
        "bundle that has not learned from its owner, at 1 %, thresholds unchanged. Exact binomial "
        "intervals.",
        "",
        "| alteration | AI | found | human | called AI | undecided |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name in conditions:
        cells = [name]
        for label, wanted in (("ai", ("ai",)), ("human", ("ai", "undecided"))):
            n = sum(counts[name, label, v] for v in ("ai", "human", "undecided"))
            cells.append(str(n))
            cells += [_share(counts[name, label, verdict], n) for verdict in wanted]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _looks(songs: list[Song], listened: list[tuple[bool, bool, bool]]) -> str:
    lines = [
        "",
        "## Looking again and again",
        "",
        "The same songs whole, as live sound at a stated 1 %: called AI at any time when looked at "
        f"every {EVERY_S:g} s; at any of {len(LOOKS_S) + 1} looks (after "
        f"{', '.join(f'{s:g}' for s in LOOKS_S)} s and at the end) that share the rate; at the end "
        "alone.",
        "",
        f"| songs | n | every {EVERY_S:g} s | at the looks | at the end |",
        "|---|--:|--:|--:|--:|",
    ]
    for label, name in (("human", "human, called AI"), ("ai", "AI, found")):
        own = [
            said for song, said in zip(songs, listened, strict=True) if song.track.label == label
        ]
        cells = [_share(sum(column), len(own)) for column in zip(*own, strict=True)]
        lines.append(f"| {name} | {len(own)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _share(k: int, n: int) -> str:
    if not n:
        return ""
    span = clopper_pearson(k, n)
    return f"{100 * k / n:.1f} % [{100 * span.low:.1f}, {100 * span.high:.1f}]"


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""Checks a manifest before anyone trusts a number measured on it.

Errors: missing or unreadable files, files that changed, ids or paths that come twice, the same
content under two labels, and anything shared across splits (group, recording, pair, content,
sound). Warnings: duplicates inside a split, the same sound in two groups, confounds.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from unsung.data.cache import Cache
from unsung.data.confounds import ALL, Confound, confounds
from unsung.data.duplicates import MAX_ERROR, MIN_OVERLAP_S, find_matches
from unsung.data.facts import measured, with_facts
from unsung.data.fingerprint import HOP_S, Words, fingerprints
from unsung.types import Failure, Manifest, Record, Track

__all__ = ["KEYS", "Finding", "Report", "check", "leaks"]

KEYS = ("group", "recording", "pair_id")
"""What must not stand on two sides of a split."""
_EXAMPLES = 20


@dataclass(frozen=True)
class Finding(Record):
    """One kind of trouble: how many cases, in words, and up to 20 examples (track ids)."""

    level: Literal["error", "warning", "note"]
    kind: str
    count: int
    message: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report(Record):
    """All findings, worst first, and the table of confounds."""

    manifest: str
    sha256: str
    n_tracks: int
    n_heard: int
    findings: tuple[Finding, ...] = ()
    confounds: tuple[Confound, ...] = ()

    @property
    def n_errors(self) -> int:
        """Number of findings that are errors."""
        return sum(finding.level == "error" for finding in self.findings)


@dataclass
class _Found:
    """Collects findings of one kind after the other."""

    findings: list[Finding] = field(default_factory=list)

    def add(
        self, level: Literal["error", "warning", "note"], kind: str, text: str, cases: Sequence[str]
    ) -> None:
        if cases:
            shown = tuple(cases[:_EXAMPLES])
            self.findings.append(Finding(level, kind, len(cases), text, shown))


def check(
    manifest: Manifest,
    cache: Cache,
    *,
    jobs: int = 1,
    sound: bool = True,
    max_error: float = MAX_ERROR,
    min_overlap_s: float = MIN_OVERLAP_S,
    seed: int = 0,
    on_row: Callable[[str, int], None] | None = None,
) -> Report:
    """Look at every file and every relation between rows.

    Args:
        manifest: with resolved paths.
        cache: of facts and fingerprints.
        jobs: processes that read files.
        sound: also compare fingerprints, which decodes every file once.
        max_error: see `find_matches`.
        min_overlap_s: see `find_matches`.
        seed: of the confound model's folds and resamples.
        on_row: called with the step and the number of files done in it.
    """
    out = _Found()
    tick = on_row or _silent
    out.add("error", "id", "ids that come more than once", _repeated(t.id for t in manifest))
    out.add("error", "path", "files listed more than once", _repeated(t.path for t in manifest))
    present = _files(manifest, cache, jobs, out, tick)
    for finding in leaks(manifest.tracks):
        out.findings.append(finding)
    _same_content(present, out)
    heard = 0
    if sound:
        words = _words(present, cache, jobs, out, tick=tick, min_overlap_s=min_overlap_s)
        heard = len(words)
        _same_sound(words, out, max_error, min_overlap_s)
    table = confounds(present, seed)
    _confounded(table, out)
    order = ("error", "warning", "note")
    ranked = sorted(out.findings, key=lambda finding: order.index(finding.level))
    return Report(manifest.name, manifest.sha256, len(manifest), heard, tuple(ranked), tuple(table))


def _silent(step: str, count: int) -> None:
    """Show nothing."""


def leaks(tracks: Iterable[Track], keys: Sequence[str] = KEYS) -> list[Finding]:
    """Return values of group, recording and pair that stand in more than one split.

    Tracks without a split are in none.
    """
    where: dict[str, dict[str, set[str]]] = {key: defaultdict(set) for key in keys}
    for track in tracks:
        for key in keys:
            value = getattr(track, key)
            if value and track.split:
                where[key][value].add(track.split)
    out = _Found()
    for key, values in where.items():
        shared = [f"{value} ({', '.join(sorted(s))})" for value, s in values.items() if len(s) > 1]
        out.add("error", f"leak:{key}", f"values of {key} that stand in several splits", shared)
    return out.findings


def _files(
    manifest: Manifest, cache: Cache, jobs: int, out: _Found, tick: Callable[[str, int], None]
) -> list[Track]:
    """Return the readable tracks with measured facts; report the others."""
    good: list[Track] = []
    missing, broken, changed = [], [], []
    for number, (track, facts) in enumerate(measured(manifest, cache, jobs), start=1):
        tick("reading", number)
        if isinstance(facts, Failure):
            if os.path.exists(track.path):  # noqa: PTH110  # as the reader opens it
                broken.append(f"{track.id}: {facts.message}")
            else:
                missing.append(track.id)
            continue
        if track.sha256 and track.sha256 != facts.sha256:
            changed.append(track.id)
        good.append(with_facts(track, facts))
    out.add("error", "missing", "files that are not there", missing)
    out.add("error", "unreadable", "files that cannot be opened as sound", broken)
    out.add("error", "changed", "files whose content is not what the manifest states", changed)
    return good


def _same_content(tracks: Sequence[Track], out: _Found) -> None:
    by_hash: dict[str, list[Track]] = defaultdict(list)
    for track in tracks:
        by_hash[track.sha256].append(track)
    lots = [lot for lot in by_hash.values() if len(lot) > 1]

    def cases(wanted: Callable[[list[Track]], bool]) -> list[str]:
        return [" = ".join(t.id for t in lot) for lot in lots if wanted(lot)]

    split = cases(lambda lot: len({t.split for t in lot} - {""}) > 1)
    out.add("error", "leak:content", "identical files in several splits", split)
    label = cases(lambda lot: len({t.label for t in lot}) > 1)
    out.add("error", "label", "identical files under different labels", label)
    inside = cases(lambda lot: len({t.split for t in lot} - {""}) <= 1)
    out.add("warning", "duplicate:content", "identical files in one split", inside)


def _words(
    tracks: Sequence[Track],
    cache: Cache,
    jobs: int,
    out: _Found,
    *,
    tick: Callable[[str, int], None],
    min_overlap_s: float,
) -> dict[int, tuple[Track, Words]]:
    """Return one fingerprint for each content; identical files were reported already."""
    first = list({track.sha256: track for track in reversed(tracks)}.values())[::-1]
    heard: dict[int, tuple[Track, Words]] = {}
    broken = []
    for number, (track, words) in enumerate(fingerprints(first, cache, jobs), start=1):
        tick("listening", number)
        if isinstance(words, Failure):
            broken.append(f"{track.id}: {words.message}")
        else:
            heard[len(heard)] = track, words
    least = min_overlap_s / HOP_S
    short = [track.id for track, words in heard.values() if len(words) < least]
    out.add("note", "short", "tracks too short to be compared by sound", short)
    out.add("error", "undecodable", "files that open but cannot be decoded", broken)
    return heard


def _same_sound(
    heard: Mapping[int, tuple[Track, Words]], out: _Found, max_error: float, min_overlap_s: float
) -> None:
    cases: dict[str, list[str]] = defaultdict(list)
    for match in find_matches([words for _, words in heard.values()], max_error, min_overlap_s):
        a, b = heard[match.a][0], heard[match.b][0]
        related = any(getattr(a, key) and getattr(a, key) == getattr(b, key) for key in KEYS)
        torn = bool(a.split and b.split and a.split != b.split)
        kind = "leak" if torn else "related" if related else "stranger"
        cases[kind].append(
            f"{a.id} = {b.id} ({match.overlap_s:.1f} s, bit error {match.bit_error_rate:.2f})"
        )
    out.add("error", "leak:sound", "pairs that sound the same in different splits", cases["leak"])
    out.add(
        "warning",
        "duplicate:sound",
        "pairs that sound the same without a common group, recording or pair: a split by group "
        "may tear them apart; give them one `recording`",
        cases["stranger"],
    )
    out.add(
        "note",
        "related:sound",
        "pairs that sound the same and share group, recording or pair",
        cases["related"],
    )


def _confounded(table: Sequence[Confound], out: _Found) -> None:
    for row in table:
        if row.warn and row.feature != ALL:
            v = "" if row.cramers_v is None else f"Cramér's V {row.cramers_v:.2f}, "
            text = (
                f"{row.feature} alone tells the classes apart: {v}AUC {row.auc:.2f} "
                f"[{row.low:.2f}, {row.high:.2f}]; {row.mostly}. Re-encode both classes alike, "
                "or balance them"
            )
            out.add("warning", f"confound:{row.feature}", text, [row.feature])


def _repeated(values: Iterable[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]

# SPDX-License-Identifier: MIT
"""beets plugin: scans tracks with unsung and keeps the verdicts in the library.

Fields: ``unsung_verdict``, ``unsung_probability``, ``unsung_logit``, ``unsung_detector``,
``unsung_calibration``, ``unsung_reason``, ``unsung_modified``. They live in the library alone;
`beet unsung --write` writes tags into MP3 and FLAC files, and only then are files changed.
When not to use: to delete or hide music by query; a verdict is evidence, not proof.
"""

from __future__ import annotations

import optparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from beets import ui
from beets.dbcore import types
from beets.library import Item, Library
from beets.plugins import BeetsPlugin

__all__ = ["Unsung"]

FIELDS = ("verdict", "probability", "logit", "detector", "calibration", "reason", "modified")


class Unsung(BeetsPlugin):
    """The plugin; beets finds it by the name of its file."""

    item_types = {  # noqa: RUF012 - beets reads this attribute of the class
        "unsung_verdict": types.STRING,
        "unsung_probability": types.FLOAT,
        "unsung_logit": types.FLOAT,
        "unsung_detector": types.STRING,
        "unsung_calibration": types.STRING,
        "unsung_reason": types.STRING,
        "unsung_modified": types.INTEGER,
    }

    def __init__(self) -> None:
        super().__init__("unsung")
        self.config.add(
            {
                "auto": False,
                "detector": "default",
                "false_alarm_rate": 0.01,
                "prior": 0.5,
                "calibration": "",
                "fast": False,
                "jobs": 1,
            }
        )
        if self.config["auto"].get(bool):
            self.import_stages = [self.imported]

    def commands(self) -> list[ui.Subcommand]:
        """Return the command `beet unsung`."""
        command = ui.Subcommand("unsung", help="scan tracks for traces of AI music")
        command.parser.add_option(
            "-f", "--force", action="store_true", default=False, help="scan again what is scanned"
        )
        command.parser.add_option(
            "-p", "--pretend", action="store_true", default=False, help="show; keep nothing"
        )
        command.parser.add_option(
            "--write",
            action="store_true",
            default=False,
            help="also write the verdict into MP3 and FLAC files: CHANGES YOUR FILES",
        )
        command.func = self.command
        return [command]

    def command(self, lib: Library, options: optparse.Values, words: list[str]) -> None:
        """Scan the tracks of a query; those whose file and detector are as before are left out."""
        items = list(lib.items(words))
        wanted = items if options.force else [item for item in items if self._is_new(item)]
        self._scan(wanted, pretend=options.pretend, write=options.write)
        self._log.info("{} scanned, {} known before", len(wanted), len(items) - len(wanted))

    def imported(self, _: Any, task: Any) -> None:
        """Scan what an import brought; only with ``auto: yes``."""
        self._scan(task.imported_items(), pretend=False, write=False)

    def _scan(self, items: Iterable[Item], *, pretend: bool, write: bool) -> None:
        from unsung.scanning import scan_rows

        by_path = {_path(item): item for item in items}
        if not by_path:
            return
        rows = scan_rows(list(by_path), self._settings(), jobs=self.config["jobs"].get(int))
        for row in rows:
            item, score = by_path[row.score.path], row.score
            if score.error is not None:
                self._log.warning("{}: {}", score.path, score.error.message)
            if score.state in ("failed", "unrated"):
                continue
            self._print(item, score)
            if write and not pretend:
                self._write(item, score)
            if not pretend:
                self._keep(item, score)

    def _settings(self) -> Any:
        from unsung.scanning import Settings

        calibration = self.config["calibration"].get(str)
        return Settings(
            self.config["detector"].get(str),
            self.config["false_alarm_rate"].get(float),
            self.config["prior"].get(float),
            self.config["fast"].get(bool),
            calibration=Path(calibration).expanduser() if calibration else None,
        )

    def _is_new(self, item: Item) -> bool:
        """Whether the file or the detector is another one than at the last scan."""
        from unsung.runtime import load_bundle

        bundle = load_bundle(self.config["detector"].get(str))
        same = str(item.get("unsung_detector", "")).startswith(f"{bundle.name}@")
        stamp = str(item.get("unsung_detector", "")).partition("@")[2].split(" ")[0]
        same = same and bool(stamp) and bundle.sha256.startswith(stamp[:12])
        return not (same and item.get("unsung_modified") == item.current_mtime())

    def _keep(self, item: Item, score: Any) -> None:
        values = {**score.to_dict(), "modified": item.current_mtime()}
        for name in FIELDS:
            if values[name] not in (None, ""):
                item[f"unsung_{name}"] = values[name]
            elif f"unsung_{name}" in item:
                del item[f"unsung_{name}"]
        item.store()

    def _write(self, item: Item, score: Any) -> None:
        from unsung.errors import UnsungError
        from unsung.scanning.sidecar import write_tags

        try:
            write_tags(score)
        except (UnsungError, OSError) as error:
            self._log.warning("{}", error)
            return
        item.mtime = item.current_mtime()  # beets would take the file for changed by others

    @staticmethod
    def _print(item: Item, score: Any) -> None:
        share = "" if score.probability is None else f" {score.probability:.0%} AI"
        about = f" ({score.calibration})" if share and score.calibration else ""
        reason = f" · {score.reason}" if score.reason else ""
        ui.print_(f"{score.verdict}{share}{about}: {item}{reason}")


def _path(item: Item) -> str:
    return str(item.filepath)

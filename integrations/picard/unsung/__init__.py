# SPDX-License-Identifier: MIT
"""MusicBrainz Picard 2 plugin: scans selected files with the program `unsung`.

Verdicts are shown in the status bar and kept in hidden variables (``%_unsung_verdict%``,
``%_unsung_probability%``, ``%_unsung_calibration%``, ``%_unsung_reason%``) for scripts and columns.
Hidden variables are never saved into files. Picard brings its own Python, so the scan runs as a
program of its own, which must be on PATH.
"""
# ruff: noqa: E402 - Picard finds the facts about a plugin above its imports

PLUGIN_NAME = "unsung"
PLUGIN_AUTHOR = "The unsung developers"
PLUGIN_DESCRIPTION = (
    "Scans files for traces of AI-generated music with the program <b>unsung</b>, which has to be "
    "installed. Right click on files, tracks or albums, then Plugins. A verdict is evidence, not "
    "proof; nothing is written into your files."
)
PLUGIN_VERSION = "0.1"
PLUGIN_API_VERSIONS = ["2.0", "2.9", "2.10", "2.11", "2.12", "2.13"]
PLUGIN_LICENSE = "MIT"
PLUGIN_LICENSE_URL = "https://opensource.org/license/mit"

import json
import os
import shutil
import subprocess
from functools import partial

from picard import log
from picard.ui.itemviews import (
    BaseAction,
    register_album_action,
    register_cluster_action,
    register_file_action,
    register_track_action,
)
from picard.util import thread

FIELDS = ("verdict", "probability", "logit", "calibration", "reason", "detector")
PREFIX = "~unsung_"  # a name that begins with ~ is a variable, never a tag of the file


def scan(paths):
    """Return a row for each path; runs outside the main thread."""
    program = shutil.which("unsung")
    if program is None:
        raise FileNotFoundError("no program 'unsung' on PATH; in a clone of it run: pip install .")
    hidden = {"creationflags": subprocess.CREATE_NO_WINDOW} if os.name == "nt" else {}
    done = subprocess.run(
        [program, "scan", "--json", "--quiet", "--", *paths],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        **hidden,
    )
    if done.returncode not in (0, 1):  # 1: some files have a row with an error
        raise RuntimeError(done.stderr.strip() or f"unsung ended with {done.returncode}")
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def keep(file, row):
    """Put a row into the file's variables; an older verdict goes first."""
    for name in FIELDS:
        file.metadata.delete(PREFIX + name)
        if row[name] not in (None, ""):
            file.metadata[PREFIX + name] = str(row[name])


class ScanFiles(BaseAction):
    """The entry of the context menu."""

    NAME = "Scan with unsung"

    def callback(self, objs):
        """Scan the files behind what is selected, in the background."""
        files = {file.filename: file for file in self.tagger.get_files_from_objects(objs)}
        if not files:
            return
        self._say(f"unsung: scanning {len(files)} files")
        thread.run_task(partial(scan, list(files)), partial(self._scanned, files))

    def _scanned(self, files, result=None, error=None):
        """Show what came; called on the main thread."""
        if error is not None:
            log.error("unsung: %s", error)
            self._say(f"unsung: {error}")
            return
        counts = dict.fromkeys(("ai", "human", "undecided", "failed"), 0)
        for row in result:
            counts[row["verdict"] or "failed"] += 1
            if row["error"]:
                log.warning("unsung: %s: %s", row["path"], row["error"]["message"])
            if row["verdict"]:
                keep(files[row["path"]], row)
                files[row["path"]].update()
        self._say("unsung: " + ", ".join(f"{n} {word}" for word, n in counts.items() if n))

    def _say(self, message):
        # Handed over as a value: a percent sign in a message is then no place to fill in.
        self.tagger.window.set_statusbar_message("%(message)s", {"message": message})


for register in (
    register_file_action,
    register_track_action,
    register_cluster_action,
    register_album_action,
):
    register(ScanFiles())

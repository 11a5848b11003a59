# SPDX-License-Identifier: MIT
"""`unsung data`: from sound files to sets that can be trusted."""

from __future__ import annotations

import typer

from unsung.cli import (
    _data_build,
    _data_check,
    _data_export,
    _data_fetch,
    _data_frames,
    _data_publish,
    _data_split,
    _data_stats,
)

__all__ = ["app"]

app = typer.Typer(
    help="Get, build, check, split, count, sample, frame, export and publish sets of recordings.",
    no_args_is_help=True,
)
app.command("info", epilog=_data_fetch.INFO_EXAMPLES)(_data_fetch.info)
app.command("fetch", epilog=_data_fetch.FETCH_EXAMPLES)(_data_fetch.fetch)
app.command("build", epilog=_data_build.EXAMPLES)(_data_build.build)
app.command("check", epilog=_data_check.EXAMPLES)(_data_check.check)
app.command("split", epilog=_data_split.EXAMPLES)(_data_split.split)
app.command("stats", epilog=_data_stats.EXAMPLES)(_data_stats.stats)
app.command("sample", epilog=_data_export.SAMPLE_EXAMPLES)(_data_export.sample)
app.command("frames", epilog=_data_frames.EXAMPLES)(_data_frames.frames)
app.command("export", epilog=_data_export.EXPORT_EXAMPLES)(_data_export.export)
app.command("publish", epilog=_data_publish.EXAMPLES)(_data_publish.publish)


@app.callback()
def _data() -> None:
    """Get, build, check, split, count, sample, frame, export and publish sets of recordings.

    The usual way: build a manifest, check it, split it, look at its statistics; then train, scan
    or evaluate with the manifest.
    """

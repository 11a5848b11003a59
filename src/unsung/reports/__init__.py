# SPDX-License-Identifier: MIT
"""Turns scores into pages that people can read, check and contest: one file, no network.

`unsung.reports.song.write_song_report` writes one page a track, `unsung.reports.index.write_index`
the table over all of them. Figures are computed as plain records (`gauge`, `timeline`,
`residual`, `spectrogram`); the templates only place them.
"""

# SPDX-License-Identifier: MIT
"""Music whose every note and instrument is known: random melodies or MIDI through a SoundFont.

``make_corpus`` writes clips with labels; ``controlled`` makes single sounds with their truth.
"""

from unsung.synthesis.instruments.clip import make_clip
from unsung.synthesis.instruments.corpus import Summary, make_corpus
from unsung.synthesis.instruments.labels import ClipLabel, label_matrix, read_labels
from unsung.synthesis.instruments.melody import Note, Part, Style, draw_melody
from unsung.synthesis.instruments.midi import read_midi, write_midi
from unsung.synthesis.instruments.plan import PRESETS, CorpusSpec, draw_clip
from unsung.synthesis.instruments.render import find_soundfont, render_parts
from unsung.synthesis.instruments.table import Program, find_programs, program

__all__ = [
    "PRESETS",
    "ClipLabel",
    "CorpusSpec",
    "Note",
    "Part",
    "Program",
    "Style",
    "Summary",
    "draw_clip",
    "draw_melody",
    "find_programs",
    "find_soundfont",
    "label_matrix",
    "make_clip",
    "make_corpus",
    "program",
    "read_labels",
    "read_midi",
    "render_parts",
    "write_midi",
]

# SPDX-License-Identifier: MIT
"""The 128 General MIDI programs: name, family, playable range, polyphony, way of sounding.

Names and families follow the General MIDI level 1 sound set, ranges the playing ranges recommended
by the General MIDI level 2 specification (MIDI numbers as they sound, 60 = middle C). Numbers are
0 to 127 as sent in a program change, not 1 to 128 as printed in the specification.

Polyphony is the largest number of notes that a melody of ours sounds at once on that instrument:
1 for what is blown or bowed, more for keys and strings that are struck or plucked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from unsung.errors import UnknownName
from unsung.types import Record

__all__ = [
    "DRUMS",
    "FAMILIES",
    "PROGRAMS",
    "Program",
    "find_programs",
    "program",
    "unique_programs",
]

Sounding = Literal["decays", "holds", "swells", "noise"]


@dataclass(frozen=True)
class Program(Record):
    """An instrument of the table; ``lowest`` and ``highest`` are MIDI pitches, both playable.

    ``sounding``: a note decays by itself, holds until released, swells slowly (needs long notes
    to be heard), or is a noise (or a fixed chord) without the pitch that its number says.
    """

    number: int
    name: str
    family: str
    lowest: int
    highest: int
    polyphony: int
    sounding: Sounding

    @property
    def pitched(self) -> bool:
        """Whether the fundamental is the MIDI pitch (or an octave of it)."""
        return self.sounding != "noise"


# One line a family; each program is name, lowest, highest, polyphony, sounding.
_TEXT = """
piano: acoustic grand piano 21 108 6 d, bright acoustic piano 21 108 6 d, \
electric grand piano 21 108 6 d, honky-tonk piano 21 108 6 d, electric piano 1 28 103 6 d, \
electric piano 2 28 103 6 d, harpsichord 41 89 6 d, clavinet 36 96 6 d
chromatic percussion: celesta 60 108 4 d, glockenspiel 79 108 2 d, music box 60 84 4 d, \
vibraphone 53 89 4 d, marimba 48 84 2 d, xylophone 65 96 2 d, tubular bells 60 77 2 d, \
dulcimer 60 84 2 d
organ: drawbar organ 36 96 4 h, percussive organ 36 96 4 h, rock organ 36 96 4 h, \
church organ 21 108 4 h, reed organ 36 96 4 h, accordion 53 89 4 h, harmonica 60 84 2 h, \
tango accordion 53 89 4 h
guitar: acoustic guitar (nylon) 40 84 4 d, acoustic guitar (steel) 40 84 4 d, \
electric guitar (jazz) 40 86 4 d, electric guitar (clean) 40 86 4 d, \
electric guitar (muted) 40 86 4 d, overdriven guitar 40 86 2 h, distortion guitar 40 86 2 h, \
guitar harmonics 40 86 2 d
bass: acoustic bass 28 55 1 d, electric bass (finger) 28 55 1 d, electric bass (pick) 28 55 1 d, \
fretless bass 28 55 1 d, slap bass 1 28 55 1 d, slap bass 2 28 55 1 d, synth bass 1 28 55 1 d, \
synth bass 2 28 55 1 d
strings: violin 55 96 1 h, viola 48 84 1 h, cello 36 72 1 h, contrabass 28 55 1 h, \
tremolo strings 28 96 4 h, pizzicato strings 28 96 4 d, orchestral harp 23 103 4 d, \
timpani 36 57 1 d
ensemble: string ensemble 1 28 96 4 s, string ensemble 2 28 96 4 s, synth strings 1 36 96 4 s, \
synth strings 2 36 96 4 s, choir aahs 48 79 4 s, voice oohs 48 79 4 s, synth voice 48 84 4 s, \
orchestra hit 48 72 1 n
brass: trumpet 58 94 1 h, trombone 34 75 1 h, tuba 29 55 1 h, muted trumpet 58 82 1 h, \
french horn 41 77 1 h, brass section 36 96 4 h, synth brass 1 36 96 4 h, synth brass 2 36 96 4 h
reed: soprano sax 54 87 1 h, alto sax 49 80 1 h, tenor sax 42 75 1 h, baritone sax 37 68 1 h, \
oboe 58 91 1 h, english horn 52 81 1 h, bassoon 34 64 1 h, clarinet 50 91 1 h
pipe: piccolo 74 108 1 h, flute 60 96 1 h, recorder 60 96 1 h, pan flute 60 96 1 h, \
blown bottle 60 96 1 h, shakuhachi 55 84 1 h, whistle 60 96 1 h, ocarina 60 84 1 h
synth lead: square lead 36 96 2 h, sawtooth lead 36 96 2 h, calliope lead 36 96 2 h, \
chiff lead 36 96 2 h, charang lead 36 96 2 h, voice lead 36 96 2 h, fifths lead 36 96 2 n, \
bass and lead 36 96 2 h
synth pad: new age pad 36 96 4 s, warm pad 36 96 4 s, polysynth pad 36 96 4 s, \
choir pad 36 96 4 s, bowed pad 36 96 4 s, metallic pad 36 96 4 s, halo pad 36 96 4 s, \
sweep pad 36 96 4 s
synth effects: rain 36 96 2 n, soundtrack 36 96 2 n, crystal 36 96 2 n, atmosphere 36 96 2 n, \
brightness 36 96 2 n, goblins 36 96 2 n, echoes 36 96 2 n, sci-fi 36 96 2 n
ethnic: sitar 48 77 2 d, banjo 48 84 4 d, shamisen 50 79 2 d, koto 55 84 4 d, kalimba 48 79 2 d, \
bagpipe 36 77 1 h, fiddle 55 96 1 h, shanai 48 72 1 h
percussive: tinkle bell 72 84 1 n, agogo 60 72 1 n, steel drums 52 76 2 d, woodblock 60 72 1 n, \
taiko drum 48 60 1 n, melodic tom 48 72 1 n, synth drum 48 72 1 n, reverse cymbal 60 72 1 n
sound effects: guitar fret noise 48 72 1 n, breath noise 48 72 1 n, seashore 48 72 1 n, \
bird tweet 48 72 1 n, telephone ring 48 72 1 n, helicopter 48 72 1 n, applause 48 72 1 n, \
gunshot 48 72 1 n
"""
_SOUNDING: dict[str, Sounding] = {"d": "decays", "h": "holds", "s": "swells", "n": "noise"}

ALIASES = {
    "grand piano": 0,
    "piano": 0,
    "hammond organ": 16,
    "nylon guitar": 24,
    "steel guitar": 25,
    "string ensemble": 48,
    "organ": 16,
}
"""Short names in use elsewhere; `program` knows them too."""


def _parse() -> tuple[Program, ...]:
    found: list[Program] = []
    for line in _TEXT.strip().splitlines():
        family, _, rest = line.partition(": ")
        for entry in rest.split(","):
            *name, low, high, voices, sounding = entry.split()
            words = " ".join(name)
            kind = _SOUNDING[sounding]
            found.append(Program(len(found), words, family, int(low), int(high), int(voices), kind))
    return tuple(found)


PROGRAMS: tuple[Program, ...] = _parse()
"""Programs 0 to 127 in order."""

DRUMS = Program(128, "drum kit", "drums", 35, 81, 2, "noise")
"""The kit of MIDI channel 10 (SoundFont bank 128); 128 is our number, not MIDI's."""

FAMILIES: tuple[str, ...] = tuple(dict.fromkeys(entry.family for entry in PROGRAMS))


@cache
def program(name: str | int) -> Program:
    """Return one program by number (0 to 127, 128 for the drum kit) or by name.

    >>> program(40).name, program("hammond organ").number
    ('violin', 16)

    Raises:
        UnknownName: neither a number nor a name of the table.
    """
    text = str(name).strip().lower()
    if text.isdecimal() and int(text) <= DRUMS.number:
        return (*PROGRAMS, DRUMS)[int(text)]
    known = {entry.name: entry for entry in (*PROGRAMS, DRUMS)}
    known |= {alias: PROGRAMS[number] for alias, number in ALIASES.items()}
    if text not in known:
        raise UnknownName("instrument", str(name), [*known, *FAMILIES])
    return known[text]


def find_programs(names: Iterable[str | int]) -> tuple[Program, ...]:
    """Return programs by number, name, family name or ``all``, without repeats, in given order.

    ``all`` is every pitched program. A word that is both a name and a family (piano, organ) is
    taken as the family.

    >>> [entry.number for entry in find_programs(["violin", "bass"])][:3]
    [40, 32, 33]
    """
    found: dict[int, Program] = {}
    for name in names:
        word = str(name).strip().lower()
        if word == "all":
            some = [entry for entry in PROGRAMS if entry.pitched]
        elif word in FAMILIES:
            some = [entry for entry in PROGRAMS if entry.family == word]
        else:
            some = [program(name)]
        found |= {entry.number: entry for entry in some}
    return tuple(found.values())


def unique_programs(numbers: Iterable[int]) -> tuple[Program, ...]:
    """Return the programs of these numbers once each, in ascending order."""
    return tuple(program(number) for number in sorted(set(numbers)))

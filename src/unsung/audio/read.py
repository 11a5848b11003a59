# SPDX-License-Identifier: MIT
"""Streams any sound file as float32 blocks; says when the file is cut or damaged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np

from unsung.audio._chain import without
from unsung.audio._choose import fall_back, look, start
from unsung.audio._clips import part, sound
from unsung.audio._decoder import AudioInfo, Decoder, DecodingStoppedError
from unsung.audio._length import Promise
from unsung.audio._sniff import shown
from unsung.audio.files import open_file, sha256_file
from unsung.audio.mixing import Mix, MixMeter, track_notes
from unsung.errors import (
    AudioError,
    DamagedAudio,
    EmptyAudio,
    TruncatedAudio,
    UnreadableAudio,
    UsageError,
)
from unsung.types import Clip, FloatArray

__all__ = [
    "AudioInfo",
    "AudioStream",
    "open_audio",
    "read_clip",
    "read_middle",
    "read_sound",
    "sha256_file",
]

_MISSING_S = 0.1  # a shorter lack is an encoder's rounding, not a cut
_MOST_SKIPPED = 0.1  # of the packets; with more, what was heard is not the recording
_MORE = (1.02, 0.5)  # factor and seconds by which a stated length may be too small
_UNREAD_BYTES = 4096  # a decoder leaves no more behind the last frame that it is to read
_MOST_VALUES = 1 << 24  # of one block: 64 MiB, whatever rate and channels a header states


def open_audio(source: str | Path | BinaryIO, name: str = "") -> AudioStream:
    """Open a file by its content, whatever its name says.

    libsndfile goes first and PyAV takes what it refuses; Vorbis (twice as fast) and irregular
    MP3 (no or wrong length tag, where libmpg123 guesses) start with PyAV.

    Args:
        source: a path, or a seekable binary file, which stays open and belongs to the caller.
        name: how messages call the source.

    Raises:
        UnreadableAudio: missing, forbidden, or no decoder takes it.
        NotAudio: a folder, archive, page or another content without sound.
        EncryptedAudio: locked by a rights management.
        EmptyAudio: no bytes or no samples.
        TruncatedAudio: cut so early that nothing can be decoded.
        UsageError: the binary file cannot seek.
    """
    if isinstance(source, (str, Path)):
        name, file, own = name or shown(str(source)), open_file(source), True
    else:
        name, file, own = name or shown(str(getattr(source, "name", "sound"))), source, False
    if not file.seekable():
        raise UsageError(
            "expected a seekable file, got a pipe; save it first (`stdin_file` does for '-')"
        )
    with ExitStack() as stack:
        if own:
            stack.enter_context(file)
        try:
            promised = look(file)
            stream = AudioStream(partial(start, file, promised, name), promised, name, file, own)
        except AudioError as error:
            raise type(error)(f"{name}: {error}") from error
        stack.pop_all()
        return stream


def read_sound(
    source: str | Path | BinaryIO,
    start_s: float = 0.0,
    duration_s: float | None = None,
    mono: bool = False,
) -> Clip:
    """Decode a part as `read_clip` does, but refuse what a scan would give no verdict.

    Raises:
        AudioError: the first reason of `unsung.errors.first_reason`.
    """
    with open_audio(source) as stream:
        return sound(stream, start_s, duration_s, mono)


def read_clip(
    source: str | Path | BinaryIO,
    start_s: float = 0.0,
    duration_s: float | None = None,
    mono: bool = False,
) -> Clip:
    """Decode a part (default: all) of a file into memory, mono as `unsung.audio.mixing` mixes.

    What a damaged file still holds is returned; use `open_audio` to see its ``problem``.

    Raises:
        EmptyAudio: there is no sample in the asked part.
        AudioError: as `open_audio`.
    """
    with open_audio(source) as stream:
        return part(stream, start_s, duration_s, mono)


def read_middle(
    source: str | Path, seconds: float | None, mono: bool = False, *, judged: bool = False
) -> Clip:
    """Decode the middle of a file, all of it where it is shorter or ``seconds`` is None.

    Raises:
        AudioError: as `read_clip`; with ``judged`` as `read_sound`.
    """
    read = read_sound if judged else read_clip
    with open_audio(source) as stream:
        total_s = stream.duration_s
    if seconds is None or (total_s is not None and total_s <= seconds):
        return read(source, mono=mono)
    if total_s is not None:
        return read(source, (total_s - seconds) / 2, seconds, mono)
    whole = read(source, mono=mono)
    rate = whole.sample_rate_hz
    start = max(0, (whole.samples.shape[1] - round(seconds * rate)) // 2)
    kept = whole.samples[:, start : start + round(seconds * rate)]
    return replace(whole, samples=kept, start_s=start / rate)


class AudioStream:
    """An open file, to be used in a ``with`` and read from where it stands.

    Whoever judges the sound asks `again` after each pass. ``problem`` is set when the blocks are
    exhausted and the file held less than it promised; ``notes`` lists damage and other mixes;
    ``longer``: the header counted less than there is.
    """

    def __init__(
        self, opened: Callable[..., Decoder], look: Promise, name: str, file: BinaryIO, own: bool
    ) -> None:
        self.name, self._promise = name, look
        self._opened = opened  # a decoder at the start of a track, as often as it is asked
        self._file, self._own = file, own  # kept as a second chance for PyAV
        self._track, self._mix, self._mono = 0, Mix(), False
        self._start(opened())

    def _start(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self.info: AudioInfo = decoder.info
        self.problem: AudioError | None = None
        self.notes: tuple[str, ...] = self._mix.notes + track_notes(self._track, self.info.tracks)
        self.notes += self._promise.notes + decoder.notes
        self.longer = False
        self._meter = MixMeter(self.info.sample_rate_hz, self.info.channels)
        self._damage = ""
        self._lost_s = math.inf  # where the block ends in which libsndfile gave up
        self._position = 0  # samples from the start of the file
        self._sought = False

    @property
    def duration_s(self) -> float | None:
        """Length as the file's structure counts it; None where it would be a guess."""
        return self.info.duration_s

    def blocks(self, block_s: float = 2.0, mono: bool = True) -> Iterator[FloatArray]:
        """Yield the sound from here to the end; memory does not grow with the length.

        Args:
            block_s: length of a block; the last one, one before a change of decoder and one of
                very many channels are shorter.
            mono: mix the channels, by their mean unless `again` found that another mix is needed.

        Shape: ``[time]`` when mono, else ``[channel, time]``; each block is a fresh array.
        """
        frames = max(1, round(block_s * self.info.sample_rate_hz))
        frames = max(1, min(frames, _MOST_VALUES // self.info.channels))
        failure, drop, behind, self._mono = "", 0, False, mono
        while True:
            try:
                for block in without(self._decoder.blocks(frames), drop):
                    drop, self.longer = 0, behind
                    self._position += block.shape[-1]
                    self._meter.push(block)
                    yield self._mix(block) if mono else np.array(block, order="C")
                if self._decoder.unread <= _UNREAD_BYTES or not self._second_chance():
                    break
                drop, behind = self._position, True  # from the front: exact whatever is counted
            except DecodingStoppedError as stop:
                failure = str(stop) or "damaged data"
                if not self._second_chance(failure, self._position / self.info.sample_rate_hz):
                    break
                self._lost_s = self._position / self.info.sample_rate_hz + block_s
                failure = ""
        self._judge(failure)

    def seek(self, start_s: float) -> None:
        """Go on from this time: exact through libsndfile, as good as its times through PyAV.

        Raises:
            UsageError: the time is negative.
        """
        if not start_s >= 0:
            raise UsageError(f"expected a start of 0 s or later, got {start_s} s")
        self._position, self._sought = round(start_s * self.info.sample_rate_hz), True
        try:
            self._decoder.seek(start_s)
        except DecodingStoppedError as stop:
            if not self._second_chance(str(stop), start_s):
                raise UnreadableAudio(
                    f"{self.name}: cannot go to {start_s:g} s ({stop}); read it from the start"
                ) from stop

    def again(self) -> bool:
        """Say whether the pass just made missed what the file holds; then the next starts over.

        So it is where a track is silent and another is left, and, of mono passes, where the mean or
        the level is not what is heard (`unsung.audio.mixing`); at most one pass a track and one.
        """
        track, mix = self._track, self._meter.mix() if self._mono else Mix()
        if self._meter.silent and self._position and track + 1 < self.info.tracks:
            track += 1
        elif self._mix != Mix() or mix == Mix():
            return False
        try:
            opened = self._opened(track=track)
        except AudioError:
            return False  # another track that does not decode: what was heard stands
        self._decoder.close()
        self._track, self._mix = track, mix
        self._start(opened)
        return True

    @property
    def doubt(self) -> str:
        """Why the sound cannot show that it is free of traces, or ""."""
        return self._meter.doubt

    def close(self) -> None:
        """Free the decoder and the file."""
        self._decoder.close()
        if self._own:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _second_chance(self, damage: str = "", at_s: float = 0.0) -> bool:
        """Hand a file that libsndfile ended with to PyAV, which steps over damage and counts."""
        if self._decoder.info.decoder == "pyav" or self._promise.links or self._promise.flood:
            return False
        other = fall_back(self._file, self._promise, self.info)
        if other is None:
            return False
        other.promised_s = self._decoder.promised_s
        self._decoder.close()
        self._decoder = other
        if damage:
            other.seek(at_s)
            self._damage = f"its data are damaged at {at_s:.1f} s ({damage})"
        return True

    def _judge(self, failure: str) -> None:
        decoder = self._decoder
        counted = f"{decoder.skipped} of its {decoder.packets} packets do not decode"
        damage = (self._damage,) * bool(self._damage) + (counted,) * bool(decoder.skipped)
        self.notes += tuple(note for note in decoder.notes if note not in self.notes)
        end_s = self._position / self.info.sample_rate_hz
        self._note_more(end_s)
        lack = self._lack(end_s)
        reason, broken = lack or failure, self._broken_inside(lack or failure, failure)
        if reason or broken:
            told = "; ".join(dict.fromkeys(filter(None, (*damage, failure, lack))))
            self.problem = (DamagedAudio if broken else TruncatedAudio)(
                f"{self.name}: expected a complete file, but {told if broken else reason}; "
                f"{end_s:.1f} s could be decoded; fetch or export it again to judge the rest too"
            )
        elif not self._position:
            self.problem = EmptyAudio(
                f"{self.name}: expected sound, the file holds no samples; export it again"
            )
        if self.problem is None:
            self.notes += damage

    def _broken_inside(self, reason: str, failure: str) -> bool:
        """Whether what lacks is damage, which has sound behind it, and no end that was cut off."""
        decoder = self._decoder
        if decoder.skipped > _MOST_SKIPPED * decoder.packets:
            return True
        mp3 = self._promise.mp3  # where the structure reaches its own end, what lacks lacks inside
        ends = mp3.frames > 0 and mp3.regular if mp3 else self._promise.container == "mp4"
        went_on = self._position / self.info.sample_rate_hz > self._lost_s
        whole = not self._promise.cut and (bool(failure) or ends)
        return bool(reason) and (decoder.holes > 0 or went_on or whole)

    def _lack(self, end_s: float) -> str:
        """Say why the sound ended too early, or ""."""
        if self._promise.cut:
            return self._promise.cut
        expected_s, mp3 = self._decoder.promised_s, self._promise.mp3
        certain = not self._sought or self._decoder.exact_seek
        if expected_s is not None and certain and end_s < expected_s - _MISSING_S:
            return f"the header promises {expected_s:.1f} s"
        if getattr(self._decoder, "partial_mp3_frame", False) and not (mp3 and mp3.frames):
            return "it ends inside an MP3 frame"
        return ""

    def _note_more(self, end_s: float) -> None:
        """Note that more was decoded than the header counts: right where it was cut short."""
        stated_s = self.info.duration_s
        if stated_s is None or self._sought:
            return
        self.longer |= end_s > stated_s * _MORE[0] + _MORE[1]
        if self.longer:
            self.notes += (f"the header states {stated_s:.1f} s, {end_s:.1f} s were decoded",)

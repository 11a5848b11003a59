# SPDX-License-Identifier: MIT
"""Chooses the decoder for a file by its content and words the error when none takes it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

from unsung.audio._decoder import Decoder
from unsung.audio._length import Promise, promise
from unsung.audio._sniff import foreign, locked, plain_text
from unsung.errors import (
    AudioError,
    EmptyAudio,
    EncryptedAudio,
    NotAudio,
    TruncatedAudio,
    UnreadableAudio,
)

__all__ = ["choose", "fall_back"]

_HEAD_BYTES = 8192
Kind = Literal["libsndfile", "pyav"]
_HEADERLESS = {
    "g722": ("G.722", "g722"),
    "722": ("G.722", "g722"),
    "gsm": ("GSM 06.10", "gsm"),
    "g729": ("G.729", "g729"),
    "g723_1": ("G.723.1", "g723_1"),
    "sln": ("16-bit samples at 8 kHz", "sln"),
    "al": ("A-law at 8 kHz", "alaw"),
    "alaw": ("A-law at 8 kHz", "alaw"),
    "ul": ("mu-law at 8 kHz", "mulaw"),
    "ulaw": ("mu-law at 8 kHz", "mulaw"),
    "sbc": ("SBC", "sbc"),
    "msbc": ("mSBC", "sbc"),
    "aptx": ("aptX", "aptx"),
    "dfpwm": ("DFPWM", "dfpwm"),
}
"""Extension → words and FFmpeg's name of streams without any header, as telephone systems write
them: their bytes tell nothing, so the name is believed, after everything else refused."""


def choose(
    source: Path | BinaryIO, file: BinaryIO, name: str, track: int = 0
) -> tuple[Decoder, Promise]:
    """Open the file with the decoder that suits it, the other one when that refuses.

    Args:
        source: the path where there is one, else the file.
        file: the open file.
        name: how messages call it.
        track: counts audio tracks from the default one on; only FFmpeg's containers have several.

    Raises:
        AudioError: the content is no sound, is empty, or no decoder takes it.
    """
    try:
        file.seek(0)
        head = file.read(_HEAD_BYTES)
        promised = promise(file, head)
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
    except OSError as error:
        raise UnreadableAudio(f"{name}: reading failed ({error}); check the disk") from error
    if not head:
        raise EmptyAudio(f"{name}: expected sound, the file has 0 bytes; fetch it again")
    what = foreign(head)
    if what:
        raise NotAudio(f"{name}: expected a sound file, this is {what}; give the sound itself")
    how = locked(file, head)
    if how:
        raise EncryptedAudio(
            f"{name}: expected sound that can be decoded, but {how}; give an unprotected copy"
        )
    refusals: dict[str, Exception] = {}
    for kind in _order(promised):
        try:
            return _decoder(kind, source, file, size, track), promised
        except _refusals() as error:
            refusals[kind] = error
    by_name = _by_name(name, head, file, size)
    if by_name is not None:
        decoder, words = by_name
        return decoder, replace(promised, note=f"no header; read as {words} by its name")
    raise _verdict(name, head, promised, refusals) from refusals["pyav"]


def _by_name(name: str, head: bytes, file: BinaryIO, size: int) -> tuple[Decoder, str] | None:
    """Open a stream without header by its extension; text and zeros are none."""
    words, form = _HEADERLESS.get(PurePosixPath(name).suffix[1:].lower(), ("", ""))
    if not form or plain_text(head) or not head.strip(b"\x00"):
        return None
    from unsung.audio._ffmpeg import FfmpegDecoder

    file.seek(0)
    try:
        return FfmpegDecoder(file, size, form), words
    except _refusals():
        return None


def fall_back(file: BinaryIO, at_s: float) -> Decoder | None:
    """Open with PyAV a file that libsndfile gave up on, at this time; None if it cannot."""
    try:
        decoder = _decoder("pyav", file, file, file.seek(0, os.SEEK_END))
    except _refusals():
        return None
    decoder.seek(at_s)
    return decoder


def _order(promised: Promise) -> tuple[Kind, Kind]:
    irregular = promised.mp3 is not None and not promised.mp3.regular
    if promised.vorbis or promised.joined or irregular or promised.container in ("mp4", "matroska"):
        return "pyav", "libsndfile"
    return "libsndfile", "pyav"


def _decoder(
    kind: Kind, source: Path | BinaryIO, file: BinaryIO, size: int, track: int = 0
) -> Decoder:
    file.seek(0)
    if kind == "pyav":
        from unsung.audio._ffmpeg import FfmpegDecoder

        return FfmpegDecoder(file, size, track=track)
    from unsung.audio._sndfile import SndfileDecoder

    decoder = SndfileDecoder(source, size)
    if not decoder.frames:
        decoder.close()
        raise EmptyAudio("expected sound, found a header without any samples")
    return decoder


def _refusals() -> tuple[type[Exception], ...]:
    """Return what the two libraries raise for contents that they do not take."""
    import av
    import soundfile

    return (
        AudioError,
        av.FFmpegError,
        soundfile.SoundFileError,
        OSError,
        TypeError,
        ValueError,
        LookupError,
        RuntimeError,
    )


def _verdict(
    name: str, head: bytes, promised: Promise, refusals: dict[str, Exception]
) -> AudioError:
    if any(isinstance(error, EmptyAudio) for error in refusals.values()):
        why = f" ({promised.cut})" if promised.cut else ""
        return EmptyAudio(
            f"{name}: expected sound, the file holds no samples{why}; fetch or export it again"
        )
    if promised.cut:
        return TruncatedAudio(
            f"{name}: expected a complete file, but {promised.cut}; nothing can be decoded; "
            "fetch it again"
        )
    if plain_text(head):
        return NotAudio(f"{name}: expected a sound file, this is text; give the sound itself")
    if not head.strip(b"\x00"):
        return UnreadableAudio(
            f"{name}: expected a sound file, this begins with zero bytes only, as interrupted "
            "downloads do; fetch it again"
        )
    if isinstance(refusals["pyav"], NotAudio):
        return NotAudio(f"{name}: {refusals['pyav']}")
    reasons = "; ".join(f"{kind}: {_short(error)}" for kind, error in refusals.items())
    return UnreadableAudio(
        f"{name}: expected a sound file, no decoder takes it ({reasons}); "
        "check that it plays, or convert it to FLAC or WAV"
    )


def _short(error: Exception) -> str:
    """Return a library's reason without the file name that it prefixes."""
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    text = str(text).strip().rstrip(".") or type(error).__name__
    # What libsndfile says when libmpg123 finds no frame; the file has been read by now.
    return "no frames found" if text.startswith("File does not exist") else text

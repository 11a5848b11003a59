# SPDX-License-Identifier: MIT
"""Looks at a file once, opens it with the decoder that suits it, words why none takes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO, Literal

from unsung.audio._chain import Chain
from unsung.audio._decoder import LEAST_HZ, MOST_CHANNELS, MOST_HZ, AudioInfo, Decoder, allowed
from unsung.audio._length import HEAD_BYTES, Promise, promise
from unsung.audio._mp3 import JUNK_BYTES, behind_junk
from unsung.audio._part import Part
from unsung.audio._sniff import foreign, locked, plain_text
from unsung.errors import (
    AudioError,
    EmptyAudio,
    EncryptedAudio,
    NotAudio,
    TruncatedAudio,
    UnreadableAudio,
)

__all__ = ["fall_back", "look", "start"]

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


def look(file: BinaryIO) -> Promise:
    """Return what the file's structure says.

    Raises:
        AudioError: the content is no sound or empty, or its header cannot be true.
    """
    try:
        file.seek(0)
        head = file.read(HEAD_BYTES)
        promised = promise(file)
    except OSError as error:
        raise UnreadableAudio(f"reading failed ({error}); check the disk") from error
    if not head:
        raise EmptyAudio("expected sound, the file has 0 bytes; fetch it again")
    what = foreign(head)
    if what:
        raise NotAudio(f"expected a sound file, this is {what}; give the sound itself")
    how = locked(file, head)
    if how:
        raise EncryptedAudio(
            f"expected sound that can be decoded, but {how}; give an unprotected copy"
        )
    if promised.untrue:
        raise UnreadableAudio(
            f"expected a header that fits the file, but {promised.untrue}; export it again"
        )
    return promised


def start(file: BinaryIO, promised: Promise, name: str, track: int = 0) -> Decoder:
    """Open the sound with the decoder that suits it, the other one when that refuses.

    Args:
        file: the open file.
        promised: what its structure says.
        name: counts for a stream without header alone, whose bytes tell nothing.
        track: counts audio tracks from the default one on; only FFmpeg's containers have several.

    Raises:
        AudioError: no decoder takes it.
    """
    parts = promised.parts(file)
    openers: list[Callable[[], Decoder]] = [
        partial(_opened, part, promised, name, track) for part in parts
    ]
    decoder = Chain(openers, _refusals()) if len(openers) > 1 else openers[0]()
    info, mp3 = decoder.info, promised.mp3
    if not allowed(info.sample_rate_hz, info.channels):
        decoder.close()
        raise UnreadableAudio(
            f"expected {LEAST_HZ} to {MOST_HZ} samples a second in 1 to {MOST_CHANNELS} channels, "
            f"its header states {info.sample_rate_hz} in {info.channels}; export it again"
        )
    if info.codec in ("mp1", "mp2", "mp3") and info.container in ("mp3", "mpeg"):
        # Without a tag that counts frames both libraries guess a length by the file's size.
        decoder.promised_s = mp3.duration_s if mp3 else None
        decoder.info = replace(info, duration_s=decoder.promised_s)
    return decoder


def fall_back(file: BinaryIO, promised: Promise, info: AudioInfo) -> Decoder | None:
    """Open with PyAV what libsndfile ended with; None if it cannot, or finds another sound."""
    try:
        other = _decoder("pyav", promised.parts(file)[0])
    except _refusals():
        return None
    if (other.info.sample_rate_hz, other.info.channels) == (info.sample_rate_hz, info.channels):
        return other
    other.close()
    return None


def _opened(part: Part, promised: Promise, name: str, track: int) -> Decoder:
    refusals: dict[str, Exception] = {}
    for kind in _order(promised):
        try:
            return _decoder(kind, part, track)
        except _refusals() as error:
            refusals[kind] = error
    part.seek(0)
    head = part.read(HEAD_BYTES)
    at = 0 if promised.container else behind_junk(head + part.read(JUNK_BYTES))
    if at:
        return _decoder("pyav", part.behind(at))
    by_name = _by_name(name, head, part)
    if by_name is not None:
        return by_name
    raise _verdict(head, promised, refusals) from next(iter(refusals.values()))


def _by_name(name: str, head: bytes, part: Part) -> Decoder | None:
    """Open a stream without header by its extension; text and zeros are none."""
    words, form = _HEADERLESS.get(PurePosixPath(name).suffix[1:].lower(), ("", ""))
    if not form or plain_text(head) or not head.strip(b"\x00"):
        return None
    from unsung.audio._ffmpeg import FfmpegDecoder

    try:
        decoder = FfmpegDecoder(part, form)
    except _refusals():
        return None
    decoder.notes += (f"no header; read as {words} by its name",)
    return decoder


def _order(promised: Promise) -> tuple[Kind, ...]:
    irregular = promised.mp3 is not None and not promised.mp3.regular
    if promised.flood and not promised.head:
        return ("libsndfile",)
    if promised.vorbis or irregular or promised.container in ("mp4", "matroska"):
        return "pyav", "libsndfile"
    return "libsndfile", "pyav"


def _decoder(kind: Kind, part: Part, track: int = 0) -> Decoder:
    if kind == "pyav":
        from unsung.audio._ffmpeg import FfmpegDecoder

        return FfmpegDecoder(part, track=track)
    from unsung.audio._sndfile import SndfileDecoder

    decoder = SndfileDecoder(part)
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


def _verdict(head: bytes, promised: Promise, refusals: dict[str, Exception]) -> AudioError:
    if any(isinstance(error, EmptyAudio) for error in refusals.values()):
        why = f" ({promised.cut})" if promised.cut else ""
        return EmptyAudio(
            f"expected sound, the file holds no samples{why}; fetch or export it again"
        )
    if promised.cut:
        return TruncatedAudio(
            f"expected a complete file, but {promised.cut}; nothing can be decoded; fetch it again"
        )
    if plain_text(head):
        return NotAudio("expected a sound file, this is text; give the sound itself")
    if not head.strip(b"\x00"):
        return UnreadableAudio(
            "expected a sound file, this begins with zero bytes only, as interrupted downloads do; "
            "fetch it again"
        )
    if isinstance(refusals.get("pyav"), NotAudio):
        return NotAudio(str(refusals["pyav"]))
    reasons = "; ".join(f"{kind}: {_short(error)}" for kind, error in refusals.items())
    return UnreadableAudio(
        f"expected a sound file, no decoder takes it ({reasons}); "
        "check that it plays, or convert it to FLAC or WAV"
    )


def _short(error: Exception) -> str:
    """Return a library's reason without the file name that it prefixes."""
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    text = str(text).strip().rstrip(".") or type(error).__name__
    # What libsndfile says when libmpg123 finds no frame; the file has been read by now.
    return "no frames found" if text.startswith("File does not exist") else text

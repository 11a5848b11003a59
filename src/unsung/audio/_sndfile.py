# SPDX-License-Identifier: MIT
"""Decodes through libsndfile: wav, flac, mp3, ogg, aiff and kin."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import soundfile

from unsung.audio._decoder import AudioInfo, DecodingStoppedError
from unsung.audio._part import Part
from unsung.types import FloatArray

__all__ = ["SndfileDecoder"]

_CODECS = {
    "MPEG_LAYER_I": "mp1",
    "MPEG_LAYER_II": "mp2",
    "MPEG_LAYER_III": "mp3",
    "VORBIS": "vorbis",
    "OPUS": "opus",
    "PCM_U8": "pcm_u8",
    "PCM_S8": "pcm_s8",
    "ULAW": "pcm_mulaw",
    "ALAW": "pcm_alaw",
    "IMA_ADPCM": "adpcm_ima_wav",
    "MS_ADPCM": "adpcm_ms",
    "GSM610": "gsm",
}
_WIDTHS = {"PCM_16": "s16", "PCM_24": "s24", "PCM_32": "s32", "FLOAT": "f32", "DOUBLE": "f64"}
_CONTAINERS = {"WAVEX": "wav", "RF64": "wav"}
_BIG_ENDIAN = ("AIFF", "AU", "CAF", "SVX")


class _SoundFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A file read from front to end.

    ``SoundFile.read`` seeks to where it already is after each block when the file is seekable,
    which makes libmpg123 decode some frames twice; saying "not seekable" leaves that out.
    """

    def seekable(self) -> bool:
        return False


class SndfileDecoder:
    """An open libsndfile handle. Seeking is exact to the sample."""

    skipped = packets = holes = 0
    exact_seek = True
    notes: tuple[str, ...] = ()

    def __init__(self, source: Part) -> None:
        source.seek(0)
        self._source, self._file = source, _SoundFile(source)
        info = self._file
        known = 0 <= info.frames < 1 << 62
        known = known and info.samplerate > 0
        self.promised_s: float | None = info.frames / info.samplerate if known else None
        self.frames: int = info.frames
        self.info = AudioInfo(
            sample_rate_hz=int(info.samplerate),
            channels=int(info.channels),
            duration_s=self.promised_s,
            codec=_codec(info.format, info.subtype, info.endian),
            container=_CONTAINERS.get(info.format, info.format.lower()),
            bitrate_kbps=source.size * 8e-3 / self.promised_s if self.promised_s else None,
            decoder="libsndfile",
        )

    def blocks(self, frames: int) -> Iterator[FloatArray]:
        """Yield views of one buffer, which libsndfile writes again and again."""
        buffer = np.empty((frames, self.info.channels), np.float32)
        while True:
            try:
                read: FloatArray = self._file.read(frames, out=buffer)
            except (soundfile.LibsndfileError, RuntimeError) as error:
                raise DecodingStoppedError(str(error)) from error
            if not len(read):
                if self._source.failure:
                    raise DecodingStoppedError(self._source.failure)
                return
            yield read.T

    def seek(self, start_s: float) -> None:
        """Go to the nearest sample, at most to the end."""
        frame = min(round(start_s * self.info.sample_rate_hz), self.frames)
        try:
            self._file.seek(frame)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise DecodingStoppedError(str(error)) from error

    @property
    def unread(self) -> int:
        """Bytes of a stream of frames that stand behind the last one that its header counts."""
        streamed = self.info.container in ("flac", "mp3")
        return max(0, self._source.size - self._source.tell()) if streamed else 0

    def close(self) -> None:
        """Close the handle."""
        self._file.close()


def _codec(container: str, subtype: str, endian: str) -> str:
    if container == "FLAC":
        return "flac"
    if subtype.startswith("ALAC"):
        return "alac"
    if subtype in _WIDTHS:
        big = endian == "BIG" or (container in _BIG_ENDIAN and endian != "LITTLE")
        return f"pcm_{_WIDTHS[subtype]}{'be' if big else 'le'}"
    return _CODECS.get(subtype, subtype.lower())

# SPDX-License-Identifier: MIT
"""A call over a mobile network: the adaptive multi-rate codec, a model of one speaking voice.

Source: 3GPP TS 26.071 (AMR narrow band, ACELP), by opencore-amr inside FFmpeg; 8000 samples a
second, each channel on its own; the coder's 5 ms of look-ahead are taken off. Unit: kbps; the
standard has eight rates from 12.2 to 4.75, others take the nearest. When not to use: as mild sound
change; every rate keeps the telephone band only, and music suffers most.
"""

from __future__ import annotations

import io
from typing import Any, ClassVar

import numpy as np

from unsung.attacks._telephone import TelephoneAttack
from unsung.errors import AudioError
from unsung.types import FloatArray

__all__ = ["AmrNb"]

_ENCODER = "libopencore_amrnb"
_RATES_KBPS = (12.2, 10.2, 7.95, 7.4, 6.7, 5.9, 5.15, 4.75)
_LOOK_AHEAD = 40  # samples at 8 kHz


class AmrNb(TelephoneAttack):
    """Encodes and decodes at the nearest of the eight rates."""

    unit: ClassVar[str] = "kbps"
    strengths: ClassVar[tuple[float, ...]] = _RATES_KBPS
    default: ClassVar[float] = 12.2

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        return self._call(samples, sample_rate_hz, strength)

    def _coded(self, narrow: FloatArray, strength: float) -> FloatArray:
        import av

        kbps = min(_RATES_KBPS, key=lambda rate: abs(rate - strength))
        file = io.BytesIO()
        with av.open(file, "w", format="amr") as out:
            stream: Any = _stream(out, self.rate_hz)
            stream.layout, stream.bit_rate = "mono", round(1000 * kbps)
            whole = np.round(np.clip(narrow, -1, 1) * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(whole[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = self.rate_hz, 0
            out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        file.seek(0)
        with av.open(file, "r") as coded:
            parts = [frame.to_ndarray().reshape(-1) for frame in coded.decode(audio=0)]
        return np.concatenate(parts).astype(np.float32)[_LOOK_AHEAD:]


def _stream(out: Any, rate_hz: int) -> Any:
    try:
        return out.add_stream(_ENCODER, rate=rate_hz)
    except ValueError as error:  # av.codec.codec.UnknownCodecError
        raise AudioError(
            f"expected an AMR-NB encoder in PyAV, found none named {_ENCODER}; "
            "install PyAV's published wheel, or leave amr_nb out"
        ) from error

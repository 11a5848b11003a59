# SPDX-License-Identifier: MIT
"""A fixed bank of band-pass filters on the mel scale, the first layer of RawNet2 and AASIST.

Source: Ravanelli and Bengio, "Speaker recognition from raw waveform with SincNet", SLT 2018; here
nothing is learned, as in both released systems. Not in the state dict.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from unsung.frontends.log_mel import hz_to_mel, mel_to_hz

__all__ = ["SincBank"]


class SincBank(nn.Module):
    """Waveform ``[batch, 1, time]`` → bands ``[batch, n_filters, time − taps + 1]``.

    Args:
        n_filters: number of bands between 0 Hz and half the sample rate, equal in HTK mel.
        taps: length of each filter; an even one is raised by one, so that it has a middle.
        sample_rate_hz: of the waveform.
    """

    bank: Tensor

    def __init__(self, n_filters: int, taps: int, sample_rate_hz: int = 16000) -> None:
        super().__init__()
        taps += 1 - taps % 2
        top = hz_to_mel(np.array([0.0, sample_rate_hz / 2]), "htk")
        edges = mel_to_hz(np.linspace(top[0], top[1], n_filters + 1), "htk")[:, None]
        time = np.arange(-(taps // 2), taps // 2 + 1)
        low_pass = 2 * edges / sample_rate_hz * np.sinc(2 * edges * time / sample_rate_hz)
        bank = np.diff(low_pass, axis=0) * np.hamming(taps)
        tensor = torch.from_numpy(bank.astype(np.float32))[:, None]
        self.register_buffer("bank", tensor, persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Filter without padding."""
        return nn.functional.conv1d(samples, self.bank)

# SPDX-License-Identifier: MIT
"""Dilated convolutional network on one second of wavelet packets or log power.

Source: Gasenzer and Wolter, "Towards generalizing deep-audio fake detection networks", TMLR 2024;
the layers carry the names of the authors' files, so those load. Logit = fake − real. It sees one
second at 22 050 Hz: not for what only shows over longer stretches, and their weights were trained
on speech (LJSpeech against full-band MelGAN), not on music.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from unsung.detectors._checkpoints import put_weights, read_weights
from unsung.detectors._lengths import repeat_short
from unsung.detectors._windowed import WindowedDetector
from unsung.errors import UnknownName, UsageError
from unsung.frontends import FrontEnd
from unsung.frontends.power_stft import PowerStft
from unsung.frontends.wavelet_packets import WaveletPackets

__all__ = ["DCNN"]

Normalisation = Literal["set", "clip"]
CHANNELS = (64, 64, 96, 128, 32)


class DCNN(WindowedDetector):
    """Convolutions over time and packets, then dilated ones with time as channels.

    Args:
        front_end: a picture of one channel; the default is sym5 packets of level 8.
        dilated: False takes the dilation out of the last three convolutions.
        channels: of the first five convolutions.
        dropout: after the convolutions and after the dilated ones.
        normalisation: "set" subtracts `mean` and divides by `spread` of the training set (see
            `fit_normalisation`), "clip" uses the clip's own.
    """

    mean: Tensor
    spread: Tensor

    def __init__(
        self,
        front_end: FrontEnd | None = None,
        *,
        dilated: bool = True,
        channels: tuple[int, int, int, int, int] = CHANNELS,
        dropout: tuple[float, float] = (0.6, 0.2),
        normalisation: Normalisation = "set",
    ) -> None:
        front_end = front_end or WaveletPackets()
        super().__init__((front_end,), 1.0)
        if normalisation not in ("set", "clip"):
            raise UnknownName("normalisation", normalisation, ("set", "clip"))
        self.normalisation = normalisation
        self.length = front_end.sample_rate_hz
        frames = len(front_end.times_s(self.length))
        self.network = _Network(len(front_end.freqs_hz), frames, channels, dropout, dilated)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("spread", torch.ones(()))

    @classmethod
    def from_released(cls, path: str | Path) -> DCNN:
        """Load a file of the authors; its picture (sym5 or stft) is read from the file's name.

        Their normalisation constants lie beside their data, not in the file: the clip's own
        take their place. To export the stft file, load it into
        ``DCNN(PowerStft(), normalisation="clip")``: bins without sound hold rounding noise that
        differs between engines in the authors' single precision, and moves the logit by 1e-2.

        Raises:
            UsageError: neither a wavelet nor "stft" is in the name.
            BundleError: the file does not fit, as their coif4 file of an older class.
        """
        front_end: FrontEnd
        name = Path(path).name
        wavelet = next((w for w in ("sym5", "coif4", "sym8", "haar", "db8") if w in name), None)
        if wavelet is not None:
            front_end = WaveletPackets(wavelet=wavelet)
        elif "stft" in name:
            # Silent bins hold rounding noise, of which the weights have seen single precision's.
            front_end = PowerStft(precision="single")
        else:
            raise UsageError(
                f"{path}: expected a wavelet's name or 'stft' in the file name; "
                "build DCNN(front_end) and call load_released"
            )
        detector = cls(front_end, normalisation="clip")
        detector.load_released(path)
        return detector.eval()

    def load_released(self, path: str | Path) -> None:
        """Fill the network from a file of the authors."""
        put_weights(self.network, read_weights(Path(path)), str(path))

    def fit_normalisation(self, pictures: Iterable[Tensor]) -> None:
        """Set mean and deviation over all values of all pictures, seen once (Welford, Chan)."""
        count, mean, squares = 0, 0.0, 0.0
        for picture in pictures:
            values = picture.double()
            n, new = values.numel(), float(values.mean())
            shift = new - mean
            squares += float((values - new).square().sum()) + shift**2 * count * n / (count + n)
            mean += shift * n / (count + n)
            count += n
        if not count or squares == 0:
            raise UsageError("dcnn: expected pictures that vary, got none; check the training set")
        self.mean.fill_(mean)
        self.spread.fill_((squares / count) ** 0.5)

    def forward(self, samples: Tensor) -> Tensor:
        """Compute the mean logit over seconds; a shorter clip is repeated."""
        return super().forward(repeat_short(samples, self.length))

    def pair(self, picture: Tensor) -> Tensor:
        """Return the authors' two logits. Shape: ``[batch, 1, freq, frame]`` → ``[batch, 2]``."""
        if self.normalisation == "clip":
            mean = picture.mean(dim=(1, 2, 3), keepdim=True)
            spread = picture.std(dim=(1, 2, 3), keepdim=True, correction=0).clamp_min(1e-6)
        else:
            mean, spread = self.mean, self.spread
        found: Tensor = self.network((picture - mean) / spread)
        return found

    def head(self, *pictures: Tensor) -> Tensor:
        """Return fake − real. Shape: see `Detector.head`."""
        pair = self.pair(pictures[0])
        return pair[:, 1:] - pair[:, :1]


class _Network(nn.Module):
    """The authors' module: ``[batch, 1, freq, frame]`` → real and fake ``[batch, 2]``."""

    def __init__(
        self,
        n_freqs: int,
        n_frames: int,
        channels: tuple[int, int, int, int, int],
        dropout: tuple[float, float],
        dilated: bool,
    ) -> None:
        super().__init__()
        one, two, three, four, five = channels

        def plain(size: int) -> nn.Module:
            return nn.BatchNorm2d(size, affine=False)

        self.cnn = nn.Sequential(
            nn.Conv2d(1, one, 3, padding=2), nn.PReLU(), nn.MaxPool2d(2), plain(one),
            nn.Conv2d(one, two, 1), nn.PReLU(), plain(two),
            nn.Conv2d(two, three, 3, padding=1), nn.PReLU(), nn.MaxPool2d(2), plain(three),
            nn.Conv2d(three, four, 3, padding=1), nn.PReLU(), plain(four),
            nn.Conv2d(four, five, 3, padding=1), nn.PReLU(), plain(five),
            nn.Conv2d(five, 64, 3, padding=1), nn.PReLU(), nn.MaxPool2d(2),
            nn.Dropout(dropout[0]),
        )  # fmt: skip
        # Padding 2 and three halvings; the authors write it as frames // 8 + time_dim_add.
        steps, bands = (n_frames + 2) // 8, (n_freqs + 2) // 8
        twice, fourfold = (2, 4) if dilated else (1, 1)
        self.dil_conv = nn.Sequential(
            nn.BatchNorm2d(steps), nn.Conv2d(steps, steps, 3, padding=1), nn.PReLU(),
            nn.BatchNorm2d(steps), nn.Conv2d(steps, steps, 5, padding=2, dilation=twice),
            nn.PReLU(),
            nn.BatchNorm2d(steps), nn.Conv2d(steps, steps, 7, padding=2, dilation=fourfold),
            nn.PReLU(), nn.Dropout(dropout[1]),
        )  # fmt: skip
        lost = 4 * (twice - 1) + 6 * fourfold - 4
        if bands <= lost:
            raise UsageError(
                f"dcnn: expected at least {8 * (lost + 1)} rows in the picture, got {n_freqs}; "
                "use a finer front end or dilated=False"
            )
        self.fc = nn.Sequential(nn.Flatten(2), nn.Linear((64 - lost) * (bands - lost), 2))

    def forward(self, picture: Tensor) -> Tensor:
        found = self.cnn(picture.transpose(2, 3))  # [batch, 64, step, band]
        found = self.dil_conv(found.transpose(1, 2))  # [batch, step, 64 - lost, band - lost]
        logits: Tensor = self.fc(found).mean(dim=1)
        return logits

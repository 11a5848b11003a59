# SPDX-License-Identifier: MIT
"""What vocoders share: a checkpoint on this disk, a mel spectrogram in, sound out, in pieces.

The mel spectrogram is HiFi-GAN's: reflected by half of window minus hop, not centred, amplitudes,
Slaney bands of equal area, natural log floored at 1e-5 (Kong et al. 2020); BigVGAN takes the same.
Checkpoints may hold weight normalisation in either of torch's spellings; it is folded in.
When not to use: with checkpoints of unknown origin; only plain tensors are ever loaded.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from unsung.errors import MissingExtra, UnsungError
from unsung.frontends.log_mel import LogMel, mel_filters
from unsung.synthesis.resynthesis.base import Resynthesis, hash_files, in_chunks
from unsung.text import parse_json
from unsung.types import FloatArray

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Vocoder", "checkpoint_file", "folded", "hifigan_mel", "load_tensors"]

_CHUNK_S, _CONTEXT_S = 15.0, 0.5


class Vocoder(Resynthesis):
    """A network from mel spectrogram to sound, with a checkpoint that the user brings.

    Args:
        setting: as listed.
        weights: the checkpoint, or its folder; most need the published config.json beside it.
        seed: unused; vocoders here draw nothing.
    """

    needs_weights: ClassVar[bool] = True
    published: ClassVar[str]
    patterns: ClassVar[tuple[str, ...]]

    def __init__(self, setting: str = "", *, weights: Path | None = None, seed: int = 0) -> None:
        super().__init__(setting, weights=weights, seed=seed)
        self._network: Any = None
        self.hop = 256

    @property
    def checkpoint(self) -> Path:
        """Return the file with the weights.

        Raises:
            UnsungError: none was given or found.
        """
        return checkpoint_file(self.weights, self.patterns, self.kind(), self.published)

    @abstractmethod
    def _build(self, checkpoint: Path) -> Any:
        """Return the network, ready; sets rate, strides and hop."""

    @abstractmethod
    def _speak(self, sound: Tensor) -> Tensor:
        """Analyse and make sound again. Shape: ``[1, time]``, whole hops, both ways."""

    def _prepare(self) -> None:
        if self._network is not None:
            return
        try:
            import torch  # noqa: F401
        except ModuleNotFoundError as error:
            raise MissingExtra("torch", "synthesis", self.kind()) from error
        checkpoint = self.checkpoint
        try:
            self._network = self._build(checkpoint)
        except (KeyError, RuntimeError, OSError, ValueError) as error:
            raise UnsungError(
                f"{checkpoint}: expected weights of {self.published}, they do not fit: "
                f"{type(error).__name__}: {str(error)[:200]}"
            ) from error

    def _run(self, samples: FloatArray) -> FloatArray:
        import torch

        def run(part: FloatArray) -> FloatArray:
            whole = np.pad(part, ((0, 0), (0, -part.shape[1] % self.hop)))
            with torch.inference_mode():
                return np.asarray(self._speak(torch.from_numpy(whole)).numpy())

        shortest = 8 * self.hop  # reflection at the ends needs some sound
        padded = np.pad(samples, ((0, 0), (0, max(0, shortest - samples.shape[1]))))
        chunk, context = (round(s * self.sample_rate_hz) for s in (_CHUNK_S, _CONTEXT_S))
        return in_chunks(padded, run, self.hop, chunk, context)

    def _origin(self) -> dict[str, Any]:
        digest = hash_files(self.checkpoint)
        return {"model": self.published, "revision": "local", "weights_sha256": digest}


def checkpoint_file(
    weights: Path | None, patterns: tuple[str, ...], name: str, published: str
) -> Path:
    """Return a checkpoint given as a file or by its folder, or say what to bring."""
    if weights is not None and weights.is_file():
        return weights
    for pattern in patterns if weights is not None else ():
        found = sorted(weights.glob(pattern)) if weights is not None else []
        if found:
            return found[-1]
    came = "none was given" if weights is None else f"{weights} holds none"
    raise UnsungError(
        f"{name} needs a checkpoint of {published} ({' or '.join(patterns)}), {came}; "
        f"name its file or folder with --weights {name}=PATH"
    )


def config_beside(checkpoint: Path) -> dict[str, Any]:
    """Return the published config.json that lies beside a checkpoint."""
    path = checkpoint.with_name("config.json")
    if not path.is_file():
        raise UnsungError(f"{path}: expected the checkpoint's config.json here, found none")
    loaded: dict[str, Any] = parse_json(path.read_text(encoding="utf-8"))
    return loaded


def load_tensors(path: Path, inside: str = "") -> dict[str, Tensor]:
    """Return a checkpoint's tensors; `inside` names the entry that holds them, if it is there."""
    import torch

    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return folded(load_file(path))
    state: Any = torch.load(path, map_location="cpu", weights_only=True)
    return folded(state[inside] if inside and inside in state else state)


def folded(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Turn weight normalisation (gain g, direction v) into plain weights g · v / |v|."""
    out: dict[str, Tensor] = {}
    for key, value in state.items():
        for gain, way in ((".weight_g", ".weight_v"), (_GAIN, _WAY)):
            if key.endswith(gain):
                stem = key.removesuffix(gain)
                v = state[stem + way]
                out[f"{stem}.weight"] = v * value / v.flatten(1).norm(dim=1).view(value.shape)
                break
            if key.endswith(way):
                break
        else:
            out[key] = value
    return out


_GAIN, _WAY = ".parametrizations.weight.original0", ".parametrizations.weight.original1"


def hifigan_mel(sound: Tensor, config: Mapping[str, Any]) -> Tensor:
    """Return HiFi-GAN's log mel spectrogram. Shape: ``[1, time]`` → ``[1, mel, time / hop]``."""
    import torch

    size, hop = int(config["n_fft"]), int(config["hop_size"])
    rate_hz = int(config["sampling_rate"])
    bank = mel_filters(
        LogMel(
            sample_rate_hz=rate_hz,
            n_fft=size,
            hop=hop,
            n_mels=int(config["num_mels"]),
            low_hz=float(config["fmin"]),
            high_hz=float(config["fmax"] or rate_hz / 2),
            scale="slaney",
            equal_area=True,
        )
    )
    margin = (size - hop) // 2
    padded = torch.nn.functional.pad(sound[:, None], (margin, margin), mode="reflect")[:, 0]
    window = torch.hann_window(int(config["win_size"]))
    spectra = torch.stft(
        padded, size, hop, int(config["win_size"]), window, center=False, return_complex=True
    )
    amplitude = torch.sqrt(spectra.real**2 + spectra.imag**2 + 1e-9)
    return torch.log((torch.from_numpy(bank) @ amplitude).clamp_min(1e-5))

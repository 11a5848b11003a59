# SPDX-License-Identifier: MIT
"""Fits a member of the zoo to human music: minutes on one core, the same weights for a seed.

The decoder starts far from its filter bank (kernel wear 0.3) and learns to undo that and the
rounding of its latents, by L1 on the waveform plus spectral convergence and log magnitude at three
resolutions (Yamamoto et al., "Parallel WaveGAN", 2020). A checkpoint is written every 50 steps:
a killed run goes on where it stopped and ends with the same weights.
Units: Hz, seconds. When not to use: with music that is in your test set; the decoder hears it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unsung.audio import read_clip, sha256_file
from unsung.audio.resample import resample
from unsung.errors import AudioError, MissingExtra, UsageError
from unsung.synthesis.resynthesis._zoo_member import draw_member
from unsung.types import FloatArray, Record

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Trained", "train", "weights_file"]

_START_WEAR, _CHECKPOINT_STEPS, _BATCH, _CLIP_S = 0.3, 50, 4, 1.5
_SCALES = ((512, 128), (1024, 256), (2048, 512))


@dataclass(frozen=True)
class Trained(Record):
    """What training gave: file, hash, loss at both ends."""

    path: str
    sha256: str
    steps: int
    first_loss: float
    last_loss: float


def weights_file(folder: Path, number: int) -> Path:
    """Return where a member's weights are kept in a folder."""
    return folder / f"zoo-{number:04d}.safetensors"


def train(
    number: int,
    music: Sequence[str | Path],
    folder: Path,
    *,
    steps: int = 400,
    seed: int = 0,
    rate: float = 2e-3,
) -> Trained:
    """Train a member on recordings and write `zoo-NNNN.safetensors` with its metadata.

    Args:
        number: of the member.
        music: files with human music; 30 s from the middle of each are used.
        folder: where weights and checkpoints go; use it as `weights` of the zoo.
        steps: gradient steps of 4 pieces of 1.5 s; 400 take about two minutes on a core.
        seed: of the wear at the start and the order of pieces.
        rate: learning rate of Adam.

    Raises:
        UsageError: no usable recording, or no steps.
        MissingExtra: torch or safetensors is not installed.
    """
    try:
        import torch
        from safetensors.torch import save_file

        from unsung.synthesis.resynthesis._zoo_network import Network
    except ModuleNotFoundError as error:
        raise MissingExtra(str(error.name), "synthesis", "training the zoo") from error
    if steps < 1:
        raise UsageError(f"expected at least one step, got {steps}")
    member = draw_member(number)
    pieces = _pieces(music, member.sample_rate_hz)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".zoo-{number:04d}.part"
    start = dataclasses.replace(member, kernel=_START_WEAR, seed=member.seed + seed)
    network = Network(start)
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    losses = _resume(part, network, optimiser, [steps, seed, rate])
    for step in range(len(losses), steps):
        batch = torch.from_numpy(_batch(pieces, member.sample_rate_hz, [seed, number, step]))
        loss = _loss(network(batch), batch)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
        if (step + 1) % _CHECKPOINT_STEPS == 0 and step + 1 < steps:
            _keep(part, network, optimiser, [steps, seed, rate], losses)
    path = weights_file(folder, number)
    told = {"member": member.to_dict(), "steps": steps, "seed": seed, "rate": rate}
    about = {"unsung": json.dumps(told)}  # one entry: the order of several would vary the hash
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, path, about)
    part.unlink(missing_ok=True)
    edge = max(1, min(20, len(losses) // 4))
    first, last = float(np.mean(losses[:edge])), float(np.mean(losses[-edge:]))
    return Trained(str(path), sha256_file(path), steps, first, last)


def _keep(
    part: Path, network: Any, optimiser: Any, settings: list[float], losses: list[float]
) -> None:
    """Write a checkpoint, whole or not at all."""
    import torch

    state = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
    temporary = part.with_suffix(".new")
    torch.save({**state, "settings": settings, "losses": losses}, temporary)
    temporary.replace(part)


def _resume(part: Path, network: Any, optimiser: Any, settings: list[float]) -> list[float]:
    """Take up a checkpoint of the same settings; return the losses of the steps it holds."""
    if not part.is_file():
        return []
    import torch

    state = torch.load(part, weights_only=True)
    if state["settings"] != settings:
        return []  # another run's checkpoint: start again
    network.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    return list(state["losses"])


def _pieces(music: Sequence[str | Path], rate_hz: int) -> list[FloatArray]:
    """Read the middle 30 s of each file as mono at the member's rate; skip what cannot be read."""
    pieces = []
    for path in music:
        try:
            clip = read_clip(path, mono=True)
        except AudioError:
            continue
        middle = clip.samples.shape[1] // 2
        half = 15 * clip.sample_rate_hz
        cut = clip.samples[0, max(0, middle - half) : middle + half]
        sound = resample(cut, clip.sample_rate_hz, rate_hz)
        if len(sound) > _CLIP_S * rate_hz and np.abs(sound).max() > 1e-3:
            pieces.append(sound)
    if not pieces:
        raise UsageError(
            f"expected recordings longer than {_CLIP_S:g} s to train on, none of the "
            f"{len(music)} given could be used"
        )
    return pieces


def _batch(pieces: list[FloatArray], rate_hz: int, seed: list[int]) -> FloatArray:
    rng = np.random.default_rng(seed)
    length = round(_CLIP_S * rate_hz)
    rows = []
    for _ in range(_BATCH):
        piece = pieces[rng.integers(len(pieces))]
        at = int(rng.integers(len(piece) - length + 1))
        rows.append(piece[at : at + length])
    return np.stack(rows)


def _loss(made: Tensor, wanted: Tensor) -> Tensor:
    import torch

    total = (made - wanted).abs().mean() / wanted.abs().mean().clamp_min(1e-4)
    for n_fft, hop in _SCALES:
        window = torch.hann_window(n_fft)
        one, two = (
            torch.stft(x, n_fft, hop, window=window, return_complex=True).abs().clamp_min(1e-5)
            for x in (made, wanted)
        )
        total = total + (one - two).norm() / two.norm() + (one.log() - two.log()).abs().mean()
    return total

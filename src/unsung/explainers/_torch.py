# SPDX-License-Identifier: MIT
"""The torch side of subjects: networks over planes, gradients, detectors of `unsung.detectors`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unsung.audio.mixing import heard
from unsung.audio.resample import resample
from unsung.errors import EmptyAudio, UnknownName
from unsung.explainers import _virtual
from unsung.explainers._subject import Plane, Subject
from unsung.frontends.base import FrontEnd
from unsung.frontends.raw import Raw
from unsung.types import Clip, FloatArray

if TYPE_CHECKING:
    from unsung.detectors.base import Detector

__all__ = [
    "LinearNetwork",
    "NetworkSubject",
    "by_window",
    "frozen",
    "gradients",
    "subject_of_detector",
    "subject_of_module",
    "tensors",
]

BATCH_CELLS = 4_000_000
"""Cells scored at a time: 16 MB of pictures; networks need many times that."""


class LinearNetwork(torch.nn.Module):
    """A weighted sum of all planes. Shape: each ``[batch, channel, freq, frame]`` → ``[batch]``."""

    def __init__(self, weights: Sequence[FloatArray], offset: float) -> None:
        super().__init__()
        flat = np.concatenate([np.asarray(w, np.float32).reshape(-1) for w in weights])
        self.linear = torch.nn.Linear(1, 1)
        self.linear.in_features = len(flat)
        self.linear.weight = torch.nn.Parameter(torch.from_numpy(flat)[None], requires_grad=False)
        self.linear.bias = torch.nn.Parameter(torch.tensor([offset]), requires_grad=False)

    def forward(self, *planes: Tensor) -> Tensor:
        """Return the sum."""
        found: Tensor = self.linear(torch.cat([plane.flatten(1) for plane in planes], 1))
        return found[:, 0]


class Windowed(torch.nn.Module):
    """Cuts planes back into the detector's windows and averages their logits.

    Shape: planes ``[batch, channel, freq, window · frame]`` → ``[batch]``.
    """

    def __init__(
        self, module: torch.nn.Module, call: Callable[..., Tensor], windows: int, output: int
    ) -> None:
        super().__init__()
        self.module, self._call = module, call
        self.windows, self.output = windows, output
        # A module, so that relevance rules can share the logit between windows.
        self.pool = torch.nn.AvgPool1d(windows)

    def forward(self, *planes: Tensor) -> Tensor:
        """Return the mean logit over the windows."""
        cut = [by_window(p, self.windows) for p in planes]
        logits = self.logits(*cut)
        if logits.dim() > 1:
            logits = logits[:, self.output]
        pooled: Tensor = self.pool(logits.reshape(-1, 1, self.windows))
        return pooled[:, 0, 0]

    def logits(self, *pictures: Tensor) -> Tensor:
        """Score pictures of single windows. Shape: ``[window, c, f, t]`` → ``[window, output]``."""
        found: Tensor = self._call(*pictures)
        return found


class NetworkSubject(Subject):
    """A clip before a torch network over its pictures.

    ``virtual`` says that a picture is a spectrum put before a network of raw samples.
    """

    def __init__(
        self, planes: Sequence[Plane], network: Windowed, name: str, virtual: bool = False
    ) -> None:
        self._network, self.virtual = network.eval(), virtual
        super().__init__(planes, name)

    def scores(self, batch: Sequence[FloatArray]) -> NDArray[np.float64]:
        """See `Subject`."""
        cells = sum(p[0].size for p in batch)
        step = max(1, BATCH_CELLS // max(1, cells))
        found = []
        with torch.no_grad():
            for first in range(0, len(batch[0]), step):
                part = [
                    torch.from_numpy(np.array(p[first : first + step], np.float32)) for p in batch
                ]
                found.append(self._network(*part).double().numpy())
        return np.concatenate(found)

    def randomised(self, seed: int = 0) -> NetworkSubject:
        """See `Subject`."""
        network = copy.deepcopy(self._network)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in network.parameters():
                order = torch.randperm(parameter.numel(), generator=generator)
                parameter.copy_(parameter.flatten()[order].reshape(parameter.shape))
        return NetworkSubject(self.planes, network, self.name, self.virtual)

    def network(self) -> Windowed:
        """See `Subject`."""
        return self._network


def by_window(plane: Tensor, windows: int) -> Tensor:
    """Cut frames into windows. Shape: ``[b, c, f, window · t]`` → ``[b · window, c, f, t]``."""
    batch, channels, freqs, frames = plane.shape
    cut = plane.reshape(batch, channels, freqs, windows, frames // windows)
    return cut.movedim(3, 1).flatten(0, 1)


def subject_of_detector(
    detector: Detector, clip: Clip, output: str = "ai", reference: Clip | None = None
) -> NetworkSubject:
    """Return a clip before a detector, cut into the detector's windows (a short one is padded).

    Args:
        detector: left in evaluation mode if it was, and put back if not.
        clip: the sound, any rate and channel count; whole windows are explained.
        output: name of the explained output.
        reference: a human recording for the baseline "human".

    Raises:
        UnknownName: no output of that name.
        EmptyAudio: the clip has no samples.
    """
    if output not in detector.outputs:
        raise UnknownName("output", output, detector.outputs)
    network = (detector, detector.head, detector.outputs.index(output))
    name = type(detector).__name__
    return _subject(network, detector.front_ends, (clip, reference), detector.window_s, name)


def subject_of_module(
    module: torch.nn.Module,
    front_end: FrontEnd,
    clip: Clip,
    *,
    window_s: float | None = None,
    output: int = 0,
    reference: Clip | None = None,
) -> NetworkSubject:
    """Return a clip before any module that maps a front end's picture to logits."""
    length = clip.duration_s if window_s is None else window_s
    name = type(module).__name__
    return _subject((module, module, output), (front_end,), (clip, reference), length, name)


def _subject(
    network: tuple[torch.nn.Module, Callable[..., Tensor], int],
    front_ends: Sequence[FrontEnd],
    clips: tuple[Clip, Clip | None],
    window_s: float,
    name: str,
) -> NetworkSubject:
    module, call, output = network
    clip, reference = clips
    rate = front_ends[0].sample_rate_hz
    size = max(1, round(window_s * rate))
    sound = _windows(clip, rate, size)
    human = None if reference is None else _windows(reference, rate, size)
    planes = [_plane(f, sound, human, clip.start_s) for f in front_ends]
    given, was_training = module, module.training
    module.eval()
    try:
        raw = {i: size for i, f in enumerate(front_ends) if isinstance(f, Raw)}
        if raw:
            module = call = _virtual.ThroughSpectrum(module, call, raw).eval()
        return NetworkSubject(
            planes, Windowed(module, call, len(sound), output), name, virtual=bool(raw)
        )
    finally:
        given.train(was_training)


def _windows(clip: Clip, rate_hz: int, size: int) -> FloatArray:
    """Return whole windows ``[window, time]``; a clip shorter than one gets silence behind it."""
    if not clip.samples.size:
        raise EmptyAudio(f"clip '{clip.track_id}' has no samples; nothing can be explained")
    signal = np.asarray(resample(heard(clip), clip.sample_rate_hz, rate_hz), np.float32)
    if len(signal) < size:
        signal = np.pad(signal, (0, size - len(signal)))
    count = len(signal) // size
    return signal[: count * size].reshape(count, size)


def _plane(
    front_end: FrontEnd, sound: FloatArray, human: FloatArray | None, start_s: float
) -> Plane:
    if isinstance(front_end, Raw):
        return _spectral(front_end, sound, start_s)
    values = _joined(front_end(sound))
    silence = _joined(np.repeat(front_end(np.zeros_like(sound[:1])), len(sound), 0))
    starts = np.arange(len(sound)) * (sound.shape[1] / front_end.sample_rate_hz) + start_s
    times = (starts[:, None] + front_end.times_s(sound.shape[1])[None]).reshape(-1)
    mean = np.broadcast_to(values.mean(axis=2, keepdims=True), values.shape)
    other = None
    if human is not None:
        spectrum = _joined(front_end(human)).mean(axis=2, keepdims=True)
        other = np.broadcast_to(spectrum, values.shape)
    return Plane(values, front_end.freqs_hz, times, silence, mean, other)


def _spectral(front_end: Raw, sound: FloatArray, start_s: float) -> Plane:
    """Return raw samples as a spectrum; nothing there is silence, a mean of phases none."""
    values = _joined(_virtual.spectrum(front_end(sound)))
    freqs, within = _virtual.axes(sound.shape[1], front_end.sample_rate_hz)
    starts = np.arange(len(sound)) * (sound.shape[1] / front_end.sample_rate_hz) + start_s
    nothing = np.zeros_like(values)
    return Plane(values, freqs, (starts[:, None] + within[None]).reshape(-1), nothing, nothing)


def _joined(pictures: FloatArray) -> FloatArray:
    """Put windows side by side. Shape: ``[window, channel, freq, frame]`` → ``[c, freq, all]``."""
    moved = np.moveaxis(pictures, 0, 2)
    return np.ascontiguousarray(moved.reshape(*moved.shape[:2], -1))


def tensors(arrays: Sequence[FloatArray]) -> list[Tensor]:
    """Return arrays with a batch axis as tensors. Shape: ``[c, f, t]`` → ``[1, c, f, t]``."""
    return [torch.from_numpy(np.array(a[None], np.float32)) for a in arrays]


def gradients(network: torch.nn.Module, planes: Sequence[Tensor]) -> list[Tensor]:
    """Return d logit / d cell of each row. Shape: like the planes."""
    leaves = [p.detach().clone().requires_grad_() for p in planes]
    with frozen(network), torch.enable_grad():
        total = network(*leaves).sum()
        if not total.requires_grad:  # a constant network
            return [torch.zeros_like(p) for p in planes]
        found = torch.autograd.grad(total, leaves, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for g, p in zip(found, planes, strict=True)]


@contextmanager
def frozen(network: torch.nn.Module) -> Iterator[None]:
    """Evaluate without gradients of parameters; modes and flags come back on exit."""
    modes = [(m, m.training) for m in network.modules()]
    flags = [(p, p.requires_grad) for p in network.parameters()]
    try:
        network.eval()
        for parameter, _ in flags:
            parameter.requires_grad_(False)
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for parameter, flag in flags:
            parameter.requires_grad_(flag)

# SPDX-License-Identifier: MIT
"""Where in a window the instrument network hears one instrument, as an explanation in Hz and s.

With torch: concept relevance propagation (EpsilonPlusFlat) through the last convolution. Without:
occlusion through ONNX Runtime, which is coarse, and blind to what others can replace. Logits.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from unsung.errors import MissingExtra, UnknownName
from unsung.runtime.instruments import InstrumentModel, occlusion
from unsung.runtime.weights import read_safetensors
from unsung.types import Clip, Explanation, FloatArray

if TYPE_CHECKING:
    from unsung.detectors.instrument_cnn import InstrumentCNN

__all__ = ["METHODS", "chosen_method", "detector_of", "where"]

METHODS = ("auto", "crp", "occlusion")


def chosen_method(name: str = "auto") -> str:
    """Return crp or occlusion; auto takes crp where torch is installed.

    Raises:
        UnknownName: neither of these.
        MissingExtra: crp without torch.
    """
    if name not in METHODS:
        raise UnknownName("method", name, METHODS)
    torch_is_here = find_spec("torch") is not None
    if name == "crp" and not torch_is_here:
        raise MissingExtra("torch", "research", "crp (--with occlusion does without)")
    return ("crp" if torch_is_here else "occlusion") if name == "auto" else name


def where(model: InstrumentModel, sound: FloatArray, name: str, method: str) -> Explanation:
    """Return one instrument's relevance in a window. Shape: sound ``[time]`` at the model's rate.

    Raises:
        UnknownName: no instrument of that name.
    """
    if name not in model.outputs:
        raise UnknownName("instrument", name, model.outputs)
    rate = model.front_end.sample_rate_hz
    if method == "occlusion":
        fall, logit = occlusion(model, sound, model.outputs.index(name))
        freqs = np.asarray(model.front_end.freqs_hz, np.float32)
        times = np.asarray(model.front_end.times_s(len(sound)), np.float32)
        return Explanation(name, fall[None], freqs, times, logit, 0.0)
    from unsung.explainers import build
    from unsung.explainers._torch import subject_of_detector

    clip = Clip(np.ascontiguousarray(sound[None]), rate)
    subject = subject_of_detector(detector_of(model), clip, name)
    layer = f"conv{model.info['layers']}"
    return build("crp", {"layer": layer, "composite": "epsilon_plus_flat"})(subject)


def detector_of(model: InstrumentModel) -> InstrumentCNN:
    """Return the folder's network in torch: batch norm is already inside its convolutions."""
    import torch

    from unsung.detectors.instrument_cnn import InstrumentCNN

    info = model.info
    detector = InstrumentCNN(
        info["layers"], tuple(info["outputs"]), channels=1, window_s=info["window_s"],
        side=info["side"],
    )  # fmt: skip
    state = detector.state_dict()
    for name, value in read_safetensors(model.path / "weights.safetensors").items():
        state[name] = torch.from_numpy(value.astype(np.float32))
    for number in range(1, info["layers"] + 1):
        norm = getattr(detector, f"bn{number}")
        state[f"bn{number}.running_mean"] = torch.zeros_like(norm.running_mean)
        # With its small constant added, the variance is 1: the norm does nothing.
        state[f"bn{number}.running_var"] = torch.full_like(norm.running_var, 1 - norm.eps)
    detector.load_state_dict(state)
    return detector.eval()

# SPDX-License-Identifier: MIT
"""A bundle: the folder that scan, REST and the browser load.

``bundle.json`` holds every constant (rate, windows, front ends, calibration, golden scores, card)
and the hashes of the files beside it; ``model.onnx`` maps the front ends' pictures to the logit;
``weights.safetensors`` holds the linear part for exact explanation, and the templates that are
searched over shifts and that name families of decoders, where the bundle has them. Bundles of other
detectors say ``"scan": "windows"``: each window gives a logit of its own
(`unsung.runtime.windowed`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unsung import frontends
from unsung.errors import BundleError, UnknownName
from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.runtime.attribution import Attribution, read_attribution
from unsung.runtime.graphs import picture_maker, session
from unsung.runtime.shift import Join, ShiftSearch
from unsung.runtime.weights import read_safetensors
from unsung.text import parse_json
from unsung.types import FloatArray

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from unsung.runtime.analyzer import Analyzer
    from unsung.runtime.decide import Thresholds

__all__ = ["FORMAT", "WINDOWS", "Bundle", "LinearPart", "bundle_names", "load_bundle"]

FORMAT = 1
"""Version of bundle.json that this code reads."""

WINDOWS = "windows"
"""Value of ``scan`` in bundle.json where windows are judged one by one, not by averaged spectra."""

_PACKAGED = Path(__file__).resolve().parent.parent / "bundles"


@dataclass(frozen=True)
class LinearPart:
    """Exact weights: ``logit = baseline + sum(weight · (picture − mean))`` over all front ends.

    Shape: each weight and mean ``[channel, freq]``, in the order of the front ends.
    """

    baseline: float
    weights: tuple[FloatArray, ...]
    means: tuple[FloatArray, ...]

    def logit(self, pictures: Sequence[FloatArray]) -> float:
        """Return the logit of averaged pictures. Shape: each ``[channel, freq]`` → one number."""
        return self.baseline + float(sum(share.sum() for share in self.shares(pictures)))

    def shares(self, pictures: Sequence[FloatArray]) -> list[NDArray[np.float64]]:
        """Return what each bin adds, all channels together. Shape: → each ``[freq]``."""
        parts = zip(self.weights, self.means, pictures, strict=True)
        return [(w * (p - m)).sum(axis=0, dtype=np.float64) for w, m, p in parts]


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle; immutable and cheap to pass to worker processes by its path.

    ``front_ends`` are those that are averaged over a track; none where windows are judged singly.
    """

    path: Path
    info: dict[str, Any]
    sha256: str
    front_ends: tuple[ResidualSpectrum, ...] = field(repr=False)

    @property
    def name(self) -> str:
        """Public name, with its version: "default-1"."""
        return f"{self.info['name']}-{self.info['version']}"

    @property
    def window_s(self) -> float:
        """Seconds of one window of the timeline."""
        return float(self.info["window_s"])

    @property
    def sample_rate_hz(self) -> int:
        """Rate that the front ends work at."""
        return int(self.info["sample_rate_hz"])

    @property
    def calibration(self) -> dict[str, Any]:
        """The calibration record: name of the set, counts, logits, affine map."""
        found: dict[str, Any] = self.info["calibration"]
        return found

    @property
    def windowed(self) -> bool:
        """Whether each window is judged by itself."""
        return bool(self.info.get("scan") == WINDOWS)

    @property
    def calibrated(self) -> bool:
        """Whether logits have a likelihood ratio; without one there is no verdict either."""
        return "scale" in self.calibration

    @property
    def card(self) -> dict[str, Any]:
        """The model card."""
        found: dict[str, Any] = self.info["card"]
        return found

    @cached_property
    def shift(self) -> tuple[ShiftSearch, Join] | None:
        """The search for shifted lines and how its score joins the linear one; None without."""
        if "shift" not in self.info:
            return None
        arrays = read_safetensors(self.path / "weights.safetensors")
        inputs = [entry["input"] for entry in self.info["front_ends"]]
        try:
            search = ShiftSearch(
                [front_end.freqs_hz for front_end in self.front_ends],
                [arrays[f"{name}.shift_weight"].astype(np.float32) for name in inputs],
                [arrays[f"{name}.shift_mean"].astype(np.float32) for name in inputs],
            )
        except KeyError as error:
            raise BundleError(
                f"{self.path}: weights.safetensors has no {error}; export the bundle again"
            ) from error
        return search, Join.from_dict(self.info["shift"])

    @cached_property
    def attribution(self) -> Attribution | None:
        """The templates that name a family of decoders; None in bundles without them."""
        if "attribution" not in self.info:
            return None
        arrays = read_safetensors(self.path / "weights.safetensors")
        return read_attribution(self.path, self.info, arrays)

    @cached_property
    def linear(self) -> LinearPart:
        """The linear part with the weights of every bin."""
        if self.windowed:
            raise BundleError(
                f"{self.path}: expected a linear detector, {self.name} is a network without exact "
                "shares; explain it from its weights (`unsung explain --detector FOLDER`)"
            )
        return self._linear("baseline", "weight")

    @cached_property
    def variation(self) -> LinearPart | None:
        """What each bin's deviation over a track's windows adds to the logit; None without.

        It says nothing of a track of one window (`unsung.runtime.analyzer.Moments`).
        """
        if not self.info.get("variation"):
            return None
        return self._linear("", "variation_weight", "variation_mean")

    @cached_property
    def copies(self) -> LinearPart | None:
        """The second linear model, fitted on reverberant and re-encoded copies too; None without.

        It speaks only where it exceeds what human recordings reach (`Join.copies_limit`).
        """
        if self.info.get("shift", {}).get("copies_limit") is None:
            return None
        return self._linear("copies_baseline", "copies_weight")

    def _linear(self, baseline: str, weight: str, mean: str = "mean") -> LinearPart:
        arrays = read_safetensors(self.path / "weights.safetensors")
        inputs = [entry["input"] for entry in self.info["front_ends"]]
        try:
            return LinearPart(
                float(arrays[baseline].reshape(-1)[0]) if baseline else 0.0,
                tuple(arrays[f"{name}.{weight}"].astype(np.float32) for name in inputs),
                tuple(arrays[f"{name}.{mean}"].astype(np.float32) for name in inputs),
            )
        except KeyError as error:
            raise BundleError(
                f"{self.path}: weights.safetensors has no {error}; export the bundle again"
            ) from error

    @cached_property
    def pictures(self) -> tuple[Callable[[FloatArray], FloatArray], ...]:
        """What makes each input of the graph from ``[batch, time]``."""
        return tuple(picture_maker(self.path, entry) for entry in self.info["front_ends"])

    @cached_property
    def _session(self) -> InferenceSession:
        return session(self.path / "model.onnx")

    def logits(self, pictures: list[FloatArray]) -> NDArray[np.float32]:
        """Run the graph. Shape: each ``[batch, channel, freq, frame]`` → ``[batch]``.

        Raises:
            BundleError: windows are judged singly; there are no averaged pictures to judge.
        """
        if self.windowed:
            raise BundleError(
                f"{self.path}: expected a detector on averaged spectra, {self.name} judges each "
                "window by itself; `unsung scan` takes it, this does not"
            )
        return self.outputs(pictures)[:, 0]

    def outputs(self, pictures: list[FloatArray]) -> NDArray[np.float32]:
        """Run the graph. Shape: each ``[batch, channel, freq, frame]`` → ``[batch, output]``."""
        names = [entry["input"] for entry in self.info["front_ends"]]
        feeds = dict(zip(names, pictures, strict=True))
        output: NDArray[np.float32] = self._session.run(None, feeds)[0]
        return output

    def analyzer(self, sample_rate_hz: int, picture: bool = False) -> Analyzer:
        """Return a fresh measuring object for one track at its own sample rate."""
        from unsung.runtime.analyzer import Analyzer
        from unsung.runtime.windowed import WindowAnalyzer

        kind = WindowAnalyzer if self.windowed else Analyzer
        return kind(self, sample_rate_hz, picture)

    def calibration_of(self, covered_s: float | None) -> dict[str, Any]:
        """Return the calibration of tracks of which so many seconds were heard; None: of all."""
        from unsung.runtime.decide import stratum

        return stratum(self.calibration, covered_s)

    def thresholds(self, false_alarm_rate: float, covered_s: float | None = None) -> Thresholds:
        """Return the decision thresholds for a stated rate and so many seconds heard."""
        from unsung.runtime.decide import thresholds

        return thresholds(self.calibration_of(covered_s), false_alarm_rate)

    @cached_property
    def _training_files(self) -> frozenset[str]:
        return frozenset(self.info.get("training_files", ()))

    def trained_on(self, sha256: str) -> bool:
        """Say whether the detector learned from the very file with this hash."""
        return sha256[:16] in self._training_files

    def calibrate(self, logit: float, covered_s: float | None = None) -> float:
        """Return the log-likelihood ratio in nats of a track's logit.

        Raises:
            KeyError: the bundle is not `calibrated`; the logit stands for nothing yet.
        """
        line = self.calibration_of(covered_s)
        return float(line["scale"] * logit + line["shift"])

    def __getstate__(self) -> dict[str, Any]:
        return {key: getattr(self, key) for key in ("path", "info", "sha256", "front_ends")}


def bundle_names() -> list[str]:
    """Return the names of the bundles that come with the package."""
    return sorted(item.parent.name for item in _PACKAGED.glob("*/bundle.json"))


def load_bundle(name_or_path: str | Path = "default") -> Bundle:
    """Load a packaged bundle by name, or any bundle by its folder or that of its training run.

    Raises:
        UnknownName: neither a packaged name nor a folder.
        BundleError: files are missing or damaged, or of another version's format.
    """
    names = bundle_names()
    folder = _PACKAGED / name_or_path if str(name_or_path) in names else Path(name_or_path)
    if not folder.exists():
        raise UnknownName("bundle", str(name_or_path), names)
    inside = folder / "bundle"  # where a training run keeps its bundle
    folder = inside if (inside / "bundle.json").exists() else folder
    document = folder / "bundle.json"
    try:
        raw = document.read_bytes()
        info = parse_json(raw)
        found = info["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(
            f"{folder}: expected a bundle folder with a readable bundle.json, got "
            f"{type(error).__name__} ({error}); give the folder that `unsung export` wrote"
        ) from error
    if found != FORMAT:
        raise BundleError(
            f"{folder}: bundle format {found}, this version reads {FORMAT}; export it again"
        )
    _check_files(folder, info)
    if info.get("scan") == WINDOWS:
        return Bundle(folder, info, hashlib.sha256(raw).hexdigest(), ())
    built = tuple(frontends.build(e["name"], e["parameters"]) for e in info["front_ends"])
    for front_end in built:
        if not isinstance(front_end, ResidualSpectrum):
            raise BundleError(
                f"{folder}: front end {type(front_end).__name__} cannot be averaged over a track; "
                "pooling over the averaged spectrum needs residual_spectrum"
            )
    usable = tuple(f for f in built if isinstance(f, ResidualSpectrum))
    return Bundle(folder, info, hashlib.sha256(raw).hexdigest(), usable)


def _check_files(folder: Path, info: dict[str, Any]) -> None:
    for name, expected in info.get("files", {}).items():
        try:
            came = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            raise BundleError(f"{folder}: {name} is missing; copy the whole folder") from error
        if came != expected:
            raise BundleError(
                f"{folder}: {name} has hash {came[:12]}, bundle.json says {expected[:12]}; "
                "the bundle was changed or damaged, export or install it again"
            )

# SPDX-License-Identifier: MIT
"""The decoder zoo: any number of small decoders whose strides, kinds and rates are known.

`zoo:64` draws one of the members 0 to 63 for each track, by the track's id and the seed; `zoo@17`
(as a setting "@17") sends every track through member 17. A member is the same everywhere: the seed
chooses members and noise, it does not change them. Each starts as a filter bank that gives the
music back and is then worn (`unsung.synthesis.decoder`), so that copies are music at 9 to 32 dB
SNR; `train` fits a member to your own music instead. Why strides matter: Afchar et al., "A Fourier
explanation of AI-music artifacts", ISMIR 2025. Units: Hz, dB.
When not to use: as examples of how generators sound; only the mechanism of their traces is real.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unsung.errors import MissingExtra, UsageError
from unsung.synthesis.resynthesis._zoo_member import Member, draw_member
from unsung.synthesis.resynthesis._zoo_train import Trained, train, weights_file
from unsung.synthesis.resynthesis.base import Resynthesis, hash_files, in_chunks
from unsung.types import Clip, FloatArray

if TYPE_CHECKING:
    from unsung.synthesis.resynthesis._zoo_network import Network

__all__ = ["Member", "Trained", "Zoo", "draw_member", "train"]

_SETTING = re.compile(r"(@?)(\d+)")
_CHUNK_S = 20.0
_NOISE = 2e-3
"""Level of the noise that refinement adds first, of full scale; each round halves it."""


class Zoo(Resynthesis):
    """One member of the zoo (`@17`), or a different one for each track (`64`).

    Args:
        setting: "64" (also "", the default) for as many members, "@17" for one of them.
        weights: folder with files that `train` wrote; only members found there are used.
        seed: which track gets which member, and the noise of dither and refinement.

    Raises:
        UsageError: neither a count above 0 nor @ with a number, or no weights for the members.
    """

    settings: ClassVar[tuple[str, ...]] = ("64", "@0")
    licence: ClassVar[str] = "MIT"
    source: ClassVar[str] = "unsung's own decoders; Afchar et al., ISMIR 2025"

    def __init__(self, setting: str = "", *, weights: Path | None = None, seed: int = 0) -> None:
        super().__init__(setting, weights=weights, seed=seed)
        number = int(self.setting.removeprefix("@"))
        one = self.setting.startswith("@")
        self.numbers = self._available((number,) if one else tuple(range(number)))
        self.member: Member | None = None
        self._network: Network | None = None
        self._others: dict[int, Zoo] = {}
        if one:
            self.member = draw_member(number)
            self.sample_rate_hz = self.member.sample_rate_hz
            self.strides = self.member.strides

    @classmethod
    def checked_setting(cls, setting: str) -> str:
        """Return "64", "@17" and the like, or say what is expected."""
        found = _SETTING.fullmatch(setting or cls.settings[0])
        if found is None or (not found[1] and int(found[2]) == 0):
            raise UsageError(
                f"expected zoo:N for N members (zoo:64) or zoo@K for member K (zoo@17), "
                f"got '{setting}'"
            )
        return f"{found[1]}{int(found[2])}"

    @property
    def name(self) -> str:
        """Return `zoo-0017` for a member, `zoo-64` for the whole."""
        return self.member.name if self.member else f"zoo-{self.setting}"

    def _prepare(self) -> None:
        if self.member is not None:
            self._loaded()

    def for_track(self, track_id: str) -> Zoo:
        """Return the member that this track passes through; the same id and seed, the same one."""
        if self.member is not None:
            return self
        digest = hashlib.sha256(f"{self.seed} {track_id}".encode()).digest()
        number = self.numbers[int.from_bytes(digest[:8]) % len(self.numbers)]
        if number not in self._others:
            self._others[number] = Zoo(f"@{number}", weights=self.weights, seed=self.seed)
        return self._others[number]

    def predicted_peaks_hz(self) -> NDArray[np.float64]:
        """Return the lines of the member; empty for several, and for interpolating ones."""
        return self.member.predicted_peaks_hz() if self.member else np.empty(0)

    def __call__(self, clip: Clip) -> Clip:
        """Return the copy; a zoo of several members draws one by the clip's `track_id`."""
        if self.member is None:
            return self.for_track(clip.track_id)(clip)
        return super().__call__(clip)

    def _run(self, samples: FloatArray) -> FloatArray:
        member = self.member
        assert member is not None  # __call__ has drawn one
        hop = member.hop
        made = in_chunks(
            samples, self._decode, hop, round(_CHUNK_S * member.sample_rate_hz), 8 * hop
        )
        rng = np.random.default_rng([self.seed, member.seed])
        if member.refinement:
            made = _refine(made, member.refinement, rng)
        step = 2.0 ** (1 - member.bit_depth)
        dither = rng.random(made.shape) - rng.random(made.shape)
        whole = np.round(made / step + dither) * step
        return np.clip(whole, -1, 1 - step).astype(np.float32)

    def _decode(self, samples: FloatArray) -> FloatArray:
        network = self._loaded()
        import torch

        with torch.inference_mode():
            return np.asarray(network(torch.from_numpy(np.ascontiguousarray(samples))).numpy())

    def _loaded(self) -> Network:
        if self._network is None:
            try:
                from unsung.synthesis.resynthesis._zoo_network import Network
            except ModuleNotFoundError as error:
                raise MissingExtra("torch", "synthesis", "the decoder zoo") from error
            assert self.member is not None
            network = Network(self.member)
            if self.weights is not None:
                from safetensors.torch import load_file

                network.load_state_dict(load_file(self._file(self.member.number)))
            self._network = network.eval()
        return self._network

    def _file(self, number: int) -> Path:
        assert self.weights is not None
        return weights_file(self.weights, number)

    def _available(self, numbers: tuple[int, ...]) -> tuple[int, ...]:
        if self.weights is None:
            return numbers
        found = tuple(number for number in numbers if self._file(number).is_file())
        if not found:
            raise UsageError(
                f"{self.weights}: expected trained members such as "
                f"{self._file(numbers[0]).name}, found none of zoo:{self.setting}; "
                "train them with unsung.synthesis.resynthesis.zoo.train, or leave --weights out"
            )
        return found

    def _origin(self) -> dict[str, Any]:
        if self.member is None:
            return {"model": "zoo", "revision": "1", "weights_sha256": "", "members": self.setting}
        digest = hash_files(self._file(self.member.number)) if self.weights else ""
        return {
            "model": self.member.name,
            "revision": "1",
            "weights_sha256": digest,
            "member": self.member.to_dict(),
        }


def _refine(samples: FloatArray, rounds: int, rng: np.random.Generator) -> FloatArray:
    """Add noise and shrink it again, as the last steps of a diffusion model do.

    Shrinking is Wiener's rule on lapped coefficients at the known noise level.
    """
    from unsung.synthesis.decoder import lapped_kernel

    stride, level = 64, _NOISE
    kernel = lapped_kernel(stride)
    length = samples.shape[1]
    x = np.pad(samples.astype(np.float64), ((0, 0), (stride, stride + -length % stride)))
    for _ in range(rounds):
        noisy = np.pad(x + level * rng.standard_normal(x.shape), ((0, 0), (0, stride)))
        blocks = noisy.reshape(len(x), -1, stride)
        frames = np.concatenate([blocks[:, :-1], blocks[:, 1:]], axis=2)
        latent = frames @ kernel.T
        gain = np.maximum(0, 1 - level**2 / np.maximum(latent**2, 1e-20))
        pieces = (latent * gain) @ kernel
        out = np.zeros_like(blocks)
        out[:, :-1] += pieces[..., :stride]
        out[:, 1:] += pieces[..., stride:]
        x = out.reshape(len(x), -1)[:, : x.shape[1]]
        level /= 2
    return x[:, stride : stride + length].astype(np.float32)

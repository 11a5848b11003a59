# SPDX-License-Identifier: MIT
"""What the codecs of `transformers` share: loading from a hub or a folder, pieces, provenance.

`weights` names a folder saved with `save_pretrained` (nothing is then fetched); without it the
published repository is taken from the hub's cache or fetched. Rate, channels and strides are read
from the loaded configuration. When not to use: for a codec that transformers does not have.
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from unsung.errors import MissingExtra, UnsungError
from unsung.synthesis.resynthesis.base import Resynthesis, hash_files, in_chunks
from unsung.types import FloatArray

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["HubCodec"]

_CHUNK_S, _CONTEXT_S = 20.0, 1.0
_WEIGHTS = ("*.safetensors", "*.bin", "config.json")


class HubCodec(Resynthesis):
    """A codec of `transformers`.

    A subclass names the class and the repository, and passes a tensor through the model.

    Args:
        setting: as the subclass lists.
        weights: folder with config.json and model.safetensors; None takes the hub.
        seed: unused; codecs draw nothing.
        revision: branch, tag or commit of the repository; write a commit for a study.

    Raises:
        UnknownName: no such setting.
    """

    needs_weights: ClassVar[bool] = True
    model_class: ClassVar[str]

    def __init__(
        self,
        setting: str = "",
        *,
        weights: Path | None = None,
        seed: int = 0,
        revision: str = "main",
    ) -> None:
        super().__init__(setting, weights=weights, seed=seed)
        self.revision = revision
        self._model: Any = None

    @property
    @abstractmethod
    def repository(self) -> str:
        """Return the hub's name of the published weights for this setting."""

    @abstractmethod
    def _pass(self, model: Any, sound: Tensor) -> Tensor:
        """Encode and decode. Shape: ``[1, channel, time]``, whole hops, both ways."""

    def _adopt(self, config: Any) -> None:
        """Take rate, channels and strides from the loaded configuration."""
        self.sample_rate_hz = int(config.sampling_rate)
        self.strides = tuple(int(s) for s in config.upsampling_ratios)

    def _hop(self, config: Any) -> int:
        return int(config.hop_length)

    def _prepare(self) -> None:
        if self._model is None:
            self._model = self._load()
            self._adopt(self._model.config)

    def _load(self) -> Any:
        try:
            import torch  # noqa: F401
            import transformers
        except ModuleNotFoundError as error:
            raise MissingExtra(str(error.name), "synthesis", self.kind()) from error
        kind = getattr(transformers, self.model_class, None)
        if kind is None:
            raise UnsungError(
                f"{self.kind()} needs {self.model_class}, which transformers "
                f"{transformers.__version__} does not have; install a newer one"
            )
        source = self.repository if self.weights is None else str(self.weights)
        if self.weights is not None and not (self.weights / "config.json").is_file():
            raise UnsungError(
                f"{self.weights}: expected a folder with config.json and model.safetensors "
                f"(a copy of {self.repository}), found no config.json"
            )
        try:
            local = self.weights is not None
            model = kind.from_pretrained(source, revision=self.revision, local_files_only=local)
        except Exception as error:  # safetensors, the hub and torch each have their own
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UnsungError(
                f"{source} (revision {self.revision}) cannot be loaded: {first}; "
                f"without a network, copy the repository {self.repository} to a folder and name "
                "it with --weights"
            ) from error
        return model.eval()

    def _run(self, samples: FloatArray) -> FloatArray:
        import torch

        hop = self._hop(self._model.config)

        def run(part: FloatArray) -> FloatArray:
            whole = np.pad(part, ((0, 0), (0, -part.shape[1] % hop)))
            with torch.inference_mode():
                made = self._pass(self._model, torch.from_numpy(np.ascontiguousarray(whole))[None])
            return np.asarray(made[0].numpy(), dtype=np.float32)

        chunk, context = (round(s * self.sample_rate_hz) for s in (_CHUNK_S, _CONTEXT_S))
        return in_chunks(samples, run, hop, chunk, context)

    def _origin(self) -> dict[str, Any]:
        commit = getattr(self._model.config, "_commit_hash", None) or self.revision
        if self.weights is not None:
            digest, commit = hash_files(self.weights, _WEIGHTS), "local"
        else:
            from transformers.utils.hub import cached_file

            file = cached_file(self.repository, "model.safetensors", revision=self.revision)
            digest = hash_files(Path(str(file)))
        return {"model": self.repository, "revision": commit, "weights_sha256": digest}

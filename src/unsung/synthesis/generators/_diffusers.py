# SPDX-License-Identifier: MIT
"""What generators on diffusers share: settings, loading, seeding."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from unsung.errors import MissingExtra
from unsung.synthesis.generators._torch import choose_device, choose_dtype, weights_sha256
from unsung.synthesis.generators.base import Generator, NotReady

__all__ = ["DiffusersGenerator"]


class DiffusersGenerator(Generator):
    """A pipeline of diffusers; a subclass names its class and calls it."""

    EXTRA: ClassVar[str] = "generators"
    PIPELINE: ClassVar[str]

    @cached_property
    def pipeline(self) -> Any:
        """The loaded pipeline, on its device."""
        try:
            import diffusers
        except ModuleNotFoundError as error:
            need = f"the generator '{self.name}'"
            raise MissingExtra("diffusers", self.EXTRA, need) from error
        device = choose_device(self.settings["device"])
        kind = getattr(diffusers, self.PIPELINE, None)
        if kind is None:
            raise NotReady(
                f"{self.name}: this diffusers has no {self.PIPELINE}; install another version of it"
            )
        name = self.settings["model"]
        try:
            loaded = kind.from_pretrained(name, revision=self.settings["revision"])
        except (OSError, ValueError) as error:
            first = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
            raise NotReady(
                f"{self.name}: the model '{name}' could not be loaded ({first}); accept its "
                "licence on the hub and log in (hf auth login), or give --model a local folder"
            ) from error
        if hasattr(loaded, "set_progress_bar_config"):
            loaded.set_progress_bar_config(disable=True)
        return loaded.to(device, choose_dtype(self.settings["dtype"], device))

    def provenance(self) -> dict[str, Any]:
        """Add the hash of local weights and the device."""
        return {
            **super().provenance(),
            "weights_sha256": weights_sha256(self.settings["model"]),
            "device": choose_device(self.settings["device"]),
        }

    def _noise(self, seed: int) -> Any:
        """Return a seeded source of noise on the CPU, the same for every device."""
        import torch

        return torch.Generator("cpu").manual_seed(seed)

    def _shared(self, seed: int) -> dict[str, Any]:
        """Return the arguments that every audio pipeline of diffusers takes."""
        return {
            "negative_prompt": self.settings["negative_prompt"] or None,
            "num_inference_steps": self.settings["steps"],
            "guidance_scale": self.settings["guidance_scale"],
            "generator": self._noise(seed),
        }

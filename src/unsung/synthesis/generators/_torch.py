# SPDX-License-Identifier: MIT
"""What generators on torch share: device and number type, seeding, the hash of local weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unsung.errors import UsageError

__all__ = ["choose_device", "choose_dtype", "seeded", "weights_sha256"]

_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt")


def choose_device(wanted: str) -> str:
    """Return a torch device: as asked, or the first GPU, or the CPU for "auto"."""
    import torch

    if wanted != "auto":
        if wanted.startswith("cuda") and not torch.cuda.is_available():
            raise UsageError(
                f"expected a device that is here, got {wanted}: torch finds no CUDA GPU; "
                "leave device=auto, or set device=cpu"
            )
        return wanted
    return "cuda" if torch.cuda.is_available() else "cpu"


def choose_dtype(wanted: str, device: str) -> Any:
    """Return a torch number type: half precision on a GPU for "auto", single elsewhere."""
    import torch

    if wanted == "auto":
        return torch.float16 if device.startswith("cuda") else torch.float32
    known = ("float32", "float16", "bfloat16")
    if wanted not in known:
        raise UsageError(f"expected dtype auto, {', '.join(known)}; got {wanted}")
    return getattr(torch, wanted)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch inside, and leave its random state as it was found."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def weights_sha256(model: str) -> str:
    """Hash the weight files of a local folder, in order of name; empty for a hub name."""
    folder = Path(model)
    if not folder.is_dir():
        return ""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.suffix in _WEIGHTS):
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()

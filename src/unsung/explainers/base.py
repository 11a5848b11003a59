# SPDX-License-Identifier: MIT
"""The contract of an explainer: a subject in, relevance over Hz and seconds out.

Relevance carries logits, positive towards the target. The gap (logit − baseline − sum) is part of
every `Explanation`: a method that promises completeness shows how far it missed, one that only
ranks shows that too. No explainer changes the detector.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from unsung import registry
from unsung.errors import UnknownName
from unsung.explainers._subject import Subject
from unsung.types import Explanation, FloatArray

__all__ = ["Explainer", "build"]


class Explainer(ABC):
    """One way to tell which part of a sound made its logit.

    Class attributes:
        needs: what the detector must offer, a key of `_fit.NEEDS`.
        complete: whether relevance and baseline add up to the logit, but for a stated gap.
    """

    CAPABILITY: ClassVar[bool] = True
    needs: ClassVar[str] = "nothing"
    complete: ClassVar[bool] = True

    def __call__(self, subject: Subject, target: str = "ai") -> Explanation:
        """Explain a clip's logit.

        Args:
            subject: the clip and the detector.
            target: "ai", or "human" for what speaks against AI (all signs turned round).

        Raises:
            UnknownName: another target.
            UsageError: the detector does not offer what the method needs.
        """
        relevance, baseline = self._relevance(subject)
        return subject.explanation(relevance, baseline, target)

    @abstractmethod
    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        """Return relevance of each plane ``[channel, freq, frame]`` and the baseline's logit."""


def build(name: str, settings: Mapping[str, Any] | None = None) -> Explainer:
    """Make an explainer from its registered name and its settings.

    Raises:
        UnknownName: no explainer, or no setting, of that name.
    """
    kind = registry.get("explainers", name)
    known = [p for p in inspect.signature(kind).parameters if p not in ("args", "kwargs")]
    for key in settings or {}:
        if key not in known:
            raise UnknownName(f"setting of {name}", key, known)
    explainer: Explainer = kind(**dict(settings or {}))
    return explainer

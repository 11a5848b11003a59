# SPDX-License-Identifier: MIT
"""From a logit back to relevance over Hz and seconds, one file a method.

A `Subject` is what gets explained: a clip's pictures with their axes and the function that makes a
logit of them. The packaged detectors are explained exactly and without torch.
"""

from unsung.explainers._bundle import subject_of_bundle
from unsung.explainers._check import CHECKED, CheckRow, check_explainers
from unsung.explainers._counterfactual import Counterfactual, counterfactual
from unsung.explainers._explainable import Explainable, OfBundle, OfNetwork
from unsung.explainers._listen import Listening, listen
from unsung.explainers._story import Explained, explain
from unsung.explainers._subject import Plane, Subject
from unsung.explainers.base import Explainer, build

__all__ = [
    "CHECKED",
    "CheckRow",
    "Counterfactual",
    "Explainable",
    "Explained",
    "Explainer",
    "Listening",
    "OfBundle",
    "OfNetwork",
    "Plane",
    "Subject",
    "build",
    "check_explainers",
    "counterfactual",
    "explain",
    "listen",
    "subject_of_bundle",
]

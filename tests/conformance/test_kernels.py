# SPDX-License-Identifier: MIT
"""Other processors, played by this one: the numbers hold with the kernels that those would take.

NumPy, OpenBLAS, oneDNN, torch and MKL choose their arithmetic by processor; each can be held to
less than this one has. What is new on a later processor is not tested here.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import unsung

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = (
    "tests/runtime/test_bundle.py::test_golden_scores",
    "tests/conformance/test_frontends.py::test_engines_agree",
    "tests/frontends",
    "tests/relevance",
    "tests/detectors",
    "tests/export/test_bundle.py",
)
KERNELS = {
    "no vectors beyond SSE": {
        "OPENBLAS_CORETYPE": "Prescott",
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "OMP_NUM_THREADS": "1",
    },
    "AVX2 and two threads": {
        "OPENBLAS_CORETYPE": "Zen",
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "OMP_NUM_THREADS": "2",
    },
}


def refused(setting: str) -> str:
    """Name NumPy's kernels that a setting does without, of those that it finds here."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    wide = ("X86_V4", "AVX512")
    return " ".join(f for f in found if "SSE" in setting or f.startswith(wide))


@pytest.mark.slow
@pytest.mark.parametrize("setting", KERNELS)
def test_numbers_hold_with_other_kernels(setting):
    env = {
        **os.environ,
        **KERNELS[setting],
        "NPY_DISABLE_CPU_FEATURES": refused(setting),
        "PYTHONPATH": str(Path(unsung.__file__).parents[1]),
    }
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not slow", *NUMBERS]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]

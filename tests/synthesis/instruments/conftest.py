# SPDX-License-Identifier: MIT
"""What needs FluidSynth and a SoundFont is skipped, loudly, where they are missing."""

from pathlib import Path

import pytest

from unsung.errors import MissingTool
from unsung.synthesis.instruments.render import check_programs, find_soundfont


@pytest.fixture(scope="session")
def soundfont() -> Path:
    try:
        path = find_soundfont()
        check_programs((0,), path)
    except MissingTool as error:
        pytest.skip(str(error))
    return path

# SPDX-License-Identifier: MIT
"""unsung tells AI-generated music from human recordings, tests its own verdict, and shows why."""

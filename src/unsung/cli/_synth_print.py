# SPDX-License-Identifier: MIT
"""Prints for `unsung synth generate|prompts|lyrics`: progress, lists, who wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unsung.cli._console import ProgressLine, tell

if TYPE_CHECKING:
    from unsung.synthesis.generate import Progress
    from unsung.synthesis.lyrics import Writer

__all__ = ["Line", "by", "print_generators", "print_words"]


class Line(ProgressLine):
    """A progress line of generating and writing."""

    def show_generation(self, state: Progress) -> None:
        """Draw how far a generation is."""
        from unsung.core.text import clock

        done = state.made + state.kept + state.failed
        words = f"{done}/{state.total} clips, {state.failed} failed, {clock(state.left_s)} left"
        self.draw(words)

    def show_writing(self, done: int, failed: int, n: int) -> None:
        """Draw how far the writing is."""
        self.draw(f"{done}/{n} prompts, {failed} failed")


def by(writer: Writer) -> str:
    """Say who wrote and, for a language model, what it took."""
    told: Any = writer
    if writer.name == "grammar":
        return f"lyrics by the embedded grammar ({writer.model}); --writer endpoint asks a model"
    return (
        f"lyrics by {writer.model}: {told.requests} requests, {told.tokens} tokens, "
        f"{told.from_cache} from the cache"
    )


def print_generators() -> None:
    """Print every generator with its licence and what it lacks here."""
    from unsung.synthesis.generators.base import survey

    for name, info, lack in survey():
        gpu = f"{info.gpu_gb:g} GB of GPU memory" if info.gpu_gb else "GPU memory unstated"
        sings = "sings" if info.sings else "instrumental"
        tell(
            f"{name}: {info.title}, {sings}, up to {info.longest_s:g} s, "
            f"weights {info.licence}, {gpu}"
        )
        tell(f"  needs: {info.needs}")
        tell(f"  here:  {lack or 'ready'}")


def print_words() -> None:
    """Print what prompts and lyrics are drawn from."""
    from unsung.synthesis.lyrics import forms, moods, topics
    from unsung.synthesis.prompts import genres

    for what, names in (("genres", genres), ("moods", moods), ("topics", topics), ("forms", forms)):
        tell(f"{what}: {', '.join(names())}")

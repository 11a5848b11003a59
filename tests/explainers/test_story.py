# SPDX-License-Identifier: MIT
"""One song from file to explanation: parts, verdicts, what turns them, and errors that help."""

from pathlib import Path

import numpy as np
import pytest

from unsung.audio import signals
from unsung.audio.write import write
from unsung.errors import AudioError, SilentAudio, UnknownName, UsageError
from unsung.explainers import explain
from unsung.explainers._story import judge, read_part
from unsung.runtime import load_bundle
from unsung.synthesis.decoder import resynthesise
from unsung.synthesis.render import render
from unsung.synthesis.score import compose
from unsung.types import Clip


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    """Eight seconds of a piece through a strided decoder, as `unsung demo` writes them."""
    played = render(compose("guitar", 0), 0)
    part = Clip(played.samples[:, 4 * 44100 : 12 * 44100], 44100)
    path = tmp_path_factory.mktemp("songs") / "guitar-decoded.wav"
    write(path, resynthesise(part, (8, 5, 4, 2), 0))
    return str(path)


def test_a_song_is_explained_and_its_verdict_turned(song):
    found = explain(song, seconds=8.0)
    # What is judged also holds the search over shifts and the second model, which only add.
    assert 0 <= found.judged.logit - found.explanation.logit + 5e-3 < 2.0
    assert abs(found.explanation.gap) < 1e-3 and found.complete
    assert sum(row.relevance for row in found.bands()) == pytest.approx(
        float(found.explanation.relevance.sum()), abs=1e-3
    )
    assert sum(row.relevance for row in found.times()) == pytest.approx(
        float(found.explanation.relevance.sum()), abs=1e-3
    )
    assert found.bands()[0].low == 0.0 and found.bands()[-1].high >= 8000.0
    for turn in found.counterfactuals:
        assert turn.before.verdict == found.judged.verdict != turn.after.verdict
        assert 0 < turn.removed_hz <= turn.high_hz - turn.low_hz + 2
        assert abs(turn.control.logit - turn.before.logit) < abs(
            turn.after.logit - turn.before.logit
        )
    assert found.counterfactuals, "some band turns this verdict"


def test_the_part_is_the_middle_or_the_one_asked_for(song):
    assert read_part(song, None, 2.0).start_s == pytest.approx(3.0, abs=0.01)
    assert read_part(song, 5.0, 2.0).start_s == 5.0
    assert read_part(song, None, 60.0).duration_s == pytest.approx(8.0, abs=0.01)
    later = explain(song, start_s=4.0, seconds=4.0, turn=False)
    assert later.explanation.times_s[0] > 4.0 and later.counterfactuals == ()


def test_of_a_file_cut_short_there_is_the_beginning(song, tmp_path):
    data = Path(song).read_bytes()
    cut = tmp_path / "cut.wav"
    cut.write_bytes(data[: len(data) // 4])  # its header promises 8 s, the middle is gone
    clip = read_part(str(cut), None, 2.0)
    assert (clip.start_s, clip.duration_s) == (0.0, pytest.approx(2.0, abs=0.05))
    with pytest.raises(AudioError):
        read_part(str(cut), 5.0, 2.0)


def test_judging_is_what_a_scan_does(song):
    from unsung.scanning.one import score_file

    score, _ = score_file(song)
    ours = judge(load_bundle(), read_part(song, 0.0, 100.0))
    assert ours.logit == pytest.approx(score.logit, abs=1e-3) and ours.verdict == score.verdict


def test_bad_input_is_told(song, tmp_path):
    with pytest.raises(UnknownName, match="did you mean 'occlusion'"):
        explain(song, "oclusion")
    with pytest.raises(UsageError, match="more than 0 s"):
        explain(song, seconds=0)
    with pytest.raises(UsageError, match="a start from 0 s"):
        explain(song, start_s=-1)
    with pytest.raises(AudioError):
        explain(str(tmp_path / "no.mp3"))
    with pytest.raises(UnknownName, match="no bundle named 'defualt'"):
        explain(song, detector="defualt")
    quiet = tmp_path / "quiet.wav"
    write(quiet, Clip(np.zeros((1, 80000), np.float32), 16000))
    with pytest.raises(SilentAudio):
        explain(str(quiet))


def test_short_sound_is_explained_too(tmp_path):
    path = tmp_path / "short.wav"
    write(path, Clip(signals.noise(0, 0.6, 16000, 0.1)[None], 16000))
    found = explain(str(path), turn=False)
    assert found.explanation.relevance.shape[2] == 1 and found.judged.verdict == "undecided"

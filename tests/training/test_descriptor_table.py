# SPDX-License-Identifier: MIT
"""The table of descriptors: its header, files left out, both formats, and a detector from it."""

import csv

import numpy as np
import pytest
import soundfile

from unsung.errors import ManifestError, UsageError
from unsung.types import Track

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from unsung.frontends.descriptors import Descriptors
from unsung.training.descriptor_table import (
    describe,
    fit_descriptors,
    read_descriptors,
    write_descriptors,
)

RATE = 16000
HEADER = ["file", "label", "centroid", "entropy", *(f"mfcc_{i}" for i in range(13))]


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    """Dull noise labelled human, bright noise labelled ai; ten groups of both."""
    folder = tmp_path_factory.mktemp("sound")
    rows = []
    for index in range(20):
        noise = 0.1 * np.random.default_rng(index).standard_normal(RATE + 1)
        label = ("human", "ai")[index % 2]
        sound = noise[1:] + (0.5 if label == "human" else -0.5) * noise[:-1]
        path = folder / f"{index}.wav"
        soundfile.write(path, sound, RATE, subtype="FLOAT")
        rows.append(Track(str(index), str(path), label, group=f"g{index // 2}"))
    return rows


def test_header_rows_and_values(tracks, tmp_path):
    found = describe(tracks[:3])
    write_descriptors(found.table, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open() as stream:
        lines = list(csv.reader(stream))
    assert lines[0] == HEADER
    assert [line[0] for line in lines[1:]] == [t.path for t in tracks[:3]]
    assert [line[1] for line in lines[1:]] == ["human", "ai", "human"]
    sound, _ = soundfile.read(tracks[1].path, dtype="float32")
    expected = Descriptors()(sound[None]).ravel()
    np.testing.assert_array_equal(np.array(lines[2][2:], "f4"), expected)
    assert found.audio_s == pytest.approx(3.0)
    assert found.cpu_s > 0


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_both_formats_come_back_exactly(tracks, tmp_path, name):
    pytest.importorskip("pyarrow")
    pytest.importorskip("transformers")
    table = describe(tracks[:4], checkpoint="random-tiny").table
    assert table.columns[-1] == "emb_31"
    write_descriptors(table, tmp_path / name)
    again = read_descriptors(tmp_path / name)
    assert (again.files, again.labels, again.columns) == (table.files, table.labels, table.columns)
    np.testing.assert_array_equal(again.values, table.values)


def test_a_bad_file_leaves_the_others(tracks, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"no sound at all")
    bad = Track("bad", str(tmp_path / "bad.wav"), "ai")
    counts = []
    found = describe([tracks[0], bad, tracks[1]], on_progress=lambda *n: counts.append(n))
    assert found.table.files == (tracks[0].path, tracks[1].path)
    assert list(found.problems) == [bad.path]
    assert counts == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(UsageError, match="no file could be used; first: "):
        describe([bad])
    with pytest.raises(UsageError, match="the list is empty"):
        describe([])


@pytest.mark.slow
def test_processes_give_the_same_table(tracks):
    one, two = describe(tracks[:6]), describe(tracks[:6], jobs=2)
    np.testing.assert_array_equal(one.table.values, two.table.values)
    assert two.cpu_s is None


def test_a_detector_from_the_table_hears_the_difference(tracks):
    table = describe(tracks).table
    groups = {t.path: t.group for t in tracks}
    detector, found = fit_descriptors(table, groups)
    assert found.n_groups == 10
    assert max(found.means) == 1.0
    for track in tracks[:4]:
        sound, _ = soundfile.read(track.path, dtype="float32")
        with torch.no_grad():
            logit = float(detector(torch.from_numpy(sound[None])))
        assert (logit > 0) == (track.label == "ai")


def test_wrong_tables_say_what_is_wrong(tracks, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("file,centroid\na,1\n")
    with pytest.raises(ManifestError, match="label"):
        read_descriptors(path)
    path.write_text("file,label,centroid\na,ai,\n")
    with pytest.raises(ManifestError, match="line 2: expected a number in 'centroid'"):
        read_descriptors(path)
    path.write_text("file,label,centroid\n")
    with pytest.raises(ManifestError, match="the table is empty"):
        read_descriptors(path)
    path.write_text("file,label,centroid\na,ai,1\nb,human,2\n")
    with pytest.raises(UsageError, match="name the checkpoint it was made with"):
        fit_descriptors(read_descriptors(path), {})
    (tmp_path / "t.parquet").write_bytes(b"nothing")
    with pytest.raises(ManifestError, match="expected a Parquet table"):
        read_descriptors(tmp_path / "t.parquet")

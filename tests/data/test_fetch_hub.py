# SPDX-License-Identifier: MIT
"""Fetching from a local server that speaks the API of a Hugging Face hub."""

import io
import runpy
import zipfile
from pathlib import Path

import pytest

from unsung.data.datasets.base import Download
from unsung.data.fetch import fetch, fetch_files
from unsung.data.fetch_web import Settings
from unsung.errors import FetchError, UsageError

pytest.importorskip("huggingface_hub")
SERVERS = runpy.run_path(str(Path(__file__).with_name("datasets") / "servers.py"))


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with SERVERS["serve"](SERVERS["Hub"]) as server:
        yield server


@pytest.fixture
def settings(hub):
    return Settings(timeout_s=5, hub=hub.url)


def archive(**members):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as zipped:
        for name, content in members.items():
            zipped.writestr(name.replace("__", "/"), content)
    return data.getvalue()


def test_one_file(hub, settings, tmp_path):
    hub.files["data/real_songs.csv"] = b"filename\n"
    done = fetch("hf://datasets/jo/music/data/real_songs.csv", tmp_path / "x", settings=settings)
    assert done.files == ("data/real_songs.csv",)
    assert (tmp_path / "x/data/real_songs.csv").read_bytes() == b"filename\n"


def test_a_whole_repository(hub, settings, tmp_path):
    hub.files |= {"README.md": b"# music", "data/a.parquet": b"PAR1"}
    done = fetch("hf://datasets/jo/music", tmp_path / "x", settings=settings)
    assert sorted(done.files) == ["README.md", "data/a.parquet"]


def test_a_pattern_of_archives_that_are_unpacked_and_removed_once(hub, settings, tmp_path):
    hub.files |= {
        "fake_songs/part_01.zip": archive(one="1"),
        "fake_songs/part_02.zip": archive(fake_songs__two="2"),
        "README.md": b"# music",
    }
    files = (Download("hf://datasets/jo/music/fake_songs/*.zip", "", unpack=True),)
    done = fetch_files(files, tmp_path / "x", settings, keep_archives=False)
    assert done.n_unpacked == 2
    found = sorted(p.name for p in (tmp_path / "x/fake_songs").iterdir())
    assert found == ["one", "two"]
    assert not (tmp_path / "x/README.md").exists()
    asked = [path for _, path in hub.log if path.endswith(".zip")]
    fetch_files(files, tmp_path / "x", settings, keep_archives=False)
    assert [path for _, path in hub.log if path.endswith(".zip")] == asked


def test_a_hub_that_is_away_is_no_success_although_the_folder_is_there(hub, settings, tmp_path):
    hub.files["a.bin"] = b"abc"
    fetch("hf://datasets/jo/music", tmp_path / "x", settings=settings)
    hub.faults[("GET", "/api/datasets/jo/music")] = 500
    hub.faults[("GET", "/api/datasets/jo/music/revision/main")] = 500
    with pytest.raises(FetchError, match=r"could not be downloaded"):
        fetch("hf://datasets/jo/music", tmp_path / "x", settings=settings)


def test_a_pattern_that_fits_nothing(hub, settings, tmp_path):
    hub.files["a.bin"] = b"abc"
    with pytest.raises(FetchError, match=r"no file fits '\*.zip'"):
        fetch("hf://datasets/jo/music/*.zip", tmp_path / "x", settings=settings)


def test_a_wrong_checksum(hub, settings, tmp_path):
    hub.files["a.bin"] = b"abc"
    file = Download("hf://datasets/jo/music/a.bin", "a.bin", checksum=f"sha256:{'0' * 64}")
    with pytest.raises(FetchError, match=r"a.bin: expected sha256 000"):
        fetch_files((file,), tmp_path / "x", settings)


def test_a_gated_repository_says_how_to_get_in(hub, settings, tmp_path):
    hub.gated = True
    with pytest.raises(FetchError, match=r"gated; accept its terms .* HF_TOKEN"):
        fetch("hf://datasets/jo/music/a.bin", tmp_path / "x", settings=settings)


def test_no_such_file_and_no_such_repository(hub, settings, tmp_path):
    with pytest.raises(FetchError, match=r"no such file in the repository"):
        fetch("hf://datasets/jo/music/none.csv", tmp_path / "x", settings=settings)
    with pytest.raises(FetchError, match=r"no such dataset, or it is private"):
        fetch("hf://datasets/jo/nothing", tmp_path / "x", settings=settings)


@pytest.mark.parametrize("address", ["hf://models/jo/x", "hf://datasets/jo", "hf://datasets//x"])
def test_wrong_addresses(address, tmp_path, settings):
    with pytest.raises(UsageError, match=r"expected hf://datasets/OWNER/NAME"):
        fetch(address, tmp_path / "x", settings=settings)

# SPDX-License-Identifier: MIT
"""The beets plugin in a real, temporary beets library."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

beets = pytest.importorskip("beets")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def library(tmp_path, pair, monkeypatch):
    """A library of two tracks, and a function that runs `beet` on it."""
    import beetsplug
    from beets import config, plugins, ui
    from beets.library import Item, Library

    monkeypatch.setattr(
        beetsplug,
        "__path__",
        [str(ROOT / "integrations" / "beets" / "beetsplug"), *beetsplug.__path__],
    )
    monkeypatch.setenv("BEETSDIR", str(tmp_path / "beets"))
    music = tmp_path / "music"
    music.mkdir()
    for source, name in zip(pair, ("human", "decoded"), strict=True):
        shutil.copy(source, music / f"{name}.flac")
    config.clear()
    config.read(user=False)
    lib = Library(str(tmp_path / "library.db"), str(music))
    for name in ("human", "decoded"):
        item = Item.from_path(bytes(music / f"{name}.flac"))
        item.title = name
        lib.add(item)
    plugin = load_plugin(plugins)
    monkeypatch.setattr(Item, "_types", {**Item._types, **plugin.item_types})
    monkeypatch.setattr(ui, "print_", lambda *words: printed.append(" ".join(map(str, words))))
    printed = []

    def beet(*words):
        printed.clear()
        (command,) = plugin.commands()
        options, rest = command.parse_args(list(words))
        command.func(lib, options, rest)
        return list(printed)

    return lib, beet, music, plugin


def load_plugin(plugins):
    sys.modules.pop("beetsplug.unsung", None)
    module = importlib.import_module("beetsplug.unsung")
    plugin = module.Unsung()
    assert isinstance(plugin, plugins.BeetsPlugin)
    return plugin


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def by_title(lib):
    return {item.title: item for item in lib.items()}


@pytest.mark.slow
def test_verdicts_are_kept_in_the_library_and_no_file_is_touched(library):
    lib, beet, music, _ = library
    before = bytes_of(music)
    printed = beet()
    items = by_title(lib)
    assert items["decoded"].unsung_verdict == "ai"
    assert items["human"].unsung_verdict != "ai"
    assert items["decoded"].unsung_probability > items["human"].unsung_probability
    assert items["decoded"].unsung_detector.startswith("default-")
    assert items["decoded"].unsung_calibration
    assert len(printed) == 2
    assert all(items["decoded"].unsung_calibration in line for line in printed)
    assert bytes_of(music) == before
    # typed fields: ranges work in queries
    low = items["human"].unsung_probability + 0.01
    assert [i.title for i in lib.items(f"unsung_probability:{low}..")] == ["decoded"]
    assert [i.title for i in lib.items("unsung_verdict:ai")] == ["decoded"]


@pytest.mark.slow
def test_known_tracks_are_left_out_until_file_or_wish_changes(library):
    _, beet, music, _ = library
    assert len(beet("title:human")) == 1
    assert beet("title:human") == []
    assert len(beet("-f", "title:human")) == 1
    os.utime(music / "human.flac", (2_000_000_000, 2_000_000_000))
    assert len(beet("title:human")) == 1


@pytest.mark.slow
def test_pretend_keeps_nothing_and_write_is_the_only_way_into_files(library):
    import mediafile

    lib, beet, music, _ = library
    before = bytes_of(music)
    assert len(beet("--pretend", "--write", "title:decoded")) == 1
    assert "unsung_verdict" not in by_title(lib)["decoded"]
    assert bytes_of(music) == before
    beet("--write", "title:decoded")
    after = bytes_of(music)
    assert after["human.flac"] == before["human.flac"]
    assert after["decoded.flac"] != before["decoded.flac"]
    tags = mediafile.MediaFile(music / "decoded.flac").mgfile.tags
    assert tags["UNSUNG_VERDICT"] == ["ai"]
    item = by_title(lib)["decoded"]
    assert item.mtime == item.current_mtime()
    # a plain `beet write` of the library's other fields writes no verdict
    beet("title:human")
    human = by_title(lib)["human"]
    assert human.unsung_verdict
    human.title = "renamed"
    human.write()
    found = mediafile.MediaFile(music / "human.flac").mgfile.tags
    written = {name.upper(): value for name, value in found}
    assert written["TITLE"] == "renamed"
    assert not any("UNSUNG" in name for name in written)


@pytest.mark.slow
def test_a_broken_file_is_told_and_the_others_go_on(library, caplog):
    lib, beet, music, _ = library
    (music / "human.flac").write_bytes(b"not sound at all")
    with caplog.at_level("WARNING"):
        printed = beet()
    assert len(printed) == 1
    assert "human.flac" in caplog.text
    assert "unsung_verdict" not in by_title(lib)["human"]
    assert by_title(lib)["decoded"].unsung_verdict == "ai"


@pytest.mark.slow
def test_beet_itself_finds_the_plugin(tmp_path, pair, sounds):
    home, music = tmp_path / "beets", tmp_path / "music"
    home.mkdir()
    plugins = ROOT / "integrations" / "beets" / "beetsplug"
    (home / "config.yaml").write_text(
        f"directory: {music}\nlibrary: {home / 'library.db'}\nplugins: unsung\n"
        f"pluginpath: [{plugins}]\nimport: {{copy: yes}}\n"
    )
    around = {**sounds.surroundings(tmp_path / "programs"), "BEETSDIR": str(home)}

    def beet(*words):
        call = [sys.executable, "-c", "from beets.ui import main; main()", *words]
        done = subprocess.run(call, env=around, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    beet("import", "-A", "-q", str(pair[1]))
    assert beet("unsung", "--pretend").startswith("ai ")
    assert beet("ls", "-f", "$unsung_verdict", "unsung_verdict:ai").strip() == ""
    beet("unsung")
    assert beet("ls", "-f", "$unsung_verdict", "unsung_probability:0.5..").strip() == "ai"


def test_the_import_stage_exists_only_when_asked_for(library, monkeypatch):
    from beets import config, plugins

    *_, plugin = library
    assert not plugin.import_stages
    config["unsung"]["auto"] = True
    assert load_plugin(plugins).import_stages


def test_the_command_has_its_options(library):
    *_, plugin = library
    (command,) = plugin.commands()
    text = command.parser.format_help()
    for option in ("--force", "--pretend", "--write"):
        assert option in text
    assert "CHANGES YOUR FILES" in " ".join(text.split())


def test_the_package_names_what_it_needs():
    import tomllib

    facts = tomllib.loads((ROOT / "integrations" / "beets" / "pyproject.toml").read_text())
    assert {need.split(">")[0] for need in facts["project"]["dependencies"]} == {"beets", "unsung"}
    # a namespace package: a file __init__.py would hide beets' own plugins
    assert not (ROOT / "integrations" / "beets" / "beetsplug" / "__init__.py").exists()

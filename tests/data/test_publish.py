# SPDX-License-Identifier: MIT
"""Publishing to local servers that mimic Zenodo and a hub: refusals, resuming, what arrives."""

import csv
import hashlib
import io
import json
import runpy
import zipfile
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from unsung.cli import _data_publish
from unsung.cli._errors import Group
from unsung.data import read_manifest
from unsung.data.cards import About, card, croissant, is_stated, tracks_csv, write_cards
from unsung.data.fetch_web import Settings
from unsung.data.publish import make_plan, stage, stage_archives
from unsung.data.publish_hub import push
from unsung.data.publish_zenodo import deposit, metadata
from unsung.errors import FetchError, ManifestError, UsageError
from unsung.types import Manifest, Track

HERE = Path(__file__).with_name("datasets")
SERVERS = runpy.run_path(str(HERE / "servers.py"))
SOUND = runpy.run_path(str(HERE / "trees.py"))["sound"]
ABOUT = About(
    title="Tiny set",
    description="Two songs & a copy.",
    creators=("Doe, Jo",),
    citation="Doe: Tiny set, 2026",
    homepage="https://example.org",
    date="2026-01-02",
)


@pytest.fixture
def manifest(tmp_path):
    def track(name, label, licence="CC-BY-4.0", **more):
        path = SOUND(tmp_path / "private place" / f"{name}.wav")
        return Track(name, str(path), label, licence=licence, duration_s=0.05, **more)

    return Manifest(
        "tiny",
        "1",
        (
            track("a/one", "human", split="train", segments=((0.0, 0.02, "human"),)),
            track("a/two", "ai", generator="suno|v3", split="test"),
            track("Ünïcode two", "resynth", generator="encodec", split="test"),
        ),
    )


def swap(manifest, number, **changes):
    tracks = list(manifest.tracks)
    tracks[number] = Track.from_dict({**tracks[number].to_dict(), **changes})
    return Manifest(manifest.name, manifest.version, tuple(tracks))


class TestCards:
    def test_croissant_has_what_the_specification_demands(self, manifest):
        facts = croissant(manifest, ABOUT)
        assert facts["conformsTo"] == "http://mlcommons.org/croissant/1.0"
        assert facts["@type"] == "sc:Dataset"
        for key in ("@context", "name", "description", "license", "url", "creator"):
            assert facts[key], key
        assert facts["datePublished"] == "2026-01-02"
        assert facts["version"] == "1.0.0"
        assert facts["creator"][0]["name"] == "Doe, Jo"

    def test_every_field_of_the_records_is_a_column_of_the_table(self, manifest):
        facts, text = croissant(manifest, ABOUT), tracks_csv(manifest)
        header = next(csv.reader(io.StringIO(text)))
        columns = [f["source"]["extract"]["column"] for f in facts["recordSet"][0]["field"]]
        assert columns == header
        (file,) = facts["distribution"]
        assert file["sha256"] == hashlib.sha256(text.encode()).hexdigest()
        sources = {f["source"]["fileObject"]["@id"] for f in facts["recordSet"][0]["field"]}
        assert sources == {file["@id"]}
        assert {f["dataType"] for f in facts["recordSet"][0]["field"]} == {
            "sc:Text",
            "sc:Float",
            "sc:Integer",
        }

    def test_every_word_of_croissant_is_in_the_context(self, manifest):
        facts = croissant(manifest, ABOUT)
        context = facts.pop("@context")
        schema = {"name", "description", "license", "url", "version", "datePublished", "creator"}
        schema |= {"keywords", "distribution", "contentUrl", "contentSize", "encodingFormat"}
        schema |= {"sha256"}  # of schema.org, the default vocabulary

        def words(value):
            if isinstance(value, dict):
                for key, inner in value.items():
                    yield key
                    yield from words(inner)
            elif isinstance(value, list):
                for inner in value:
                    yield from words(inner)

        used = {word for word in words(facts) if not word.startswith("@")}
        assert used - schema <= set(context)

    def test_the_table_reads_back_as_the_same_tracks(self, manifest, tmp_path):
        path = tmp_path / "tracks.csv"
        path.write_text(tracks_csv(manifest), encoding="utf-8")
        again = read_manifest(path)
        assert [t.id for t in again] == [t.id for t in manifest]
        assert [t.generator for t in again] == [t.generator for t in manifest]

    def test_card(self, manifest):
        text = card(manifest, ABOUT)
        head, _, body = text.removeprefix("---\n").partition("\n---\n")
        assert "license: cc-by-4.0" in head
        assert 'pretty_name: "Tiny set"' in head
        assert "- n<1K" in head
        assert "| test | ai | 1 | 0.0 |" in body
        assert "suno\\|v3" in body, "a bar must not break the table"
        assert manifest.sha256 in body

    def test_the_header_is_yaml(self, manifest):
        yaml = pytest.importorskip("yaml")
        head = card(manifest, About(licence="My own, 2026")).split("---")[1]
        values = yaml.safe_load(head)
        assert values["license"] == "other"
        assert values["license_name"] == "My own, 2026"
        assert values["configs"] == [{"config_name": "default", "data_files": "tracks.csv"}]

    def test_files_beside_a_manifest(self, manifest, tmp_path):
        paths = write_cards(manifest, tmp_path / "tiny.jsonl", ABOUT)
        assert [p.name for p in paths] == [
            "tiny.README.md",
            "tiny.croissant.json",
            "tiny.tracks.csv",
        ]
        facts = json.loads(paths[1].read_text(encoding="utf-8"))
        table = paths[1].parent / facts["distribution"][0]["contentUrl"]
        digest = hashlib.sha256(table.read_bytes()).hexdigest()
        assert digest == facts["distribution"][0]["sha256"]
        before = [p.read_bytes() for p in paths]
        assert [p.read_bytes() for p in write_cards(manifest, tmp_path / "tiny.jsonl", ABOUT)] == (
            before
        )

    @pytest.mark.parametrize("words", ["", "unknown", "None stated", " unstated "])
    def test_words_that_state_no_licence(self, words):
        assert not is_stated(words)


class TestPlan:
    def test_no_path_of_this_machine_goes_out(self, manifest, tmp_path):
        plan = make_plan(manifest, ABOUT)
        assert [t.path for t in plan.manifest] == [
            "audio/a/one.wav",
            "audio/a/two.wav",
            "audio/Ünïcode_two.wav",
        ]
        parts = stage(plan, tmp_path / "out")
        for part in parts:
            assert b"private place" not in Path(part.path).read_bytes()

    def test_names_stay_unique_also_where_case_does_not_count(self, manifest):
        both = swap(swap(manifest, 0, id="x:1"), 1, id="X_1")
        names = [t.path for t in make_plan(both, ABOUT).manifest]
        assert names[:2] == ["audio/x_1.wav", "audio/X_1-2.wav"]

    @pytest.mark.parametrize("name", ["../../evil", "/etc/x", "..", "a/../../b"])
    def test_an_id_cannot_lead_out_of_the_folder(self, manifest, name):
        path = make_plan(swap(manifest, 0, id=name), ABOUT).manifest.tracks[0].path
        assert path.startswith("audio/")
        assert ".." not in path.split("/")

    def test_sound_without_a_stated_licence_is_refused(self, manifest):
        unclear = swap(manifest, 1, licence="none stated")
        about = About(licence="CC-BY-4.0", creators=("Doe, Jo",))
        with pytest.raises(ManifestError, match=r"1 of 3 .*\(a/two\).*--manifest-only"):
            make_plan(unclear, about)
        plan = make_plan(unclear, about, manifest_only=True)
        assert plan.sounds == ()
        assert len(plan.manifest) == 3

    def test_missing_sound(self, manifest):
        Path(manifest.tracks[2].path).unlink()
        with pytest.raises(ManifestError, match=r"expected the sound of 'Ünïcode two'"):
            make_plan(manifest, ABOUT)
        assert make_plan(manifest, ABOUT, manifest_only=True).size_bytes == 0

    def test_no_creator(self, manifest):
        with pytest.raises(UsageError, match=r'--creator "Family, Given"'):
            make_plan(manifest, About())

    def test_several_licences_need_one_for_the_whole(self, manifest):
        mixed = swap(manifest, 1, licence="CC0-1.0")
        with pytest.raises(UsageError, match=r"none, or several in the manifest; give --licence"):
            make_plan(mixed, ABOUT)
        plan = make_plan(mixed, About(licence="CC-BY-4.0", creators=("Doe, Jo",)))
        assert "other licences than CC-BY-4.0: CC0-1.0" in plan.notes[0]

    def test_archives_hold_the_published_names_and_are_the_same_twice(self, manifest, tmp_path):
        plan = make_plan(manifest, ABOUT)
        one = plan.sounds[0].size_bytes
        first = stage_archives(plan, tmp_path / "a", zip_bytes=2 * one)
        again = stage_archives(plan, tmp_path / "b", zip_bytes=2 * one)
        assert len(first) == 2
        assert [p.sha256 for p in first] == [p.sha256 for p in again]
        with zipfile.ZipFile(first[0].path) as zipped:
            assert zipped.namelist() == ["audio/a/one.wav", "audio/a/two.wav"]
            assert zipped.read("audio/a/one.wav") == Path(manifest.tracks[0].path).read_bytes()

    def test_what_was_published_reads_as_a_manifest_with_its_sound(self, manifest, tmp_path):
        plan = make_plan(manifest, ABOUT)
        stage(plan, tmp_path / "out")
        for part in stage_archives(plan, tmp_path / "out"):
            with zipfile.ZipFile(part.path) as zipped:
                zipped.extractall(tmp_path / "out")
        again = read_manifest(tmp_path / "out/manifest.jsonl")
        assert all(Path(track.path).is_file() for track in again)
        assert again.tracks[0].segments == ((0.0, 0.02, "human"),)
        for line in (tmp_path / "out/SHA256SUMS").read_text(encoding="utf-8").splitlines():
            digest, name = line.split("  ", 1)
            data = (tmp_path / "out" / name).read_bytes()
            assert hashlib.sha256(data).hexdigest() == digest


@pytest.fixture
def zenodo():
    with SERVERS["serve"](SERVERS["Zenodo"]) as server:
        yield server


class TestZenodo:
    def send(self, server, manifest, tmp_path, *, token="secret", publish=True, retries=2):
        plan = make_plan(manifest, ABOUT)
        out = tmp_path / "out"
        settings = Settings(
            timeout_s=5, retries=retries, zenodo_api=f"{server.url}/api", sleep=lambda _: None
        )
        return deposit(
            [*stage(plan, out), *stage_archives(plan, out)],
            metadata(plan.about, "1"),
            out / "zenodo.json",
            token,
            settings,
            publish=publish,
        )

    def test_a_record_arrives_whole(self, zenodo, manifest, tmp_path):
        done = self.send(zenodo, manifest, tmp_path)
        assert done.published
        assert done.doi == "10.5072/zenodo.100"
        (draft,) = zenodo.drafts.values()
        assert draft["submitted"]
        assert draft["metadata"]["title"] == "Tiny set"
        assert draft["metadata"]["license"] == "cc-by-4.0"
        assert draft["metadata"]["description"] == "<p>Two songs &amp; a copy.</p>"
        assert {"manifest.jsonl", "README.md", "croissant.json", "tracks.csv"} < set(draft["files"])
        assert any(name.startswith("audio-000") for name in draft["files"])

    def test_an_interrupted_upload_goes_on_in_the_same_draft(self, zenodo, manifest, tmp_path):
        zenodo.faults[("PUT", "/api/files/100/tracks.csv")] = 500
        with pytest.raises(FetchError, match=r"500 .*the draft is kept"):
            self.send(zenodo, manifest, tmp_path, retries=0)
        done = self.send(zenodo, manifest, tmp_path)
        assert len(zenodo.drafts) == 1
        assert "manifest.jsonl" in done.kept
        assert "tracks.csv" in done.sent
        sent = [path for verb, path in zenodo.log if verb == "PUT"]
        assert sent.count("/api/files/100/manifest.jsonl") == 1

    def test_a_passing_fault_is_tried_again_from_the_files_beginning(
        self, zenodo, manifest, tmp_path
    ):
        zenodo.faults[("PUT", "/api/files/100/tracks.csv")] = 503
        self.send(zenodo, manifest, tmp_path)
        plan = make_plan(manifest, ABOUT)
        assert zenodo.drafts[100]["files"]["tracks.csv"].decode() == tracks_csv(plan.manifest)

    def test_a_file_that_arrives_damaged_is_noticed(self, zenodo, manifest, tmp_path):
        zenodo.damage = "croissant.json"
        with pytest.raises(FetchError, match=r"croissant.json: expected md5 .* to arrive"):
            self.send(zenodo, manifest, tmp_path)
        assert not zenodo.drafts[100]["submitted"]
        assert "croissant.json" in self.send(zenodo, manifest, tmp_path).sent

    def test_a_draft_is_not_published(self, zenodo, manifest, tmp_path):
        done = self.send(zenodo, manifest, tmp_path, publish=False)
        assert not done.published
        assert not zenodo.drafts[100]["submitted"]
        self.send(zenodo, manifest, tmp_path)
        assert len(zenodo.drafts) == 1, "publishing later uses the draft"

    def test_after_publication_a_new_version_is_a_new_record(self, zenodo, manifest, tmp_path):
        self.send(zenodo, manifest, tmp_path)
        self.send(zenodo, manifest, tmp_path)
        assert len(zenodo.drafts) == 2

    def test_a_draft_that_was_published_on_its_page_is_not_touched(
        self, zenodo, manifest, tmp_path
    ):
        self.send(zenodo, manifest, tmp_path, publish=False)
        zenodo.drafts[100]["submitted"] = True
        assert self.send(zenodo, manifest, tmp_path).doi == "10.5072/zenodo.101"

    def test_a_bucket_on_another_server_gets_neither_token_nor_files(
        self, zenodo, manifest, tmp_path
    ):
        zenodo.bucket = "http://127.0.0.2:9/files"
        with pytest.raises(FetchError, match=r"a bucket elsewhere; the token stays here"):
            self.send(zenodo, manifest, tmp_path)

    def test_wrong_and_missing_token(self, zenodo, manifest, tmp_path):
        with pytest.raises(FetchError, match=r"401 .*the token is not valid here"):
            self.send(zenodo, manifest, tmp_path, token="wrong")
        with pytest.raises(UsageError, match=r"no token; .*ZENODO_TOKEN"):
            self.send(zenodo, manifest, tmp_path, token="")

    def test_the_message_of_a_refusal_is_shown(self, zenodo, manifest, tmp_path):
        zenodo.faults[("PUT", "/api/deposit/depositions/100")] = 400
        with pytest.raises(FetchError, match=r"400 .*as planned.*correct the named field"):
            self.send(zenodo, manifest, tmp_path)

    def test_the_token_is_never_sent_in_the_clear(self, manifest, tmp_path):
        settings = Settings(zenodo_api="http://example.org/api")
        with pytest.raises(UsageError, match=r"only sent over https"):
            deposit([], {}, tmp_path / "x.json", "secret", settings)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    with SERVERS["serve"](SERVERS["Hub"]) as server:
        yield server


class TestHub:
    def send(self, server, manifest, tmp_path, token="hf_secret"):
        plan = make_plan(manifest, ABOUT)
        parts = [*stage(plan, tmp_path / "out"), *plan.sounds]
        return push(parts, "jo/music", token, server.url)

    def test_a_dataset_arrives_whole_and_private(self, hub, manifest, tmp_path):
        done = self.send(hub, manifest, tmp_path)
        assert hub.made["type"] == "dataset"
        assert hub.made.get("private") is True or hub.made.get("visibility") == "private"
        assert hub.files["audio/a/one.wav"] == Path(manifest.tracks[0].path).read_bytes()
        assert hub.files["README.md"].decode() == card(make_plan(manifest, ABOUT).manifest, ABOUT)
        assert len(done.sent) == 8

    def test_sound_that_is_there_is_not_sent_again(self, hub, manifest, tmp_path):
        self.send(hub, manifest, tmp_path)
        del hub.files["audio/a/two.wav"]
        done = self.send(hub, manifest, tmp_path)
        assert "audio/a/two.wav" in done.sent
        assert set(done.kept) == {"audio/a/one.wav", "audio/Ünïcode_two.wav"}

    def test_a_refusal(self, hub, manifest, tmp_path):
        hub.faults[("POST", "/api/datasets/jo/music/commit/main")] = 403
        with pytest.raises(FetchError, match=r"not published completely.*0 files arrived"):
            self.send(hub, manifest, tmp_path)

    def test_wrong_name_and_no_token(self, manifest):
        with pytest.raises(UsageError, match=r"expected a repository as OWNER/NAME"):
            push([], "music", "x")
        with pytest.raises(UsageError, match=r"no token"):
            push([], "jo/music", "")


@pytest.fixture
def run():
    app = typer.Typer(cls=Group, pretty_exceptions_enable=False)
    app.command("publish")(_data_publish.publish)

    @app.callback()
    def root(debug: bool = False):
        pass

    return lambda *words: CliRunner().invoke(app, ["publish", *(str(word) for word in words)])


class TestCommandLine:
    @pytest.fixture
    def path(self, manifest, tmp_path):
        manifest.save(tmp_path / "tiny.jsonl")
        return tmp_path / "tiny.jsonl"

    def test_without_yes_nothing_leaves_the_machine(self, path, zenodo, run, monkeypatch):
        monkeypatch.setenv("ZENODO_API", f"{zenodo.url}/api")
        monkeypatch.setenv("ZENODO_TOKEN", "secret")
        before = sorted(path.parent.iterdir())
        result = run(path, "--zenodo", "--creator", "Doe, Jo")
        assert result.exit_code == 0, result.output
        assert "nothing was sent; add --yes" in result.output
        assert "audio/a/one.wav" in result.output
        assert zenodo.log == []
        assert sorted(path.parent.iterdir()) == before

    def test_yes_sends(self, path, zenodo, run, monkeypatch):
        monkeypatch.setenv("ZENODO_API", f"{zenodo.url}/api")
        monkeypatch.setenv("ZENODO_SANDBOX_TOKEN", "secret")
        result = run(path, "--zenodo", "--sandbox", "--creator", "Doe, Jo", "--yes")
        assert result.exit_code == 0, result.output
        assert "DOI: 10.5072/zenodo.100" in result.output
        assert zenodo.drafts[100]["submitted"]

    def test_hub_as_json(self, path, hub, run, monkeypatch):
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        result = run(path, "--hf", "jo/music", "--creator", "Doe, Jo", "--yes", "--json")
        assert result.exit_code == 0, result.output
        values = json.loads(result.stdout)
        assert values["n_sounds"] == 3
        assert not values["dry_run"]
        assert "audio/a/one.wav" in values["sent"]

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ((), "either --zenodo or --hf"),
            (("--zenodo", "--hf", "jo/x"), "either --zenodo or --hf"),
            (("--hf", "jo/x", "--sandbox"), "belong to Zenodo"),
            (("--zenodo",), "no creator"),
        ],
    )
    def test_wrong_usage_exits_2(self, path, run, words, message):
        result = run(path, *words)
        assert result.exit_code == 2
        assert message in result.output

    def test_help_teaches(self, run):
        result = run("--help")
        assert result.exit_code == 0, result.output
        assert "stays for ever" in " ".join(result.output.split())

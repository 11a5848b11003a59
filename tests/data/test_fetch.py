# SPDX-License-Identifier: MIT
"""Fetching from a local server that resumes, breaks off, lies, limits and refuses."""

import errno
import hashlib
import io
import json
import sys
import tarfile
import threading
import time
import zipfile
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import typer
from typer.testing import CliRunner

from unsung import registry
from unsung.cli import _data_fetch
from unsung.cli._errors import Group
from unsung.data import fetch_http
from unsung.data.datasets.base import Download
from unsung.data.fetch import fetch, fetch_files, wanted
from unsung.data.fetch_http import Remote, get_file
from unsung.data.fetch_unpack import unpack
from unsung.data.fetch_web import Settings, open_url
from unsung.errors import DatasetError, FetchError, MissingExtra, UnknownName, UsageError

pytest.importorskip("pooch")
DATA = bytes(range(256)) * 2000  # 512 kB
SHA = "sha256:" + hashlib.sha256(DATA).hexdigest()


class Site(BaseHTTPRequestHandler):
    """Serves `files`; `plan` holds, for each path, what goes wrong with the next requests."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.log.append((self.path, self.headers.get("Range", "")))
        self.server.tokens.append(self.headers.get("Authorization", ""))
        plan = self.server.plan.get(self.path) or []
        fault = plan.pop(0) if plan else ""
        if isinstance(fault, int):
            headers = {"Retry-After": self.server.wait} if fault == 429 else {}
            return self._answer(fault, b"", headers)
        if fault == "redirect":
            return self._answer(302, b"", {"Location": "/elsewhere"})
        if fault == "redirect to file":
            return self._answer(302, b"", {"Location": "file:///etc/passwd"})
        data = self.server.files.get(self.path)
        if data is None:
            return self._answer(404, b"")
        tag = {"ETag": f'"{hashlib.md5(data).hexdigest()}"'}
        start = self._start(tag["ETag"])
        if fault == "ignore range":
            start = None
        if start is not None and start >= len(data):
            return self._answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        if start is not None:
            span = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
            return self._answer(206, data[start:], {**tag, **span}, fault)
        return self._answer(200, data, tag, fault)

    def _start(self, tag):
        span, condition = self.headers.get("Range", ""), self.headers.get("If-Range", "")
        if not span or (condition and condition != tag):
            return None
        return int(span.removeprefix("bytes=").rstrip("-"))

    def _answer(self, code, data, headers=None, fault=""):
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if fault == "break":
            self.wfile.write(data[: len(data) // 3])
            self.wfile.flush()
            self.close_connection = True
            return
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    server.files, server.plan, server.log, server.wait = {}, {}, [], "7"
    server.tokens = []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def waits():
    return []


@pytest.fixture
def settings(site, waits):
    return Settings(
        timeout_s=5, retries=3, zenodo_api=f"{site.url}/api", hub=site.url, sleep=waits.append
    )


def archive(**members):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as zipped:
        for name, content in members.items():
            zipped.writestr(name.replace("__", "/"), content)
    return data.getvalue()


class TestDownload:
    def get(self, site, tmp_path, settings, checksum=SHA, report=lambda *_: None):
        site.files.setdefault("/song.bin", DATA)
        remote = Remote("song.bin", f"{site.url}/song.bin", len(DATA), checksum)
        return get_file(remote, tmp_path, settings, report)

    def test_a_whole_file_and_its_progress(self, site, tmp_path, settings):
        seen = []
        path = self.get(site, tmp_path, settings, report=lambda *step: seen.append(step))
        assert path.read_bytes() == DATA
        assert seen[0] == ("song.bin", 0, len(DATA))
        assert seen[-1] == ("song.bin", len(DATA), len(DATA))
        assert [p.name for p in tmp_path.iterdir()] == ["song.bin"], "nothing else stays"

    def test_what_is_complete_is_not_downloaded_again(self, site, tmp_path, settings):
        self.get(site, tmp_path, settings)
        self.get(site, tmp_path, settings)
        assert len(site.log) == 1

    def test_a_connection_that_breaks_off_is_resumed(self, site, tmp_path, settings, waits):
        site.plan["/song.bin"] = ["break", "break"]
        assert self.get(site, tmp_path, settings).read_bytes() == DATA
        third = len(DATA) // 3
        assert [span for _, span in site.log][:2] == ["", f"bytes={third}-"]
        assert len(waits) == 2

    def test_any_number_of_breaks_is_fine_as_long_as_bytes_come(self, site, tmp_path, settings):
        site.plan["/song.bin"] = ["break"] * 8  # more than the retries
        assert self.get(site, tmp_path, settings).read_bytes() == DATA

    def test_an_interrupted_download_goes_on_in_the_next_call(self, site, tmp_path, settings):
        def interrupt(name, done, total):
            if done > 100_000:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            self.get(site, tmp_path, settings, report=interrupt)
        kept = (tmp_path / "song.bin.part").stat().st_size
        assert kept > 100_000
        assert self.get(site, tmp_path, settings).read_bytes() == DATA
        assert site.log[-1] == ("/song.bin", f"bytes={kept}-")

    def test_a_file_that_changed_meanwhile_is_not_glued_to_the_old_start(
        self, site, tmp_path, settings
    ):
        site.plan["/song.bin"] = ["break"]
        impatient = Settings(timeout_s=5, retries=0, sleep=settings.sleep)
        with pytest.raises(FetchError, match=r"bytes are kept in .*song.bin.part"):
            self.get(site, tmp_path, impatient)
        site.files["/song.bin"] = other = bytes(len(DATA))
        checksum = "md5:" + hashlib.md5(other).hexdigest()
        assert self.get(site, tmp_path, settings, checksum).read_bytes() == other

    def test_a_server_that_cannot_resume_sends_all_again(self, site, tmp_path, settings):
        site.plan["/song.bin"] = ["break", "ignore range"]
        assert self.get(site, tmp_path, settings).read_bytes() == DATA

    def test_all_bytes_were_there_but_not_yet_the_name(self, site, tmp_path, settings):
        (tmp_path / "song.bin.part").write_bytes(DATA)
        assert self.get(site, tmp_path, settings).read_bytes() == DATA

    def test_a_partial_file_longer_than_the_real_one_starts_anew(self, site, tmp_path, settings):
        (tmp_path / "song.bin.part").write_bytes(DATA + b"x")
        assert self.get(site, tmp_path, settings).read_bytes() == DATA

    def test_wrong_bytes_are_deleted_and_named(self, site, tmp_path, settings):
        site.files["/song.bin"] = DATA[:-1] + b"!"
        with pytest.raises(FetchError, match=r"the bytes are not the published ones"):
            self.get(site, tmp_path, settings)
        assert list(tmp_path.iterdir()) == []

    def test_404_is_not_tried_again(self, site, tmp_path, settings, waits):
        site.plan["/song.bin"] = [404]
        with pytest.raises(FetchError, match=r"404 .*the file has moved"):
            self.get(site, tmp_path, settings)
        assert waits == []

    def test_403_says_that_terms_may_have_to_be_accepted(self, site, tmp_path, settings):
        site.plan["/song.bin"] = [403]
        with pytest.raises(FetchError, match=r"403 .*accept its terms"):
            self.get(site, tmp_path, settings)

    def test_429_waits_as_long_as_the_server_asks(self, site, tmp_path, settings, waits):
        site.plan["/song.bin"] = [429, 503]
        assert self.get(site, tmp_path, settings).read_bytes() == DATA
        assert waits == [7.0, 4.0]

    def test_429_with_a_date_and_a_bound(self, site, tmp_path, settings, waits):
        site.wait = formatdate(time.time() + 100_000, usegmt=True)
        site.plan["/song.bin"] = [429]
        self.get(site, tmp_path, settings)
        assert waits == [300.0]

    def test_it_gives_up_after_the_retries(self, site, tmp_path, settings, waits):
        site.plan["/song.bin"] = [500] * 10
        with pytest.raises(FetchError, match=r"500 .*tried 4 times.*run the same command again"):
            self.get(site, tmp_path, settings)
        assert len(waits) == 3

    def test_a_redirect_to_a_file_is_refused(self, site, tmp_path, settings):
        site.plan["/song.bin"] = ["redirect to file"]
        with pytest.raises(FetchError, match=r"302"):
            self.get(site, tmp_path, settings)

    def test_a_token_is_not_sent_on_to_where_a_redirect_leads(self, site):
        site.files |= {"/here": b"x", "/elsewhere": b"y"}
        site.plan["/here"] = ["redirect"]
        with open_url(f"{site.url}/here", {"Authorization": "Bearer secret"}, 5) as answer:
            assert answer.read() == b"y"
        assert site.tokens == ["Bearer secret", ""]

    def test_no_server(self, tmp_path, settings, waits):
        remote = Remote("x", "http://127.0.0.1:9/x")
        with pytest.raises(FetchError, match=r"not reachable"):
            get_file(remote, tmp_path, settings, lambda *_: None)
        assert len(waits) == 3

    def test_other_schemes_are_refused(self, tmp_path, settings):
        with pytest.raises(FetchError, match=r"begins with http"):
            get_file(Remote("x", "file:///etc/passwd"), tmp_path, settings, lambda *_: None)

    def test_a_full_disk_keeps_what_came_and_goes_on_later(
        self, site, tmp_path, settings, monkeypatch
    ):
        real = fetch_http._copy

        def copy(answer, file, have, total, report):
            class Disk:
                def write(self, piece):
                    if file.tell() > 200_000:
                        raise OSError(errno.ENOSPC, "No space left on device")
                    file.write(piece)

                flush = file.flush

            real(answer, Disk(), have, total, report)

        monkeypatch.setattr(fetch_http, "_copy", copy)
        with pytest.raises(FetchError, match=r"the disk is full after \d+ of 512000 bytes"):
            self.get(site, tmp_path, settings)
        kept = (tmp_path / "song.bin.part").stat().st_size
        assert kept > 200_000
        monkeypatch.undo()
        assert self.get(site, tmp_path, settings).read_bytes() == DATA
        assert site.log[-1] == ("/song.bin", f"bytes={kept}-")

    def test_too_little_room_is_said_before_the_download(self, site, tmp_path, settings):
        remote = Remote("big", f"{site.url}/song.bin", 10**18)
        with pytest.raises(FetchError, match=r"needs 1000000000.0 GB more"):
            get_file(remote, tmp_path, settings, lambda *_: None)
        assert site.log == []


class TestUnpack:
    def put(self, tmp_path, data, name="a.zip"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def test_zip(self, tmp_path):
        path = self.put(tmp_path, archive(fma_small__000__x="1", README="2"))
        assert unpack(path, tmp_path) == 2
        assert (tmp_path / "fma_small/000/x").read_text() == "1"

    @pytest.mark.parametrize("ending", ["tar", "tar.gz", "tar.bz2", "tar.xz"])
    def test_tar(self, tmp_path, ending):
        (tmp_path / "in").write_text("sound")
        mode = "w" if ending == "tar" else f"w:{ending.removeprefix('tar.')}"
        with tarfile.open(tmp_path / f"a.{ending}", mode) as tarred:
            tarred.add(tmp_path / "in", "flac_T/T_1.flac")
        assert unpack(tmp_path / f"a.{ending}", tmp_path) == 1
        assert (tmp_path / "flac_T/T_1.flac").read_text() == "sound"

    @pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "C:evil", "..\\evil"])
    def test_names_that_lead_out_are_refused(self, tmp_path, name):
        folder = tmp_path / "corpus"
        path = self.put(folder, archive(**{name: "x"}))
        with pytest.raises(FetchError, match=r"its member .* (leads out|is an absolute)"):
            unpack(path, folder)
        assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.zip", "corpus"]

    def test_a_tar_with_a_link_is_refused(self, tmp_path):
        path = tmp_path / "corpus/a.tar"
        path.parent.mkdir()
        with tarfile.open(path, "w") as tarred:
            link = tarfile.TarInfo("door")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc"
            tarred.addfile(link)
        with pytest.raises(FetchError, match=r"'door' is a link"):
            unpack(path, path.parent)

    def test_a_zip_with_a_link_is_refused(self, tmp_path):
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as zipped:
            item = zipfile.ZipInfo("door")
            item.external_attr = 0o120777 << 16
            zipped.writestr(item, "/etc")
        with pytest.raises(FetchError, match=r"'door' is a link"):
            unpack(self.put(tmp_path, data.getvalue()), tmp_path)

    def test_a_link_that_stands_in_the_folder_is_not_followed_out(self, tmp_path):
        folder = tmp_path / "corpus"
        path = self.put(folder, archive(door__evil="x"))
        (folder / "door").symlink_to(tmp_path)
        with pytest.raises(FetchError, match=r"leads out"):
            unpack(path, folder)
        assert not (tmp_path / "evil").exists()

    def test_a_damaged_archive(self, tmp_path):
        data = bytearray(archive(song="abc" * 1000))
        data[50:60] = b"??????????"
        with pytest.raises(FetchError, match=r"the archive is damaged"):
            unpack(self.put(tmp_path, bytes(data)), tmp_path)
        left = [path.name for path in tmp_path.iterdir()]
        assert left == ["a.zip"], "a file appears whole or not at all"

    def test_a_cut_tar(self, tmp_path):
        (tmp_path / "in").write_bytes(DATA)
        with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tarred:
            tarred.add(tmp_path / "in", "one")
            tarred.add(tmp_path / "in", "two")
        whole = (tmp_path / "a.tar.gz").read_bytes()
        with pytest.raises(FetchError, match=r"the archive is damaged"):
            unpack(self.put(tmp_path, whole[: len(whole) - 600], "b.tar.gz"), tmp_path)
        assert not (tmp_path / "two").exists()

    def test_an_archive_in_a_subfolder(self, tmp_path):
        flat = self.put(tmp_path, archive(x="1"), "fake_songs/part_01.zip")
        deep = self.put(tmp_path, archive(fake_songs__y="2"), "fake_songs/part_02.zip")
        unpack(flat, tmp_path)
        unpack(deep, tmp_path)
        assert (tmp_path / "fake_songs/x").is_file()
        assert (tmp_path / "fake_songs/y").is_file()

    def test_a_second_call_writes_only_what_is_missing(self, tmp_path):
        path = self.put(tmp_path, archive(x="1", y="2"))
        unpack(path, tmp_path)
        before = (tmp_path / "x").stat().st_mtime_ns
        (tmp_path / "y").unlink()
        unpack(path, tmp_path)
        assert (tmp_path / "x").stat().st_mtime_ns == before
        assert (tmp_path / "y").read_text() == "2"


class TestZenodo:
    def record(self, site, **files):
        entries = []
        for name, data in files.items():
            site.files[f"/files/{name}"] = data
            entries.append(
                {
                    "key": name.replace("_zip", ".zip"),
                    "size": len(data),
                    "checksum": f"md5:{hashlib.md5(data).hexdigest()}",
                    "links": {"self": f"{site.url}/files/{name}"},
                }
            )
        site.files["/api/records/123"] = json.dumps({"files": entries}).encode()

    def test_a_whole_record_with_md5_and_unpacking(self, site, tmp_path, settings):
        self.record(site, a_zip=archive(flac__x="sound"), README=b"read me")
        done = fetch_files((Download("zenodo:123", "", unpack=True),), tmp_path, settings)
        assert done.files == ("a.zip", "README")
        assert done.n_unpacked == 1
        assert (tmp_path / "flac/x").read_text() == "sound"

    def test_archives_may_be_removed_and_are_not_fetched_again(self, site, tmp_path, settings):
        self.record(site, a_zip=archive(flac__x="sound"))
        files = (Download("zenodo:123/a.zip", "", unpack=True),)
        fetch_files(files, tmp_path, settings, keep_archives=False)
        assert not (tmp_path / "a.zip").exists()
        asked = len([path for path, _ in site.log if path == "/files/a_zip"])
        fetch_files(files, tmp_path, settings, keep_archives=False)
        assert len([path for path, _ in site.log if path == "/files/a_zip"]) == asked == 1

    def test_wrong_md5(self, site, tmp_path, settings):
        self.record(site, README=b"read me")
        site.files["/files/README"] = b"read mu"
        with pytest.raises(FetchError, match=r"not the published ones"):
            fetch_files((Download("zenodo:123", ""),), tmp_path, settings)

    def test_no_such_file_suggests_the_nearest(self, site, tmp_path, settings):
        self.record(site, a_zip=b"x")
        with pytest.raises(FetchError, match=r"no file named 'b.zip'; did you mean 'a.zip'"):
            fetch_files((Download("zenodo:123/b.zip", ""),), tmp_path, settings)

    def test_the_api_is_busy_once(self, site, tmp_path, settings, waits):
        self.record(site, README=b"read me")
        site.plan["/api/records/123"] = [429]
        fetch_files((Download("zenodo:123", ""),), tmp_path, settings)
        assert waits == [7.0]

    def test_a_record_without_files(self, site, tmp_path, settings):
        site.files["/api/records/123"] = b'{"metadata": {}}'
        with pytest.raises(FetchError, match=r"'files' is missing; .*restricted"):
            fetch_files((Download("zenodo:123", ""),), tmp_path, settings)

    def test_a_name_that_leads_out(self, site, tmp_path, settings):
        self.record(site, **{"../evil": b"x"})
        with pytest.raises(FetchError, match=r"leads out"):
            fetch_files((Download("zenodo:123", ""),), tmp_path, settings)

    def test_a_wrong_address(self, tmp_path, settings):
        with pytest.raises(UsageError, match=r"expected zenodo:RECORD"):
            fetch("zenodo:abc", tmp_path, settings=settings)


class TestFetch:
    def test_an_address_is_fetched_and_unpacked(self, site, tmp_path, settings):
        site.files["/a%20b.zip"] = archive(human__x="sound")
        done = fetch(f"{site.url}/a%20b.zip?download=1".split("?")[0], tmp_path, settings=settings)
        assert done.files == ("a b.zip",)
        assert (tmp_path / "human/x").is_file()

    def test_terms_that_forbid_it_give_the_instructions(self, tmp_path):
        with pytest.raises(DatasetError, match=r"on request.*fill in the request form"):
            fetch("fakeavceleb", tmp_path)

    def test_subsets_choose_the_files(self):
        fma = registry.get("datasets", "fma").info
        assert [f.filename for f in wanted(fma)] == ["fma_metadata.zip", "fma_small.zip"]
        assert [f.filename for f in wanted(fma, "large")] == ["fma_metadata.zip", "fma_large.zip"]
        with pytest.raises(UnknownName, match=r"subset of FMA named 'smal'; did you mean 'small'"):
            wanted(fma, "smal")

    def test_an_unknown_corpus(self, tmp_path):
        with pytest.raises(UnknownName, match=r"did you mean 'sonics'"):
            fetch("sonic", tmp_path)

    def test_a_corpus_end_to_end(self, site, tmp_path, settings, monkeypatch):
        """What a corpus states is fetched, unpacked and read by its adapter."""
        tree = archive(**{"LJSpeech-1.1__metadata.csv": "LJ001-0001|a|a\n"})
        site.files["/lj.zip"] = tree
        kind = registry.get("datasets", "ljspeech")
        file = Download(
            f"{site.url}/lj.zip", "lj.zip", f"md5:{hashlib.md5(tree).hexdigest()}", unpack=True
        )
        monkeypatch.setattr(
            kind, "info", kind.info.from_dict({**kind.info.to_dict(), "downloads": [file]})
        )
        done = fetch("ljspeech", tmp_path, settings=settings)
        assert done.info.licence == "public domain"
        assert [t.id for t in kind(tmp_path).tracks()] == ["LJ001-0001"]

    def test_a_damaged_memory_only_costs_a_check(self, site, tmp_path, settings):
        site.files["/a.zip"] = archive(x="1")
        (tmp_path / ".unsung-fetch.json").write_text("{broken")
        fetch(f"{site.url}/a.zip", tmp_path, settings=settings)
        fetch(f"{site.url}/a.zip", tmp_path, settings=settings)
        assert [path for path, _ in site.log] == ["/a.zip"]

    def test_the_folder_is_a_file(self, tmp_path, settings):
        (tmp_path / "x").write_text("")
        with pytest.raises(UsageError, match=r"cannot be made"):
            fetch("zenodo:1", tmp_path / "x", settings=settings)


@pytest.fixture
def run():
    app = typer.Typer(cls=Group, pretty_exceptions_enable=False)
    app.command("fetch")(_data_fetch.fetch)
    app.command("info")(_data_fetch.info)

    @app.callback()
    def root(debug: bool = False):
        pass

    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


class TestCommandLine:
    def test_fetch(self, site, tmp_path, run):
        site.files["/a.zip"] = archive(x="1")
        result = run("fetch", f"{site.url}/a.zip", "-o", tmp_path)
        assert result.exit_code == 0, result.output
        assert "1 files in" in result.output
        result = run("fetch", f"{site.url}/a.zip", "-o", tmp_path, "--json")
        assert json.loads(result.output)["files"] == ["a.zip"]

    def test_what_may_not_be_fetched_exits_2_with_the_instructions(self, tmp_path, run):
        result = run("fetch", "m6", "-o", tmp_path / "m6")
        assert result.exit_code == 2
        assert "arrange its files as human/ and ai/<generator>/" in result.output
        assert not (tmp_path / "m6").exists()

    def test_info(self, run):
        result = run("info", "fma")
        assert result.exit_code == 0
        for words in ("ISMIR, 2017", "licence:", "fma_metadata/tracks.csv", "small, medium"):
            assert words in result.output
        assert json.loads(run("info", "sonics", "--json").output)["title"] == "SONICS"

    def test_every_corpus_has_its_info(self, run):
        for name in registry.names("datasets"):
            result = run("info", name)
            assert result.exit_code == 0, result.output
            assert "layout:" in result.output

    def test_help_teaches(self, run):
        assert run("info", "--help").exit_code == 0
        result = run("fetch", "--help")
        assert result.exit_code == 0, result.output
        text = " ".join(result.output.split())
        assert "goes on where it ended" in text

    def test_the_progress_line_ends_with_a_newline_when_complete(self, capsys):
        draw = _data_fetch._progress(shown=True)
        draw("song.bin", 5_000_000, 10_000_000)
        draw("song.bin", 10_000_000, 10_000_000)
        said = capsys.readouterr().err
        assert " 50% of 10.0 MB" in said
        assert said.endswith("100% of 10.0 MB\n")
        _data_fetch._progress(shown=False)("song.bin", 1, 2)
        assert capsys.readouterr().err == ""


def test_an_absent_package_is_named_with_its_extra(site, tmp_path, settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(MissingExtra, match=r"'\.\[data\]'"):
        fetch(f"{site.url}/a.zip", tmp_path, settings=settings)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match=r"'\.\[data\]'"):
        fetch("hf://datasets/jo/music", tmp_path, settings=settings)

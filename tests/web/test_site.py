# SPDX-License-Identifier: MIT
from __future__ import annotations

import functools
import hashlib
import http.server
import json
import re
import socket
import struct
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from unsung import reports
from unsung.cli.web import web
from unsung.errors import MissingTool, UsageError
from unsung.runtime import Bundle
from unsung.web import Site, constants, find_runtime, serve, write_extension, write_site
from unsung.web import runtime as runtime_module
from unsung.web.runtime import RUNTIME, WEBGPU, sources
from unsung.web.serve import HEADERS, Handler


@pytest.fixture
def pretend(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    folder.mkdir()
    for name in (*RUNTIME, *WEBGPU):
        (folder / name).write_text(f"// {name}")
    return folder


def build_of(site: Path) -> Any:
    text = (site / "build.js").read_text()
    return json.loads(text.removeprefix("self.BUILD = ").rstrip().removesuffix(";"))


def test_a_site_lists_what_it_holds(pretend: Path, tmp_path: Path) -> None:
    made = write_site(tmp_path / "site", runtime=pretend)
    build = build_of(made.folder)
    for name, digest in build["files"].items():
        assert hashlib.sha256((made.folder / name).read_bytes()).hexdigest() == digest
    there = {
        p.relative_to(made.folder).as_posix()
        for p in made.folder.rglob("*")
        if p.is_file() and not p.name.startswith(".")
    }
    assert there == {*build["files"], *build["lazy"], "sw.js", "build.js"}
    assert sorted(build["lazy"]) == sorted(f"runtime/{name}" for name in WEBGPU)
    assert made.loaded_bytes < made.total_bytes


def test_the_bundle_is_copied_not_retyped(pretend: Path, tmp_path: Path, bundle: Bundle) -> None:
    made = write_site(tmp_path / "site", runtime=pretend)
    for name in ("bundle.json", "model.onnx", "weights.safetensors"):
        copy = (made.folder / "bundle" / name).read_bytes()
        assert copy == (bundle.path / name).read_bytes()
    assert json.loads((made.folder / "constants.json").read_text()) == json.loads(
        json.dumps(constants())
    )


def test_a_changed_file_makes_a_new_version(pretend: Path, tmp_path: Path) -> None:
    first = build_of(write_site(tmp_path / "site", runtime=pretend).folder)
    again = build_of(write_site(tmp_path / "site", runtime=pretend).folder)
    (pretend / RUNTIME[0]).write_text("// another")
    other = build_of(write_site(tmp_path / "site", runtime=pretend).folder)
    assert first["version"] == again["version"] != other["version"]


def test_a_folder_of_other_files_is_left_alone(pretend: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "song.txt").write_text("keep me")
    with pytest.raises(UsageError, match="holds other files"):
        write_site(tmp_path / "mine", runtime=pretend)
    assert (tmp_path / "mine" / "song.txt").read_text() == "keep me"


@pytest.mark.parametrize("write", [write_site, write_extension])
def test_of_an_earlier_site_only_its_own_files_go(
    pretend: Path, tmp_path: Path, write: Callable[..., Site]
) -> None:
    site = write(tmp_path / "site", runtime=pretend).folder
    mine = [site / "CNAME", site / ".git" / "HEAD", site / "audio" / "song.txt"]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("keep me")
    (pretend / RUNTIME[1]).write_text("// second")
    write(tmp_path / "site", runtime=pretend)
    assert (site / "runtime" / RUNTIME[1]).read_text() == "// second"
    assert all(path.read_text() == "keep me" for path in mine)


def test_a_file_that_no_site_wrote_is_not_replaced(pretend: Path, tmp_path: Path) -> None:
    site = write_extension(tmp_path / "site", runtime=pretend).folder
    (site / "index.html").write_text("keep me")  # of no extension, but of every site
    with pytest.raises(UsageError, match=r"index\.html"):
        write_site(site, runtime=pretend)
    assert (site / "index.html").read_text() == "keep me"
    (site / "index.html").unlink()
    write_site(site, runtime=pretend)
    assert not (site / "popup.html").exists()  # of the extension alone


def test_a_bundle_that_no_page_can_compute(pretend: Path, tmp_path: Path, bundle: Bundle) -> None:
    info = {**bundle.info, "front_ends": [{"name": "log_mel", "input": "x", "parameters": {}}]}
    with pytest.raises(UsageError, match="log_mel"):
        write_site(tmp_path / "site", replace(bundle, info=info), pretend)


def test_a_wrong_runtime_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=re.escape(RUNTIME[0])):
        find_runtime(tmp_path)


def test_no_npm_and_no_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(runtime_module, "_complete", lambda folder: False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingTool, match="npm"):
        find_runtime()


def test_the_extension_asks_for_little(pretend: Path, tmp_path: Path) -> None:
    made = write_extension(tmp_path / "extension", runtime=pretend)
    manifest = json.loads((made.folder / "manifest.json").read_text())
    assert manifest["manifest_version"] == 3
    assert sorted(manifest["permissions"]) == ["offscreen", "tabCapture"]
    assert "host_permissions" not in manifest and "content_scripts" not in manifest
    policy = manifest["content_security_policy"]["extension_pages"]
    assert "default-src 'none'" in policy and "http" not in policy
    for name in ("popup.html", "offscreen.html"):
        for script in re.findall(r'(?:src|href)="([^"]+)"', (made.folder / name).read_text()):
            assert (made.folder / script).is_file()


def test_every_import_of_the_extension_is_packed(pretend: Path, tmp_path: Path) -> None:
    folder = write_extension(tmp_path / "extension", runtime=pretend).folder
    for script in folder.rglob("*.js"):
        for target in re.findall(
            r'^(?:import|\} from|import .* from) .*?"(\.[^"]+)";', script.read_text(), re.M
        ):
            assert (script.parent / target).is_file(), (script.name, target)


def test_the_runtime_is_pinned_with_its_hash() -> None:
    package = json.loads((sources() / "package.json").read_text())
    lock = json.loads((sources() / "package-lock.json").read_text())
    version = package["dependencies"]["onnxruntime-web"]
    locked = lock["packages"]["node_modules/onnxruntime-web"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version) and locked["version"] == version
    assert all(
        entry.get("integrity", "").startswith("sha512-")
        for name, entry in lock["packages"].items()
        if name
    )


def test_the_page_says_what_the_report_says() -> None:
    template = Path(reports.__file__).parent / "templates" / "song.html.j2"
    text = template.read_text(encoding="utf-8")
    page = (sources() / "page" / "index.html").read_text(encoding="utf-8")
    meaning = text.split('id="h-meaning">What this verdict means')[1].split("</section>")[0]
    paragraphs = [p for p in re.findall(r"<p>(<strong>.*?)</p>", meaning) if "{" not in p]
    assert len(paragraphs) >= 4
    for paragraph in paragraphs:
        if "no probability can be given" not in paragraph:
            assert paragraph in page


def test_no_address_stands_in_the_page() -> None:
    for path in (sources() / "page").rglob("*"):
        if path.suffix in (".js", ".html", ".css", ".webmanifest"):
            found = re.findall(r"https?://[^\s\"')]+", path.read_text(encoding="utf-8"))
            assert [a for a in found if a != "http://www.w3.org/2000/svg"] == [], path


def test_serve_isolates_the_page(pretend: Path, tmp_path: Path) -> None:
    made = write_site(tmp_path / "site", runtime=pretend)
    found: list[str] = []
    ready = threading.Event()

    def note(address: str) -> None:
        found.append(address)
        ready.set()

    threading.Thread(
        target=serve, args=(made.folder, 0), kwargs={"opened": False, "ready": note}, daemon=True
    ).start()
    assert ready.wait(10)
    with urllib.request.urlopen(found[0]) as answer:
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert b"<title>unsung" in answer.read()
    with urllib.request.urlopen(found[0] + "runtime/" + RUNTIME[2]) as answer:
        assert answer.headers["Content-Type"] == "application/wasm"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(found[0] + "bundle/")


def test_a_browser_that_leaves_in_the_middle_is_no_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "large.bin").write_bytes(bytes(8 << 20))  # more than the sockets hold
    handler = functools.partial(Handler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = False  # closing the server then waits for the answer to end
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with socket.create_connection(server.server_address[:2]) as client:
        client.sendall(b"GET /large.bin HTTP/1.0\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.0 200"
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.shutdown()
    server.server_close()
    thread.join()
    assert "Traceback" not in capfd.readouterr().err


def test_the_header_is_the_page_s_own_policy() -> None:
    page = (sources() / "page" / "index.html").read_text(encoding="utf-8")
    assert f'content="{HEADERS["Content-Security-Policy"]}"' in page


def test_the_verb_writes_site_and_extension(pretend: Path, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(web)
    folders = ["-o", str(tmp_path / "s"), "--extension", str(tmp_path / "e")]
    done = CliRunner().invoke(app, [*folders, "--runtime", str(pretend)])
    assert done.exit_code == 0, done.output
    assert "site:" in done.output and "extension:" in done.output
    assert (tmp_path / "s" / "index.html").is_file()
    assert (tmp_path / "e" / "manifest.json").is_file()


def test_serve_wants_a_site(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a site"):
        serve(tmp_path)

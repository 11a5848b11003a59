# SPDX-License-Identifier: MIT
from __future__ import annotations

import dataclasses
import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

import unsung.api
from unsung import errors
from unsung.api import errors as own
from unsung.api.docs import render_docs
from unsung.api.problems import STATUS, dumps, raised
from unsung.api.schemas import EXAMPLE_JOB, EXAMPLE_SCORE
from unsung.api.schemas import Explanation as ExplanationSchema
from unsung.api.spool import Spool
from unsung.cli import app
from unsung.errors import MissingExtra, UnsungError
from unsung.types import Explanation, Score

MODULES = [m.name for m in pkgutil.iter_modules(unsung.api.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name):
    module = importlib.import_module(f"unsung.api.{name}")
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("module", [errors, own])
def test_every_error_of_ours_has_its_row_in_the_table(module):
    kinds = [
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, UnsungError)
    ]
    assert len(kinds) > 10
    assert [kind.__name__ for kind in kinds if kind.__name__ not in STATUS] == []


def test_no_error_of_a_file_is_taken_for_a_fault_of_the_server():
    for _, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, errors.AudioError):
            assert STATUS[kind.__name__] in (413, 415, 422, 502)


def test_an_error_of_another_package_goes_by_its_base():
    class Strange(errors.TooShort):
        pass

    assert raised(Strange("words")).status_code == STATUS["TooShort"]
    assert raised(RuntimeError("words")).status_code == 500
    assert b"words" not in raised(RuntimeError("words")).body


def test_busy_says_when_to_come_back():
    answer = raised(own.Busy("all places are taken", 7))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


def test_json_is_valid_whatever_a_tag_holds():
    assert dumps({"a": [float("inf"), 1.5]}) == b'{"a": [null, 1.5]}'
    assert dumps({"name": "ü"}) == '{"name": "ü"}'.encode()
    assert dumps("\ud800") == b'"\\ud800"'


def test_the_private_folder_is_private_and_goes(tmp_path: Path):
    spool = Spool(str(tmp_path))
    assert spool.path.stat().st_mode & 0o777 == 0o700
    with spool.folder() as folder:
        (folder / "0000").write_bytes(b"x")
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()
    with pytest.raises(RuntimeError), spool.folder() as folder:
        raise RuntimeError
    assert not folder.exists()
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_openapi_tells_the_records_as_they_are(live):
    document = live.client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    fields = [f.name for f in dataclasses.fields(Score)]
    assert list(schemas["Score"]["properties"]) == fields
    assert schemas["Score"]["properties"]["verdict"]["anyOf"][0]["enum"] == [
        "human", "ai", "undecided",
    ]  # fmt: skip
    names = [f.name for f in dataclasses.fields(Explanation)]
    assert list(schemas["Explanation"]["properties"]) == names
    assert [f.name for f in dataclasses.fields(ExplanationSchema)] == names
    assert "HTTPValidationError" not in str(document)
    references = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert references <= set(schemas)


def test_every_route_has_a_summary_and_its_answers(live):
    document = live.client.get("/openapi.json").json()
    examples = 0
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["summary"], path
            assert operation["tags"], path
            for status, answer in operation["responses"].items():
                assert answer["description"], (path, status)
                examples += "example" in str(answer.get("content"))
    assert examples >= 6


def test_examples_are_records(live):
    assert set(EXAMPLE_SCORE) == {field.name for field in dataclasses.fields(Score)}
    assert Score.from_dict(EXAMPLE_SCORE).verdict == "human"
    assert list(EXAMPLE_JOB) == ["id", "status", "total", "done", "failed", "created", "expires"]
    total = EXAMPLE_SCORE["evidence"]["baseline"] + sum(EXAMPLE_SCORE["evidence"]["terms"].values())
    assert total == pytest.approx(EXAMPLE_SCORE["logit"])


def test_the_documentation_asks_nobody_for_anything(live):
    answer = live.client.get("/docs")
    page = answer.text
    assert answer.status_code == 200
    assert "script" not in page.lower().replace("description", "")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src")
    loads = re.findall(r"""(?:src|href|action|data)=["']([^"']*)""", page)
    assert loads == ["/openapi.json"]
    assert "url(" not in page
    assert "@import" not in page
    for path in live.client.get("/openapi.json").json()["paths"]:
        assert path in page
    assert live.client.get("/", follow_redirects=False).headers["location"] == "/docs"


def test_the_style_is_allowed_by_its_hash(live):
    import base64
    import hashlib

    answer = live.client.get("/docs")
    style = re.search(r"<style>(.*?)</style>", answer.text, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in answer.headers["content-security-policy"]


def test_words_in_the_documentation_stay_words():
    document = {
        "info": {"title": "<b>", "version": "1", "description": "`a` <script>"},
        "paths": {},
        "components": {"schemas": {}},
    }
    page = render_docs(document)
    assert "<code>a</code> &lt;script&gt;" in page
    assert "<b>" not in page


def test_the_bundle_tells_what_the_verdicts_rest_on(live):
    info = live.client.get("/v1/bundle").json()
    assert info["name"] == live.service.bundle.name
    assert info["sha256"] == live.service.bundle.sha256
    assert info["calibration"]["n_human"] > 0
    assert "human_logits" not in info["calibration"]
    assert [t["false_alarm_rate"] for t in info["thresholds"]] == [0.05, 0.01, 0.001]
    assert info["card"]["failures"]
    assert info["limits"]["urls"] is False


def test_health_and_readiness_differ_when_the_server_stops(live, monkeypatch, song):
    assert live.client.get("/readyz").json()["status"] == "ready"
    monkeypatch.setattr(live.service, "stopping", True)
    assert live.client.get("/healthz").status_code == 200
    for answer in (live.client.get("/readyz"), live.scan(("a.wav", song(1)))):
        assert (answer.status_code, answer.json()["error"]) == (503, "NotReady")


def test_metrics_count_what_happens(live, song):
    def read() -> dict[str, float]:
        text = live.client.get("/metrics").text
        return {
            sample.name + str(sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    before = read()
    verdict = live.scan(("private.wav", song(1))).json()["scores"][0]["verdict"]
    live.scan(("private.mp3", b""))
    live.client.get("/v1/jobs/secret")
    after = read()

    def grown(name: str, **labels: str) -> float:
        key = name + str(sorted(labels.items()))
        return after[key] - before.get(key, 0.0)

    assert grown("unsung_scores_total", outcome=verdict) == 1
    assert grown("unsung_scores_total", outcome="EmptyAudio") == 1
    assert grown("unsung_requests_total", method="POST", route="/v1/scan", status="200") == 1
    assert grown("unsung_audio_seconds_total") == pytest.approx(4.0, abs=0.1)
    assert after["unsung_workers[]"] == 1
    assert "private" not in str(after)
    assert "secret" not in str(after)


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"'\.\[serve\]'"):
        unsung.api.create_app()


def test_importing_the_folder_is_light():
    code = (
        "import sys, unsung.api; "
        "print(sorted({'fastapi', 'uvicorn', 'onnxruntime', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_application_for_another_server(song):
    """`create_app` needs nothing of our own server."""
    found = unsung.api.create_app(unsung.api.ServerSettings())
    assert found.title == "unsung"
    assert "/v1/scan" in found.openapi()["paths"]


def test_serve_makes_keys_and_checks_options(tmp_path: Path):
    done = CliRunner().invoke(app, ["serve", "--new-key", "ann"])
    assert done.exit_code == 0
    assert re.search(r"key, shown only now: unsung_\S{43}\n", done.output)
    assert re.search(r"ann:[0-9a-f]{64}", done.output)
    for options in (["--max-mb", "0"], ["--keys-file", str(tmp_path / "none")],
                    ["--allow-origin", "*"], ["--spool", str(tmp_path / "none")]):  # fmt: skip
        assert CliRunner().invoke(app, ["serve", *options]).exit_code == 2


def test_serve_passes_its_options_on(monkeypatch, tmp_path: Path):
    seen = {}

    def serve(settings, host, port):
        seen.update(settings=settings, host=host, port=port)
        return True

    monkeypatch.setattr(unsung.api, "serve", serve)
    options = (
        "--host 0.0.0.0 --port 9 --workers 3 --queue 4 --max-mb 5 --max-minutes 6 --max-files 7 "
        "--decode-seconds 8 --memory-mb 999 --job-minutes 10 --grace 11 --allow-urls "
        "--allow-origin https://a.example --host-name b.example --log-names "
        f"--spool {tmp_path}"
    )
    done = CliRunner().invoke(app, ["serve", *options.split()])
    assert done.exit_code == 0, done.output
    settings = seen["settings"]
    assert (seen["host"], seen["port"]) == ("0.0.0.0", 9)
    assert settings.limits.to_dict() == {
        "workers": 3, "queue": 4, "upload_mb": 5.0, "files": 7, "duration_s": 360.0,
        "decode_s": 8.0, "worker_memory_mb": 999, "upload_s": 300.0, "stall_s": 15.0, "jobs": 100,
        "job_ttl_s": 600.0, "tasks_per_worker": 1000, "grace_s": 11.0, "url_s": 120.0,
    }  # fmt: skip
    assert settings.allow_urls
    assert settings.log_names
    assert settings.origins == ("https://a.example",)
    assert settings.hosts == ("b.example",)
    assert settings.spool == str(tmp_path)

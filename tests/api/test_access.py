# SPDX-License-Identifier: MIT
from __future__ import annotations

import hmac
import json
import logging

import pytest

from unsung.api import keys
from unsung.api.errors import Unauthorised
from unsung.api.guard import HEADERS
from unsung.api.keys import KeyRing, new_key, read_key_lines
from unsung.api.settings import Limits, ServerSettings
from unsung.errors import UsageError

from .helpers import running, wait_for

ORIGIN = "https://studio.example"


@pytest.fixture(scope="module")
def guarded():
    """A server with two keys, one open origin and a Host of its own."""
    made = [new_key(name) for name in ("ann", "ben")]
    settings = ServerSettings(
        limits=Limits(workers=1),
        key_lines=tuple(line for _, line in made),
        origins=(ORIGIN,),
        hosts=("127.0.0.1", "music.example"),
        log_names=True,
    )
    with running(settings) as found:
        yield found, [key for key, _ in made]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_a_key_opens_and_nothing_else_does(guarded):
    here, (ann, ben) = guarded
    get = here.client.get
    assert get("/v1/bundle", headers=bearer(ann)).status_code == 200
    assert get("/v1/bundle", headers={"X-API-Key": ben}).status_code == 200
    for wrong in ({}, bearer(ann[:-1]), bearer(ann + "x"), {"X-API-Key": "é"}):
        sent = {k: v.encode("latin-1") for k, v in wrong.items()}
        answer = get("/v1/bundle", headers=sent)
        assert (answer.status_code, answer.json()["error"]) == (401, "Unauthorised")
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert ann[:-1] not in answer.text


def test_every_route_but_health_and_docs_asks_for_the_key(guarded):
    here, _ = guarded
    open_routes = {"/healthz", "/readyz"}
    for path, methods in here.client.get("/openapi.json").json()["paths"].items():
        for method in methods:
            answer = here.client.request(method, path.replace("{job_id}", "x"))
            assert (answer.status_code == 401) == (path not in open_routes), path


def test_no_body_is_read_without_a_key(guarded, song):
    here, _ = guarded
    before = here.service.metrics.scores.collect()[0].samples
    answer = here.scan(("a.wav", song(1)))
    assert answer.status_code == 401
    assert here.service.metrics.scores.collect()[0].samples == before


def test_keys_are_compared_in_constant_time(monkeypatch):
    """All stored hashes are compared, by `compare_digest`, whichever fits."""
    made = [new_key(f"k{i}") for i in range(5)]
    ring = KeyRing(line for _, line in made)
    seen = []
    monkeypatch.setattr(
        keys.hmac, "compare_digest", lambda a, b: seen.append(1) or hmac_equal(a, b)
    )
    hmac_equal = str.__eq__
    assert ring.owner({"x-api-key": made[0][0]}) == "k0"
    assert len(seen) == 5
    with pytest.raises(Unauthorised, match="not known"):
        ring.owner({"x-api-key": "wrong"})
    assert len(seen) == 10
    assert hmac.compare_digest("a", "a")


def test_only_hashes_are_stored_and_lines_are_checked(tmp_path):
    key, line = new_key("ann")
    assert key not in line
    assert new_key("ann")[0] != key
    path = tmp_path / "keys"
    path.write_text(f"# staff\n{line}  # since May\n\n")
    other = new_key("env")[1]
    assert read_key_lines(path, {keys.ENVIRONMENT: f"{other},"}) == [other, line]
    with pytest.raises(UsageError, match="name of letters"):
        new_key("a b")
    with pytest.raises(UsageError, match="not shown") as caught:
        KeyRing([f"ann:{key}"])
    assert key not in str(caught.value)
    path.write_text("# none\n")
    with pytest.raises(UsageError, match="at least one line"):
        read_key_lines(path, {})
    with pytest.raises(UsageError, match="expected a file of API keys"):
        read_key_lines(tmp_path / "absent", {})


def test_cors_is_closed_by_default(live):
    head = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    for answer in (
        live.client.get("/healthz", headers={"Origin": ORIGIN}),
        live.client.options("/v1/scan", headers=head),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_page_of_another_origin_cannot_make_a_browser_upload(live, song):
    files = {"file": ("a.wav", song(1))}
    for origin in (ORIGIN, "null", "http://127.0.0.1:1", "http://["):
        answer = live.client.post("/v1/scan", files=files, headers={"Origin": origin})
        assert (answer.status_code, answer.json()["error"]) == (403, "Forbidden")
    own = live.client.post("/v1/scan", files=files, headers={"Origin": live.url})
    assert own.status_code == 200


def test_an_origin_that_was_opened_may_ask(guarded, song):
    here, (ann, _) = guarded
    head = {"Origin": ORIGIN, **bearer(ann)}
    answer = here.client.post("/v1/scan", files={"file": ("a.wav", song(1))}, headers=head)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    other = here.client.get("/healthz", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers
    with pytest.raises(UsageError, match="a star would open"):
        ServerSettings(origins=("*",))


def test_names_that_are_not_ours_are_refused(guarded):
    here, _ = guarded
    for host, status in (
        ("music.example:8000", 200),
        ("evil.example", 403),
        ("evil.example:80", 403),
        ("[::1", 403),
        ("", 403),
    ):
        assert here.client.get("/healthz", headers={"Host": host}).status_code == status, host


def test_every_answer_has_the_safe_headers(live):
    for method, path in (("GET", "/healthz"), ("GET", "/nowhere"), ("PUT", "/v1/scan")):
        answer = live.client.request(method, path)
        assert {k: answer.headers[k] for k in HEADERS} == HEADERS
        assert "server" not in answer.headers
        assert len(answer.headers["x-request-id"]) == 16
    assert live.client.get("/nowhere").headers["content-type"] == "application/problem+json"
    assert live.client.put("/v1/scan").headers["allow"] == "POST"


def test_a_fault_of_ours_shows_no_more_than_its_number(live, song, monkeypatch, caplog):
    async def broken(*_):
        raise RuntimeError("secret /srv/path")

    monkeypatch.setattr(live.service, "score", broken)
    answer = live.scan(("a.wav", song(1)))
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "secret" in caplog.text  # the log has it, under the same number
    assert answer.headers["x-request-id"] in caplog.text
    assert live.spooled() == []


def test_an_unexpected_fault_of_a_file_is_not_shown_either(live, song, monkeypatch):
    from dataclasses import replace

    from unsung.types import Failure

    real = live.service.crew.score

    async def odd(task):
        found = await real(task)
        failure = Failure("ZeroDivisionError", "unexpected: /srv/secret")
        return replace(found, score=replace(found.score, verdict=None, error=failure))

    monkeypatch.setattr(live.service.crew, "score", odd)
    answer = live.scan(("a.wav", song(1)))
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_an_answer_for_other_bytes_is_withheld(live, song, monkeypatch):
    from dataclasses import replace

    real = live.service.crew.score

    async def mixed(task):
        found = await real(task)
        return replace(found, score=replace(found.score, sha256="0" * 64))

    monkeypatch.setattr(live.service.crew, "score", mixed)
    answer = live.scan(("a.wav", song(1)))
    assert (answer.status_code, answer.json()["error"]) == (500, "MixedUp")
    assert "scores" not in answer.json()


def test_the_log_is_one_json_line_without_names(live, guarded, song, caplog):
    caplog.set_level(logging.INFO, "unsung.api.access")
    live.scan(("private title.wav", song(1)))
    line = next_line(caplog)
    assert (line["route"], line["status"], line["method"]) == ("/v1/scan", 200, "POST")
    assert line["bytes_in"] > 1000
    assert "private" not in json.dumps(line)
    here, (ann, _) = guarded
    here.client.post("/v1/scan", files={"file": ("public.wav", song(1))}, headers=bearer(ann))
    line = next_line(caplog)
    assert (line["files"], line["key"]) == (["public.wav"], "ann")


def next_line(caplog) -> dict:
    """Return the line that the server writes after it has answered."""
    wait_for(lambda: caplog.records)
    line = json.loads(caplog.records[-1].getMessage())
    caplog.clear()
    return line


def test_job_ids_are_secrets_and_stay_out_of_the_log(live, caplog):
    caplog.set_level(logging.INFO, "unsung.api.access")
    live.client.get("/v1/jobs/very-secret-id")
    wait_for(lambda: "/v1/jobs/{job_id}" in caplog.text)
    assert "very-secret-id" not in caplog.text

# SPDX-License-Identifier: MIT
from __future__ import annotations

import json
import time

import httpx
import pytest

from unsung.api.keys import new_key
from unsung.api.settings import Limits, ServerSettings

from .helpers import NAUGHTY, running, wait_for


@pytest.fixture(scope="module")
def desk():
    """A server with slow files, few jobs and short memory, and two keys."""
    made = [new_key(name) for name in ("ann", "ben")]
    limits = Limits(workers=2, jobs=2, job_ttl_s=30, decode_s=20)
    settings = ServerSettings(limits=limits, key_lines=tuple(line for _, line in made))
    with running(settings, program=NAUGHTY) as here:
        here.client.headers["X-API-Key"] = made[0][0]
        here.other = {"X-API-Key": made[1][0]}
        yield here


@pytest.fixture(autouse=True)
def empty(request):
    """Leave no job behind for the next test."""
    yield
    if "desk" in request.fixturenames:
        here = request.getfixturevalue("desk")
        wait_for(lambda: here.service.jobs.running == 0)
        here.service.jobs._jobs.clear()


def start(here, *files) -> dict:
    answer = here.scan(*files, route="/v1/jobs")
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    return answer.json()


def events(response: httpx.Response) -> list[tuple[int, str, dict]]:
    found = []
    for block in response.read().decode().strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


def test_a_job_tells_its_progress_and_keeps_its_result(desk, song):
    files = [("a.wav", song(1)), ("slow.wav", song(2)), ("c.mp3", b"junk")]
    job = start(desk, *files)
    assert (job["status"], job["total"], job["expires"]) == ("running", 3, "")
    early = desk.client.get(f"/v1/jobs/{job['id']}/result")
    assert (early.status_code, early.json()["error"]) == (409, "JobRunning")
    with desk.client.stream("GET", f"/v1/jobs/{job['id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        told = events(stream)
    assert [(number, kind) for number, kind, _ in told] == [
        (1, "score"), (2, "score"), (3, "score"), (3, "end"),
    ]  # fmt: skip
    assert [data["done"] for _, _, data in told[:3]] == [1, 2, 3]
    assert told[-1][2]["status"] == "done"
    result = desk.client.get(f"/v1/jobs/{job['id']}/result").json()["scores"]
    assert result == [data["score"] for _, _, data in told[:3]]
    assert [row["path"] for row in result] == ["a.wav", "slow.wav", "c.mp3"]
    info = desk.client.get(f"/v1/jobs/{job['id']}").json()
    assert (info["status"], info["done"], info["failed"]) == ("done", 3, 1)
    assert info["expires"] > info["created"]
    assert desk.spooled() == []


def test_events_arrive_while_the_job_runs(desk, song):
    job = start(desk, ("slow-1.wav", song(1)), ("slow-2.wav", song(2)))
    times = []
    with desk.client.stream("GET", f"/v1/jobs/{job['id']}/events") as stream:
        for line in stream.iter_lines():
            if line.startswith("event: "):
                times.append((line, time.monotonic()))
    assert [line for line, _ in times] == ["event: score", "event: score", "event: end"]
    assert times[1][1] - times[0][1] > 0.2


def test_who_reconnects_gets_only_the_rest(desk, song):
    job = start(desk, ("a.wav", song(1)), ("b.wav", song(2)))
    wait_for(lambda: desk.service.jobs.running == 0)
    url = f"/v1/jobs/{job['id']}/events"
    for last, expected in (("1", [2, 2]), ("2", [2]), ("99", [2]), ("junk", [1, 2, 2])):
        with desk.client.stream("GET", url, headers={"Last-Event-ID": last}) as stream:
            assert [number for number, _, _ in events(stream)] == expected


def test_a_job_can_be_cancelled_and_dropped(desk, song):
    job = start(desk, *[(f"slow-{i}.wav", song(i)) for i in range(6)])
    url = f"/v1/jobs/{job['id']}"
    wait_for(lambda: desk.client.get(url).json()["done"] == 1)
    answer = desk.client.delete(url)
    assert answer.status_code == 200
    assert answer.json()["status"] == "cancelled"
    assert answer.json()["done"] < 6
    assert desk.spooled() == []
    scores = desk.client.get(f"{url}/result").json()["scores"]
    assert len(scores) == answer.json()["done"]
    assert desk.client.delete(url).status_code == 204
    assert desk.client.get(url).status_code == 404


def test_a_job_answers_to_its_own_key_only(desk, song):
    job = start(desk, ("a.wav", song(1)))
    for method, path in (("GET", ""), ("GET", "/result"), ("GET", "/events"), ("DELETE", "")):
        answer = desk.client.request(method, f"/v1/jobs/{job['id']}{path}", headers=desk.other)
        assert (answer.status_code, answer.json()["error"]) == (404, "JobGone")


def test_a_result_expires(desk, song):
    job = start(desk, ("a.wav", song(1)))
    wait_for(lambda: desk.service.jobs.running == 0)
    desk.service.jobs._jobs[job["id"]].expires_s = time.time() - 1
    answer = desk.client.get(f"/v1/jobs/{job['id']}")
    assert (answer.status_code, answer.json()["error"]) == (404, "JobGone")
    assert len(desk.service.jobs) == 0


def test_expired_jobs_go_without_being_asked_for(song):
    limits = Limits(workers=1, job_ttl_s=0.3)
    with running(ServerSettings(limits=limits)) as here:
        start(here, ("a.wav", song(1)))
        assert len(here.service.jobs) == 1
        wait_for(lambda: len(here.service.jobs) == 0)


def test_too_many_jobs_are_refused_before_their_files_come(desk, song):
    for _ in range(2):
        start(desk, ("a.wav", song(1)))
    answer = desk.scan(("a.wav", song(1)), route="/v1/jobs")
    assert (answer.status_code, answer.json()["error"]) == (429, "Busy")
    assert int(answer.headers["retry-after"]) == 30


def test_ids_cannot_be_guessed(desk, song):
    first, second = start(desk, ("a.wav", song(1))), start(desk, ("a.wav", song(1)))
    assert first["id"] != second["id"]
    assert len(first["id"]) >= 22  # 128 bits


def test_a_refused_upload_makes_no_job(desk):
    answer = desk.client.post("/v1/jobs", content=b"x")
    assert answer.status_code == 400
    assert len(desk.service.jobs) == 0
    assert desk.spooled() == []


def test_short_requests_do_not_wait_behind_a_job(desk, song):
    start(desk, *[(f"slow-{i}.wav", song(i)) for i in range(4)])
    assert desk.scan(("a.wav", song(9))).status_code == 200
    assert desk.service.jobs.running == 1


def test_a_hanging_file_does_not_end_a_job(song):
    limits = Limits(workers=1, decode_s=3.0)
    with running(ServerSettings(limits=limits), program=NAUGHTY) as here:
        job = start(here, ("hang.wav", song(1)), ("a.wav", song(2)))
        wait_for(lambda: here.service.jobs.running == 0, 30)
        rows = here.client.get(f"/v1/jobs/{job['id']}/result").json()["scores"]
        assert [(r["error"] or {}).get("type") for r in rows] == ["DecodeTimeout", None]

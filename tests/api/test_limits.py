# SPDX-License-Identifier: MIT
from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile

from unsung.api.errors import TooLong
from unsung.api.settings import Limits, ServerSettings
from unsung.api.worker import bound
from unsung.errors import UsageError
from unsung.runtime import load_bundle
from unsung.scanning.one import score_local, stamp_of
from unsung.scanning.settings import Settings

from .helpers import multipart, running, wait_for


def ask_raw(port: int, data: bytes, wait_s: float = 10.0) -> bytes:
    """Send bytes and read what comes until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as link:
        link.sendall(data)
        answer = b""
        while piece := link.recv(65536):
            answer += piece
    return answer


def body_of(answer: bytes) -> dict:
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def test_a_promised_body_beyond_the_limit_is_refused_before_it_is_sent(naughty):
    head = (
        b"POST /v1/scan HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        b"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n"
    )
    answer = ask_raw(naughty.port, head)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"100 Continue" not in answer
    assert body_of(answer)["error"] == "TooLarge"


def test_a_large_upload_gets_its_413_although_it_goes_on_sending(naughty):
    answer = naughty.scan(("big.wav", bytes(3_000_000)))
    assert (answer.status_code, answer.json()["error"]) == (413, "TooLarge")
    assert naughty.spooled() == []


def test_a_body_without_length_is_counted_while_it_comes(naughty):
    kind, whole = multipart(("big.wav", bytes(3_000_000)))

    def pieces():
        for at in range(0, len(whole), 100_000):
            yield whole[at : at + 100_000]

    answer = naughty.client.post("/v1/scan", content=pieces(), headers={"Content-Type": kind})
    assert "content-length" not in answer.request.headers
    assert (answer.status_code, answer.json()["error"]) == (413, "TooLarge")
    assert naughty.spooled() == []


def test_a_length_that_lies_is_a_bad_upload_or_a_slow_one(naughty, song):
    kind, whole = multipart(("a.wav", song(1, seconds=2)))
    head = f"POST /v1/scan HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nConnection: close\r\n"
    short = f"{head}Content-Length: {len(whole) - 50}\r\n\r\n".encode() + whole
    assert ask_raw(naughty.port, short).startswith(b"HTTP/1.1 400")
    long = f"{head}Content-Length: {len(whole) + 50}\r\n\r\n".encode() + whole
    answer = ask_raw(naughty.port, long)
    assert answer.startswith(b"HTTP/1.1 408")
    assert body_of(answer)["error"] == "UploadTooSlow"
    assert naughty.spooled() == []


def test_too_many_files_are_refused(naughty, song):
    answer = naughty.scan(*[(f"{i}.wav", b"x") for i in range(4)])
    assert (answer.status_code, answer.json()["error"]) == (413, "TooManyFiles")
    assert naughty.spooled() == []


def test_a_tiny_file_that_decodes_to_hours_is_refused(naughty, tmp_path: Path):
    path = tmp_path / "hours.flac"
    rate = 4000
    with soundfile.SoundFile(path, "w", rate, 1, subtype="PCM_16", format="FLAC") as out:
        for _ in range(4 * 3600):  # 4 h of a tone that costs nothing to store
            out.write(np.full(rate, 0.25, np.float32))
    data = path.read_bytes()
    assert len(data) < 200_000
    answer = naughty.scan(("hours.flac", data))
    assert (answer.status_code, answer.json()["error"]) == (413, "TooLong")


def test_a_rate_that_no_sound_has_is_unreadable_however_long(naughty, tmp_path: Path):
    soundfile.write(tmp_path / "x.wav", np.full(100_000, 0.25), 1000)
    answer = naughty.scan(("x.wav", (tmp_path / "x.wav").read_bytes()))
    assert (answer.status_code, answer.json()["error"]) == (415, "UnreadableAudio")


def test_decoding_stops_at_the_bound(tmp_path: Path, song, monkeypatch):
    from unsung.audio.read import AudioStream

    heard = 0.0
    real = AudioStream.blocks

    def counted(self, *args, **kwargs):
        nonlocal heard
        for block in real(self, *args, **kwargs):
            heard += len(block) / self.info.sample_rate_hz
            yield block

    monkeypatch.setattr(AudioStream, "blocks", counted)
    path = tmp_path / "long.wav"
    path.write_bytes(song(1, seconds=60))
    bundle = bound(load_bundle(), 10.0)
    settings = Settings()
    score, _ = score_local(
        path, "long.wav", bundle, settings=settings, stamp=stamp_of(bundle, settings)
    )
    assert score.error.type == TooLong.__name__
    assert heard <= 12.0


def test_sound_just_within_the_bound_is_scored(tmp_path: Path, song):
    path = tmp_path / "a.wav"
    path.write_bytes(song(1, seconds=6))
    for longest_s, refused in ((6.0, False), (5.99, True)):
        bundle = bound(load_bundle(), longest_s)
        score, _ = score_local(
            path, "a", bundle, settings=Settings(), stamp=stamp_of(bundle, Settings())
        )
        assert (score.error is not None) == refused


def test_a_decoder_that_hangs_is_killed_and_replaced(naughty, song):
    before = naughty.service.crew.counts.killed
    started = time.monotonic()
    answer = naughty.scan(("hang.wav", song(1)))
    assert time.monotonic() - started < 20
    assert (answer.status_code, answer.json()["error"]) == (422, "DecodeTimeout")
    assert answer.json()["score"]["path"] == "hang.wav"
    assert naughty.service.crew.counts.killed == before + 1
    wait_for(lambda: naughty.service.crew.alive == 2, 30)
    assert naughty.scan(("a.wav", song(1))).status_code == 200


def test_a_decoder_that_crashes_costs_its_row_only(naughty, song):
    answer = naughty.scan(("a.wav", song(1)), ("crash.wav", song(1)), ("b.wav", song(2)))
    rows = answer.json()["scores"]
    assert answer.status_code == 200
    assert [(r["error"] or {}).get("type") for r in rows] == [None, "WorkerDied", None]
    # 255: the fork server lost the child before it could say by which signal it ended.
    assert re.search("SIGSEGV|255", rows[1]["error"]["message"])
    wait_for(lambda: naughty.service.crew.alive == 2, 30)


def test_memory_of_a_worker_is_bounded(naughty, song):
    pids = set(naughty.service.crew.pids)
    answer = naughty.scan(("hungry.wav", song(1)))
    assert answer.status_code == 422
    assert answer.json()["error"] in ("MemoryError", "WorkerDied")
    wait_for(lambda: len(set(naughty.service.crew.pids) - pids) == 1, 30)  # it was replaced
    assert naughty.scan(("a.wav", song(1))).status_code == 200


def test_a_full_queue_is_answered_429_and_nobody_is_mixed_up(naughty, song):
    """Two workers and one waiting place: of six at once, three are scored."""
    songs = [song(i, seconds=2) for i in range(6)]

    def one(index: int) -> httpx.Response:
        return naughty.scan((f"slow-{index}.wav", songs[index]))

    with ThreadPoolExecutor(6) as crowd:
        answers = list(crowd.map(one, range(6)))
    codes = sorted(a.status_code for a in answers)
    assert codes.count(429) >= 1
    assert codes.count(200) >= 3
    for index, answer in enumerate(answers):
        if answer.status_code == 429:
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            assert answer.json()["error"] == "Busy"
        else:
            assert answer.json()["scores"][0]["path"] == f"slow-{index}.wav"
    assert one(0).status_code == 200  # the places are free again


def test_a_client_that_hangs_up_while_sending_leaves_nothing(naughty, song):
    kind, whole = multipart(("a.wav", song(1)))
    head = f"POST /v1/scan HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
    data = f"{head}Content-Length: {len(whole)}\r\n\r\n".encode() + whole[: len(whole) // 2]
    link = socket.create_connection(("127.0.0.1", naughty.port))
    link.sendall(data)
    wait_for(naughty.spooled)
    link.close()
    wait_for(lambda: naughty.spooled() == [])
    assert naughty.service._slots == 0


def test_a_client_that_hangs_up_while_waiting_leaves_nothing(naughty, song):
    kind, whole = multipart(("slow-1.wav", song(1)), ("slow-2.wav", song(1)))
    head = f"POST /v1/scan HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
    data = f"{head}Content-Length: {len(whole)}\r\n\r\n".encode() + whole
    link = socket.create_connection(("127.0.0.1", naughty.port))
    link.sendall(data)
    wait_for(lambda: naughty.service.crew.busy)
    link.close()
    wait_for(lambda: naughty.spooled() == [] and naughty.service._slots == 0)
    wait_for(lambda: naughty.service.crew.busy == 0)
    assert naughty.scan(("a.wav", song(1))).status_code == 200


def test_a_body_that_drips_is_cut_off(naughty):
    kind, whole = multipart(("a.wav", bytes(5000)))
    head = f"POST /v1/scan HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
    data = f"{head}Content-Length: {len(whole)}\r\n\r\n".encode() + whole[:2000]
    started = time.monotonic()
    answer = ask_raw(naughty.port, data)
    assert answer.startswith(b"HTTP/1.1 408")
    assert time.monotonic() - started < 20  # stall_s and the moment that a refused body is read


def test_workers_are_replaced_after_so_many_files(song):
    limits = Limits(workers=1, tasks_per_worker=2)
    with running(ServerSettings(limits=limits)) as here:
        first = here.service.crew.pids
        for index in range(5):
            assert here.scan((f"{index}.wav", song(1, seconds=2))).status_code == 200
        assert here.service.crew.counts.retired == 2
        assert here.service.crew.pids != first


def test_limits_are_checked():
    with pytest.raises(UsageError, match="expected upload_mb above 0, got -1"):
        Limits(upload_mb=-1)
    assert Limits(queue=0).queue == 0


def test_event_loop_is_free_while_files_are_decoded(naughty, song):
    """Health answers at once although all workers are busy."""
    threads = [
        threading.Thread(target=naughty.scan, args=((f"slow-{i}.wav", song(1)),)) for i in range(2)
    ]
    for thread in threads:
        thread.start()
    wait_for(lambda: naughty.service.crew.busy == 2)
    assert naughty.client.get("/healthz").json() == {"status": "alive"}
    assert naughty.service.crew.busy  # the scans had not come to their end meanwhile
    for thread in threads:
        thread.join()


def test_a_fault_of_ours_is_not_taken_for_the_files(naughty, song):
    pids = naughty.service.crew.pids
    answer = naughty.scan(("faulty.wav", song(1)))
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert naughty.service.crew.pids == pids
    assert naughty.scan(("a.wav", song(1))).status_code == 200


def test_a_crowd_gets_its_own_answers(song):
    """Every upload is unlike every other, also in its logit."""
    rounds, clients = 8, 6
    with running(ServerSettings(limits=Limits(workers=2, queue=clients))) as here:
        alone = {}

        def one(number: int) -> tuple[str, dict]:
            name = f"{number}.wav"
            answer = here.scan((name, song(number, seconds=1.5)))
            assert answer.status_code == 200, answer.text
            return name, answer.json()["scores"][0]

        with ThreadPoolExecutor(clients) as crowd:
            found = list(crowd.map(one, range(rounds * clients)))
        for number in range(0, rounds * clients, 7):
            alone[number] = one(number)[1]
    assert len({score["logit"] for _, score in found}) == rounds * clients
    for number, (name, score) in enumerate(found):
        assert score["path"] == name
        assert score["sha256"] == hashlib.sha256(song(number, seconds=1.5)).hexdigest()
    assert all(found[number][1] == score for number, score in alone.items())

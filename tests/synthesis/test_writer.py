# SPDX-License-Identifier: MIT
"""The client against a local server that speaks the chat protocol, in all its moods."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from unsung.errors import UsageError
from unsung.synthesis.lyrics import GrammarWriter, LyricRequest, features
from unsung.synthesis.prompt_files import read_prompts, write_prompts
from unsung.synthesis.prompts import Plan
from unsung.synthesis.writer import (
    FATAL,
    BudgetSpent,
    Endpoint,
    EndpointWriter,
    KeyRefused,
    WriterError,
    choose_writer,
)

pytest.importorskip("openai")
KEY = "sk-very-secret-0123456789"
SONG = {
    "title": "Low Tide",
    "style": "A calm folk song with harp",
    "sections": [
        {"name": "Verse 1", "lines": ["The boats are in", "The nets are thin"]},
        {"name": "chorus", "lines": ["Oh low, low tide"]},
    ],
}
ASKED = LyricRequest("ocean", "calm", "folk", seed=7)


def good(content=None, tokens=120, finish="stop", refusal=None):
    content = json.dumps(SONG) if content is None else content
    message = {"role": "assistant", "content": content, "refusal": refusal}
    body = {
        "id": "c1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": finish, "message": message}],
        "usage": {"prompt_tokens": 20, "completion_tokens": tokens - 20, "total_tokens": tokens},
    }  # fmt: skip
    return 200, {}, body


def bad(code, headers=None, text="went wrong"):
    return code, headers or {}, {"error": {"message": text, "type": "t", "code": "c"}}


class Server:
    """Answers one scripted reply after the other; the last one stays."""

    def __init__(self):
        self.replies, self.seen, self.delay_s = [good()], [], 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.seen.append((self.path, headers, body))
                time.sleep(outer.delay_s)
                replies = outer.replies
                code, headers, answer = replies.pop(0) if len(replies) > 1 else replies[0]
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                try:
                    self.send_response(code)
                    self.send_header("content-type", "application/json")
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("content-length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the client gave up, as the slow test wants

            def log_message(self, *words):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"


@pytest.fixture
def server():
    made = Server()
    thread = threading.Thread(target=made.http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    made.http.shutdown()
    made.http.server_close()
    thread.join()


@pytest.fixture
def waits():
    return []


def writer(server, waits=None, **settings):
    endpoint = Endpoint("m-1", server.url, KEY, **settings)
    return EndpointWriter(endpoint, sleep=(waits if waits is not None else []).append)


def test_writes_a_song(server):
    client = writer(server)
    song = client.write(ASKED)
    assert (song.title, song.style) == ("Low Tide", "A calm folk song with harp")
    assert [part.name for part in song.sections] == ["verse", "chorus"]
    assert song.sections[0].lines == ("The boats are in", "The nets are thin")
    assert (client.requests, client.tokens) == (1, 120)
    path, headers, body = server.seen[0]
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert (body["model"], body["seed"]) == ("m-1", 7)
    assert body["response_format"] == {"type": "json_object"}
    assert "ocean" in body["messages"][1]["content"] and "calm" in body["messages"][1]["content"]


def test_json_mode_can_be_switched_off_and_fences_are_read(server):
    server.replies = [good("```json\n" + json.dumps(SONG) + "\n```")]
    assert writer(server, json_mode=False).write(ASKED).title == "Low Tide"
    assert "response_format" not in server.seen[0][2]


def test_rate_limit_waits_as_told(server, waits):
    server.replies = [bad(429, {"retry-after": "7"}), bad(429), bad(503), good()]
    client = writer(server, waits)
    assert client.write(ASKED).title == "Low Tide"
    assert waits == [7.0, 2.0, 4.0]
    assert client.requests == 4


def test_retry_after_as_a_date(server, waits):
    from email.utils import formatdate

    server.replies = [bad(429, {"retry-after": formatdate(time.time() + 30, usegmt=True)}), good()]
    writer(server, waits).write(ASKED)
    assert waits[0] == pytest.approx(30, abs=3)


def test_a_day_of_waiting_is_refused(server, waits):
    server.replies = [bad(429, {"retry-after": "86400"})]
    with pytest.raises(WriterError, match="asks to wait 86400 s"):
        writer(server, waits).write(ASKED)
    assert waits == []


def test_gives_up_after_retries(server, waits):
    server.replies = [bad(500)]
    with pytest.raises(WriterError, match="code 500, also after 2 retries"):
        writer(server, waits, retries=2).write(ASKED)
    assert len(server.seen) == 3 and waits == [1.0, 2.0]


def test_malformed_answer_is_repaired_once(server):
    server.replies = [good("Here is your song!"), good()]
    client = writer(server)
    assert client.write(ASKED).title == "Low Tide"
    repair = server.seen[1][2]["messages"]
    assert [m["role"] for m in repair] == ["system", "user", "assistant", "user"]
    assert "expected a JSON object" in repair[-1]["content"]
    server.replies = [good("still no song")]
    with pytest.raises(WriterError, match="also when asked to repair it: expected a JSON object"):
        client.write(ASKED)
    assert len(server.seen) == 4


def changed(**values):
    return json.dumps({**SONG, **values})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[1, 2]", "got a list"),
        (changed(title=""), "title: expected"),
        (changed(title=5), "title: expected"),
        (changed(style=["a"]), "style: expected"),
        (changed(sections=[]), "sections: expected"),
        (changed(sections=[{"name": "verse"}]), "section 1: expected a name and 1 to"),
        (changed(sections=["verse"]), "section 1: expected an object"),
        (changed(sections=[{"name": "verse", "lines": ["", "b"]}]), "expected lines of 1 to"),
        (changed(sections=[{"name": "verse", "lines": ["x" * 500]}]), "expected lines of 1 to"),
        (changed(sections=[{"name": "verse", "lines": [3]}]), "expected lines of 1 to"),
        ("", "expected a JSON object"),
    ],
)
def test_answers_that_are_no_song(server, content, words):
    server.replies = [good(content)]
    with pytest.raises(WriterError, match=words):
        writer(server).write(ASKED)


def test_lines_of_the_real_song_are_refused(server):
    real = "The boats are in\nSomething else is here"
    shapes, nouns = features(real)
    asked = LyricRequest(
        "boats", "calm", shapes=shapes, words=nouns, avoid=("The  boats are in!", "Oh")
    )
    with pytest.raises(WriterError, match="stands in an existing song"):
        writer(server).write(asked)
    prompt = server.seen[0][2]["messages"][1]["content"]
    assert "Something else" not in prompt and "boats" in prompt


def test_header_like_lines_lose_their_brackets(server):
    sections = [{"name": "verse", "lines": ["[solo]", "Oh"]}]
    server.replies = [good(changed(sections=sections))]
    assert writer(server).write(ASKED).sections[0].lines == ("solo", "Oh")


@pytest.mark.parametrize(
    "reply",
    [good("", refusal="I will not write that."), good("", finish="content_filter")],
    ids=["refusal", "filter"],
)
def test_refusal(server, reply):
    server.replies = [reply]
    with pytest.raises(WriterError, match="refused to write"):
        writer(server).write(ASKED)
    assert len(server.seen) == 1  # no repair, no retry


def test_slow_answer_ends_in_time(server, waits):
    server.delay_s = 1.0
    start = time.monotonic()
    with pytest.raises(WriterError, match="no answer in time, also after 1 retries"):
        writer(server, waits, timeout_s=0.2, retries=1).write(ASKED)
    assert time.monotonic() - start < 5
    assert waits == [1.0]


def test_nobody_listens(waits):
    client = EndpointWriter(Endpoint("m", "http://127.0.0.1:9/v1", KEY, retries=1), waits.append)
    with pytest.raises(WriterError, match="no connection"):
        client.write(ASKED)


@pytest.mark.parametrize("code", [401, 403])
def test_wrong_key_is_fatal_and_never_shown(server, waits, code, capfd):
    server.replies = [bad(code, text=f"Incorrect API key provided: {KEY}")]
    with pytest.raises(KeyRefused, match=f"code {code}") as caught:
        writer(server, waits).write(ASKED)
    assert len(server.seen) == 1 and waits == []
    assert KEY not in str(caught.value) + "".join(capfd.readouterr())


def test_bad_request_names_the_way_out_without_the_key(server):
    server.replies = [bad(400, text=f"response_format unknown, key {KEY}")]
    with pytest.raises(WriterError, match="--no-json-mode") as caught:
        writer(server).write(ASKED)
    assert KEY not in str(caught.value) and "***" in str(caught.value)


def test_key_is_in_no_repr_and_no_cache(server, tmp_path):
    client = writer(server, cache=tmp_path)
    client.write(ASKED)
    assert KEY not in repr(client.endpoint)
    assert all(KEY not in path.read_text() for path in tmp_path.rglob("*.json"))


@pytest.mark.parametrize("body", [b"<html>hello</html>", b'{"choices": []}', b"{}"])
def test_not_the_protocol(server, body):
    server.replies = [(200, {}, body)]
    with pytest.raises(WriterError, match="not of the chat protocol"):
        writer(server, retries=0).write(ASKED)


def test_cache_makes_a_second_run_free(server, tmp_path):
    first = writer(server, cache=tmp_path).write(ASKED)
    client = writer(server, cache=tmp_path, max_requests=1)
    assert client.write(ASKED) == first
    assert (client.requests, client.from_cache, len(server.seen)) == (0, 1, 1)
    client.write(LyricRequest("ocean", "calm", "folk", seed=8))  # another request is asked
    assert len(server.seen) == 2


def test_invalid_answers_are_not_cached(server, tmp_path):
    server.replies = [good("no")]
    with pytest.raises(WriterError):
        writer(server, cache=tmp_path).write(ASKED)
    assert not list(tmp_path.rglob("*.json"))


def test_budget_of_requests(server):
    client = writer(server, max_requests=2)
    client.write(ASKED)
    client.write(ASKED)
    with pytest.raises(BudgetSpent, match="2 requests is spent"):
        client.write(ASKED)
    assert len(server.seen) == 2


def test_budget_of_tokens_is_never_exceeded(server):
    server.replies = [good(tokens=900)]
    client = writer(server, max_tokens=3000, max_output_tokens=600)
    with pytest.raises(BudgetSpent, match="3000 tokens"):
        for _ in range(9):
            client.write(ASKED)
    assert client.tokens <= 3000
    assert len(server.seen) == 3  # 2700 used; a fourth could have gone beyond


def test_retries_count_against_the_budget(server, waits):
    server.replies = [bad(429)]
    with pytest.raises(BudgetSpent):
        writer(server, waits, max_requests=3, retries=9).write(ASKED)
    assert len(server.seen) == 3


def test_job_stops_at_the_budget_and_goes_on(server, tmp_path):
    path = tmp_path / "p.jsonl"
    with pytest.raises(BudgetSpent):
        write_prompts(path, 5, Plan(), writer(server, max_requests=3), fatal=FATAL)
    assert len(list(read_prompts(path))) == 3
    client = writer(server)
    assert write_prompts(path, 5, Plan(), client, fatal=FATAL) == (5, 0)
    assert client.requests == 2
    assert {p.style for p in read_prompts(path)} == {"A calm folk song with harp"}


def test_choice_of_writer(monkeypatch):
    for name in ("UNSUNG_WRITER_KEY", "OPENAI_API_KEY", "UNSUNG_WRITER_URL", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert isinstance(choose_writer("auto"), GrammarWriter)
    with pytest.raises(UsageError, match="expected a key"):
        choose_writer("endpoint", "m")
    monkeypatch.setenv("UNSUNG_WRITER_KEY", KEY)
    monkeypatch.setenv("UNSUNG_WRITER_URL", "http://127.0.0.1:1/v1")
    with pytest.raises(UsageError, match="expected a model"):
        choose_writer("auto")
    chosen = choose_writer("auto", "m")
    assert isinstance(chosen, EndpointWriter)
    assert chosen.endpoint.base_url == "http://127.0.0.1:1/v1"
    assert isinstance(choose_writer("grammar", "m"), GrammarWriter)
    with pytest.raises(UsageError, match="auto, grammar or endpoint"):
        choose_writer("robot")

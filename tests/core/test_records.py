"""Records survive what kills and disks do, and one process at a time writes them."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from unsung.core.locks import in_use, lock
from unsung.core.records import Journal, Records, read_records
from unsung.errors import ManifestError, UsageError

ROWS = [{"id": n, "text": "ä" * n} for n in range(3)]


def values(path):
    return [row for _, _, row in read_records(path)]


def written(path):
    with Records(path) as file:
        return [file.append(row) for row in ROWS]


def test_every_cut_costs_at_most_the_line_it_fell_into(tmp_path):
    path = tmp_path / "log.jsonl"
    written(path)
    whole = path.read_bytes()
    ends = [end for _, end, _ in read_records(path)]
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        left = sum(end - 1 <= cut for end in ends)  # a line that lacks its end alone is whole
        assert values(path) == ROWS[:left]
        with Records(path) as file:
            assert file.size == (ends[left - 1] if left else 0) == path.stat().st_size
            file.append("next")
        assert values(path) == [*ROWS[:left], "next"]


def test_zeros_of_a_power_loss_go_and_longer_lines_than_a_block_stay(tmp_path):
    path = tmp_path / "log.jsonl"
    with Records(path, sync_s=0.0) as file:
        file.append({"a": "x" * 3_000_000})
    whole = path.read_bytes()
    for torn in (b"\0" * 5000, whole[:-2], whole[:2_500_000]):
        path.write_bytes(whole + torn)
        with Records(path) as file:
            assert file.size == len(whole) == path.stat().st_size


def test_a_record_is_found_by_its_offset_and_from_there_on(tmp_path):
    path = tmp_path / "log.jsonl"
    places = written(path)
    with Records(path) as file:
        assert [file.at(place) for place in reversed(places)] == ROWS[::-1]
    assert [row for _, _, row in read_records(path, start=places[1])] == ROWS[1:]
    path.write_bytes(path.read_bytes() + b"12")  # a number may go on
    assert values(path) == ROWS


@pytest.mark.parametrize("content", [b"RIFFdata", b"notes\nof mine\n", b"[1]\n", b'{"b": 1}\n{"b'])
def test_a_file_of_something_else_is_left_as_it_is(tmp_path, content):
    path = tmp_path / "mine"
    path.write_bytes(content)
    with pytest.raises(ManifestError):
        Records(path, ours=lambda row: "a" in row, error=ManifestError, head=b'{"a')
    assert path.read_bytes() == content and not in_use(path)


def test_damage_in_the_middle_names_its_line_or_is_left_out(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"a": 1}\nnonsense\n\n{"a": 2}\n')
    with pytest.raises(ManifestError, match="line 2"):
        Journal(path, error=ManifestError)
    assert [row for _, _, row in read_records(path, skip_damaged=True)] == [{"a": 1}, {"a": 2}]


def test_a_full_disk_leaves_the_records_whole(tmp_path):
    pytest.importorskip("resource")
    path = tmp_path / "log.jsonl"
    code = f"""
import resource, signal
from pathlib import Path
from unsung.core.records import Records
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (150, 150))
with Records(Path({str(path)!r})) as file:
    for n in range(9):
        try:
            file.append({{"n": n, "text": "x" * 40}})
        except OSError:
            print(n, file.size)
            break
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, size = map(int, found.stdout.split())
    assert [row["n"] for row in values(path)] == list(range(count)) and count > 1
    assert path.stat().st_size == size


def test_threads_write_whole_lines(tmp_path):
    with Records(tmp_path / "log.jsonl") as file, ThreadPoolExecutor(8) as crew:
        places = list(crew.map(lambda n: file.append([n] * 200), range(200)))
        assert [file.at(place)[0] for place in places] == list(range(200))


def test_lines_are_left_out_for_good(tmp_path):
    path = tmp_path / "log.jsonl"
    places = written(path)
    file = Records(path)
    assert file.close_without([places[1]])
    assert values(path) == [ROWS[0], ROWS[2]] and not in_use(path)


def test_one_process_at_a_time(tmp_path):
    path = tmp_path / "log.jsonl"
    code = f"""
import time
from pathlib import Path
from unsung.core.records import Records
file = Records(Path({str(path)!r}))
file.append({{"from": "the other"}})
print("held", flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout.readline() == b"held\n"
            assert in_use(path)
            with pytest.raises(UsageError):
                Records(path)
            with ThreadPoolExecutor(1) as crew:
                waiting = crew.submit(Records, path, wait=True)
                time.sleep(0.3)
                assert not waiting.done()
                other.kill()
                with waiting.result(10) as file:
                    file.append({"from": "us"})
        finally:
            other.kill()
    assert [row["from"] for row in values(path)] == ["the other", "us"]


def test_a_file_that_was_replaced_is_not_held(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"")
    with path.open("ab") as file:
        (tmp_path / "new").write_text(json.dumps({}))
        (tmp_path / "new").replace(path)
        with pytest.raises(UsageError):
            lock(file, path)

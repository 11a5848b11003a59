# SPDX-License-Identifier: MIT
"""The same rows from a Ray cluster, also when processes and machines are lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import unsung
from unsung.errors import MissingExtra
from unsung.scanning import Settings, scan_rows

SOURCE = Path(unsung.__file__).parent.parent
HERE = Path(__file__).parent

SCAN = """
import sys, os
sys.path[:0] = [{source!r}, {here!r}]
import json
from pathlib import Path
import catalogue_stub
from unsung.scanning import Settings
from unsung.scanning.catalogue import scan_catalogue
from unsung.scanning.limits import Limits
{before}
rows = []
for row in scan_catalogue([{music!r}], Settings(), Path({out!r}), jobs=2, ray={address!r},
                          load=catalogue_stub.load, limits=Limits(time_s=20)):
    rows.append(row)
    {during}
print(json.dumps([[r.score.path, r.score.error and r.score.error.type, r.skipped] for r in rows]))
{after}
"""
NODES = """
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
lost = cluster.add_node(num_cpus=1)
"""


@pytest.fixture
def music(tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    for number in range(24):
        (folder / f"{number:02d}.wav").write_text(f"song {number % 20}")
        os.utime(folder / f"{number:02d}.wav", (1_700_000_000,) * 2)
    return folder


def scan(music, tmp_path, *, before="", during="pass", after="", address="local", timeout=240):
    code = SCAN.format(
        source=str(SOURCE),
        here=str(HERE),
        music=str(music),
        out=str(tmp_path / "out"),
        address=address,
        before=before,
        during=during,
        after=after,
    )
    if "cluster" in before:
        code = code.replace("'CLUSTER'", "cluster.address")
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(SOURCE), str(HERE))),
        "STUB_LOG": str(tmp_path / "scored.log"),
        "STUB_WAIT_S": "0.05",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    import json

    return json.loads(done.stdout.strip().splitlines()[-1])


def scored(tmp_path):
    return (tmp_path / "scored.log").read_text().split()


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"unsung\[cluster\]"):
        next(scan_rows(["x.mp3"], Settings(), ray="local"))


@pytest.mark.slow
def test_a_local_cluster_gives_every_row_once(music, tmp_path):
    pytest.importorskip("ray")
    (music / "die.wav").write_text("die")
    rows = scan(music, tmp_path)
    assert sorted(path for path, *_ in rows) == sorted(map(str, music.iterdir()))
    assert [Path(path).name for path, error, _ in rows if error] == ["die.wav"]
    assert len(scored(tmp_path)) == 21  # 20 contents and the one that kills: each once
    again = scan(music, tmp_path)
    assert all(skipped for *_, skipped in again) and len(again) == 25


@pytest.mark.slow
def test_a_lost_machine_loses_no_row(music, tmp_path):
    pytest.importorskip("ray")
    rows = scan(
        music,
        tmp_path,
        before=NODES,
        during="len(rows) == 6 and cluster.remove_node(lost, allow_graceful=False)",
        after="cluster.shutdown()",
        address="CLUSTER",
    )
    assert sorted(path for path, *_ in rows) == sorted(map(str, music.iterdir()))
    assert [error for _, error, _ in rows if error] == []
    assert len((tmp_path / "out" / "scores.jsonl").read_text().splitlines()) == 24
    assert len(set(scored(tmp_path))) == 20 and len(scored(tmp_path)) <= 20 + 4

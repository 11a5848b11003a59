# SPDX-License-Identifier: MIT
from __future__ import annotations

import sys
import time

import numpy as np
import psutil
import pytest

from unsung.errors import NotAudio, UnknownName, UsageError
from unsung.synthesis.generators._process import run
from unsung.synthesis.generators.base import GeneratorError, NotReady, build
from unsung.synthesis.prompts import Prompt

PROGRAM = """
import json, sys
import numpy as np, soundfile
args = dict(word.split("=", 1) for word in sys.argv[1:])
rng = np.random.default_rng(int(args["--seed"]))
soundfile.write(args["--out"], 0.1 * rng.standard_normal(8000), 8000)
open(args["--log"], "w").write(json.dumps(args))
"""
NASTY = "$(touch /tmp/x) `id` ; rm -rf ~ \" ' {seed} %s \\ \n| & > <"


@pytest.fixture
def program(tmp_path):
    (tmp_path / "my gen.py").write_text(PROGRAM)
    log = tmp_path / "log.json"
    words = "--p={prompt} --seed={seed} --out={output} --s={duration_s} --l={lyrics_file}"
    return f"{sys.executable} '{tmp_path / 'my gen.py'}' {words} --log={log}", log


def test_fills_the_template_and_reads_the_sound(program):
    command, log = program
    generator = build("command", {"command": command, "label": "mine", "family": "F"})
    generator.check()
    clip = generator.generate(Prompt("a", "full", "calm folk", "La"), 7, 0.5)
    assert (clip.sample_rate_hz, clip.samples.shape) == (8000, (1, 4000))
    expected = 0.1 * np.random.default_rng(7).standard_normal(8000)[:4000]
    np.testing.assert_allclose(clip.samples[0], expected, atol=2**-15)
    assert '"--s": "0.5"' in log.read_text()
    assert generator.label == "mine"
    assert (generator.provenance()["family"], generator.provenance()["licence"]) == (
        "F",
        "unstated",
    )


def test_no_shell_reads_the_prompt(program):
    import json

    command, log = program
    build("command", {"command": command}).generate(Prompt("a", "full", NASTY), 1, 0.5)
    assert json.loads(log.read_text())["--p"] == NASTY


def test_prompt_cannot_become_an_option(tmp_path):
    command = f"{sys.executable} -c pass {{prompt}} {{output}}"
    with pytest.raises(GeneratorError, match="begins with '-'"):
        build("command", {"command": command}).generate(Prompt("a", "full", "--evil"), 1, 1)


@pytest.mark.parametrize(
    ("command", "error", "words"),
    [
        ("gen {out}", UnknownName, "did you mean 'output'"),
        ("gen -o x.wav", UsageError, r"must name \{output\}"),
        ("gen 'open {output}", UsageError, "cannot be read"),
        ("gen {output", UsageError, "cannot be read"),
        ("gen {output!r}", UsageError, "takes no format"),
        ("gen {output.__class__}", UnknownName, "no field"),
        ("gen {} {output}", UnknownName, "no field"),
    ],
)
def test_template_errors(command, error, words):
    with pytest.raises(error, match=words):
        build("command", {"command": command})


def test_doubled_braces_are_plain(tmp_path):
    code = "import sys; open(sys.argv[1], 'w').write(sys.argv[2]); raise SystemExit(3)"
    command = f'{sys.executable} -c "{code}" {tmp_path / "log"} {{{{x}}}} {{output}}'
    with pytest.raises(GeneratorError, match="code 3"):
        build("command", {"command": command}).generate(Prompt("a", "full", "s"), 1, 1)
    assert (tmp_path / "log").read_text() == "{x}"


def test_absent_program_and_template():
    with pytest.raises(NotReady, match="expected the command line"):
        build("command").check()
    with pytest.raises(NotReady, match="no program 'no-such-program'"):
        build("command", {"command": "no-such-program {output}"}).check()


def python(code, **settings):
    command = f'{sys.executable} -c "{code}" {{output}}'
    generator = build("command", {"command": command, **settings})
    return generator.generate(Prompt("a", "full", "s"), 1, 1.0)


def test_its_last_words_are_kept():
    with pytest.raises(GeneratorError, match=r"code 1; it said: (?s:.*)ZeroDivisionError"):
        python("1/0")
    with pytest.raises(GeneratorError, match=r"did not write \{output\}.*it said: hello"):
        python("print('hello')")
    with pytest.raises(NotAudio):
        python("import sys; open(sys.argv[1], 'w').write('no sound at all' * 99)")


def test_time_limit_kills_its_children_too(tmp_path):
    note = tmp_path / "child"
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(note)!r}, 'w').write(str(child.pid))\n"
        "child.wait()"
    )
    with pytest.raises(GeneratorError, match=r"longer than 3 s and was stopped"):
        run("x", [sys.executable, "-c", code], timeout_s=3)
    until = time.monotonic() + 60
    while alive(int(note.read_text())) and time.monotonic() < until:
        time.sleep(0.02)
    assert not alive(int(note.read_text()))


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_endless_output_does_not_block():
    code = "import sys; sys.stdout.write('x' * 10**7 + 'the end')"
    said = run("x", [sys.executable, "-c", code], timeout_s=60)
    assert said.endswith("the end") and len(said) <= 1500

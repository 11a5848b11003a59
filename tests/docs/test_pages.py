# SPDX-License-Identifier: MIT
"""Every command of the tutorials and how-to pages runs, and prints what the page shows."""

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    [*DOCS.glob("tutorials/*.md"), *DOCS.glob("how-to/*.md"), DOCS / "limits-and-ethics.md"]
)
NESTED = ("bundle", "data", "synth", "weights")


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


page_blocks = load(Path(__file__).with_name("blocks.py"))


def name_of(page):
    return page.relative_to(DOCS).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_says_what_happens_to_it(page):
    for block in page_blocks.blocks(page.read_text(encoding="utf-8")):
        assert re.match(r"(run(: \d+)?|file: \S+|not run: .+)$", block.mark), (
            f"{name_of(page)}: no mark before the block\n{block.text}"
        )


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_has_its_verb_and_options(page):
    """The quick twin of the slow test below: no command is misspelt or outdated."""
    import typer
    from typer.testing import CliRunner

    from unsung.cli import app

    seen = {}
    for block in page_blocks.blocks(page.read_text(encoding="utf-8")):
        if block.kind != "console":
            continue
        for command in page_blocks.commands(block.text):
            for call in re.findall(r"(?:^|[;|&] *)unsung (.+)", command.line.replace("\\\n", " ")):
                words = re.split(r"\s[|>;&]", call)[0].split()
                verb = tuple(words[: 2 if words[0] in NESTED else 1])
                if verb not in seen:
                    answer = CliRunner().invoke(app, [*verb, "--help"], env={"COLUMNS": "250"})
                    assert answer.exit_code == 0, answer.output
                    seen[verb] = answer.output
                for word in words:
                    if word.startswith("-") and not re.match(r"-?\d|-$", word):
                        assert word.split("=")[0] in seen[verb], f"{word} of {command.line}"
    assert typer is not None


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_runs_and_prints_what_the_page_shows(page, tmp_path):
    for _, command, printed in page_blocks.run(page, tmp_path):
        if command is not None:
            assert page_blocks.agrees(command.expected, printed), (
                f"$ {command.line}\nthe page shows:\n" + "\n".join(command.expected)
                + f"\nit printed:\n{printed}\nrun: python tests/docs/blocks.py {page}"
            )  # fmt: skip


def test_output_is_compared_word_by_word():
    agrees = page_blocks.agrees
    assert agrees(("a 1.5 s", "b"), "a 22 s\nb\n")
    assert not agrees(("a 1.5 s", "b"), "a 22 s\nc\n")
    assert not agrees(("a",), "a\nb")
    assert agrees(("a", "..."), "a\nb\nc")
    assert agrees((), "")
    assert not agrees((), "surprise")


def test_a_failing_command_fails_the_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- run -->\n```console\n$ false\n```\n")
    with pytest.raises(AssertionError, match="ended with 1"):
        page_blocks.run(page, tmp_path)


def test_links_between_pages_lead_somewhere():
    generated = ("reference/", "models/", "results/")
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if target.startswith("http"):
                continue
            place = (page.parent / target).resolve()
            inside = place.is_relative_to(DOCS) and place.relative_to(DOCS).as_posix()
            assert place.exists() or str(inside).startswith(generated), f"{name_of(page)}: {target}"


def shipped_texts():
    """Every text that tells somebody what to install, as git lists it."""
    listed = subprocess.run(
        ["git", "ls-files", "*.md", "*.py", "*.toml", "*.yml", "*.yaml", "*.ipynb", "*.service",
         "Makefile", "deploy/*"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    names = [name for name in listed.stdout.splitlines() if not name.startswith("results/")]
    if not names:
        pytest.skip("no git here")
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_no_text_names_a_package_on_the_index_that_is_not_ours():
    """`unsung` is nobody's there: whoever takes the name would be run by all who copy a line."""
    stranger = re.compile(
        r"(pip3?|pipx|uvx?|uv pip|uv tool)( install| run| add)*( -\S+)* "
        r"['\"]?unsung(\[|['\"\s`)]|$)"
        r"|['\"]unsung\[\w+(,\w+)*\]['\"]\)?\s*$",
        re.MULTILINE,
    )
    for path in shipped_texts():
        if path in (Path(__file__), ROOT / "pyproject.toml"):  # its own extras name each other
            continue
        found = stranger.search(path.read_text(encoding="utf-8"))
        assert found is None, f"{path}: {found and found.group()}"
    action = (ROOT / "integrations/github-action/action.yml").read_text(encoding="utf-8")
    assert not re.search(r"default: ['\"]?unsung['\"]?\s*$", action, re.MULTILINE)


def test_an_install_with_torch_comes_with_the_constraints():
    for path in shipped_texts():
        if path.suffix != ".md":
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            for command in re.findall(r"pip install '\.\[[^`]+", line):
                assert "-c constraints.txt" in command, f"{path}: {line}"


def test_figures_that_the_program_knows_are_told_as_it_says_them():
    from unsung import registry
    from unsung.attacks import battery

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    bundle = ROOT / "src/unsung/bundles/default"
    size = f"{sum(file.stat().st_size for file in bundle.iterdir()) / 1e6:.1f} MB model"
    assert size in readme and size in index
    assert f"for each of {len(battery('default'))} attacks" in readme
    general = {"generic_folder", "table", "huggingface"}
    assert f"any of {len(set(registry.names('datasets')) - general)} corpora" in readme

# SPDX-License-Identifier: MIT
"""Every notebook runs from top to bottom, has no stored output, and converts to text and back."""

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STORIES = {
    "audit-a-detector", "explain-a-song", "scan-a-folder", "stress-a-detector",
    "train-on-your-folder",
}  # fmt: skip
LONGEST_S = 60  # of processor time: what a reader waits on an idle machine


def read(path):
    return nbformat.read(path, as_version=4)


def test_all_five_stories_are_told():
    assert {path.stem for path in NOTEBOOKS} == STORIES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_stored_without_output_and_says_how_to_use_own_music(path):
    notebook = read(path)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert any("our own" in cell.source or "Yours:" in cell.source for cell in code[:1])
    assert notebook.cells[0].source.startswith("# ")
    assert path.stat().st_size < 20_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_code_compiles_and_imports_only_what_exists(path):
    """The quick twin of the slow test: every import of ours is still there."""
    import ast
    from importlib import import_module

    cells = (cell.source for cell in read(path).cells if cell.cell_type == "code")
    tree = ast.parse("\n".join(cells))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in found if node.module and node.module.split(".")[0] == "unsung"]
    assert ours
    for node in ours:
        module = import_module(node.module)
        for alias in node.names:
            assert hasattr(module, alias.name), f"{node.module}.{alias.name}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_survives_the_way_to_text_and_back(path):
    jupytext = pytest.importorskip("jupytext")
    notebook = read(path)
    again = jupytext.reads(jupytext.writes(notebook, fmt="py:percent"), fmt="py:percent")
    assert [(c.cell_type, c.source) for c in again.cells] == [
        (c.cell_type, c.source) for c in notebook.cells
    ]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Jupyter's own machinery
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = read(path)
    clock = nbformat.v4.new_code_cell("import time; print(time.process_time())")
    notebook.cells.append(clock)
    nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    assert float(clock.outputs[0].text) < LONGEST_S
    pictures = [
        kind for cell in notebook.cells if cell.cell_type == "code"
        for output in cell.outputs for kind in output.get("data", {})
    ]  # fmt: skip
    assert not any(kind.startswith("audio") for kind in pictures)

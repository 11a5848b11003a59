# SPDX-License-Identifier: MIT
"""The Python reference: a page a folder with its public names, filled by mkdocstrings."""

from __future__ import annotations

import ast
from pathlib import Path

from pages import ROOT, Section

__all__ = ["section"]

_PACKAGE = ROOT / "src" / "unsung"
_ORDER = (
    "audio", "frontends", "data", "relevance", "evaluation", "synthesis", "attacks",
    "fingerprints", "detectors", "runtime", "explainers", "scanning", "export", "training",
    "reproduce", "reports", "api",
)  # fmt: skip
_TOP = """\
# Python

`import unsung` gives `scan`, `load_bundle`, the records and the errors; it loads neither torch nor
ONNX Runtime until they are used. Everything else lives in the folder that tells its story. Names
that start with an underscore may change at any time.

```python
import unsung

score = unsung.scan("song.mp3")
print(score.verdict, score.probability, score.evidence.words)
```

## unsung.scan

::: unsung.scanning.pipeline.scan_paths
    options:
      show_root_heading: true
      heading_level: 3

## unsung.load_bundle

::: unsung.runtime.bundle.load_bundle
    options:
      show_root_heading: true
      heading_level: 3

## Folders

{folders}
"""


def section() -> Section:
    """Return a page each for the top, the records, the errors, the registry and every folder."""
    folders = [name for name in _ORDER if (_PACKAGE / name / "__init__.py").is_file()]
    known = {*folders, "cli"}
    for path in sorted(_PACKAGE.glob("*/__init__.py")):
        if path.parent.name not in known:
            folders.append(path.parent.name)
    made = Section()
    listed = "\n".join(f"- [`unsung.{name}`]({name}.md): {_first_line(name)}" for name in folders)
    made.add("unsung", "reference/python/index.md", _TOP.format(folders=listed))
    for name in ("types", "errors", "registry"):
        made.add(f"unsung.{name}", f"reference/python/{name}.md", _single(f"unsung.{name}"))
    for name in folders:
        made.add(f"unsung.{name}", f"reference/python/{name}.md", _folder(name))
    return made


def _folder(name: str) -> str:
    """Return a folder's page: its exported names, or its public modules where it exports none."""
    exported = _exports(_PACKAGE / name / "__init__.py")
    base = _PACKAGE / name / "base.py"
    if exported:
        text = _single(f"unsung.{name}")
    else:
        text = f"# unsung.{name}\n\n{_first_line(name)}\n"
        for path in _modules(_PACKAGE / name):
            text += _module(f"unsung.{name}.{path.stem}")
    if base.is_file() and not _defined_base(name) & set(exported) and exported:
        text += _module(f"unsung.{name}.base")
    return text


def _modules(folder: Path) -> list[Path]:
    """Return modules with public names; a capability's own file stands in its kind's list."""
    base = folder / "base.py"
    if base.is_file():
        return [base]
    found = sorted(p for p in folder.glob("*.py") if not p.name.startswith("_"))
    return [path for path in found if _exports(path)]


def _single(name: str) -> str:
    return f"# {name}\n\n::: {name}\n    options:\n      heading_level: 2\n"


def _module(name: str) -> str:
    return f"\n## {name}\n\n::: {name}\n    options:\n      heading_level: 3\n"


def _first_line(name: str) -> str:
    text = (_PACKAGE / name / "__init__.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def _exports(path: Path) -> list[str]:
    """Return ``__all__`` of a file, read without running it."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    return []


def _defined_base(name: str) -> set[str]:
    return set(_exports(_PACKAGE / name / "base.py"))

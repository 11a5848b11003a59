# SPDX-License-Identifier: MIT
"""The command line's reference, read from the very commands that run."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, get_args

from pages import Section, cell, prose

__all__ = ["section"]

_HEAD = """\
# Command line

Every command with every option, read from the program when this page was made. `--help` after any
of them prints the same. Exit codes: 0 done, 1 some files failed (each has a row that says why),
2 wrong usage, 128 + signal when stopped: 130 Ctrl-C, 143 SIGTERM, 129 SIGHUP, 141 nobody reads on.
What runs until it is stopped (`serve`, `web`, `scan --watch`) ends with 0.
"""
_OPTION_PANELS = ("Arguments", "Options")
_WORDS = {"str": "text", "int": "number", "integer": "number", "float": "number", "path": "path"}
_EVERYWHERE = {"help", "install_completion", "show_completion"}


def section() -> Section:
    """Return one page: a part for each verb."""
    import typer

    from unsung.cli import app

    blocks = [_HEAD, *_commands(typer.main.get_command(app), "unsung", 1)]
    made = Section()
    made.add("Command line", "reference/cli.md", "\n".join(blocks))
    return made


def _commands(command: Any, path: str, depth: int) -> Iterator[str]:
    """Yield the Markdown of a command and of those below it, in the order of `--help`."""
    if depth > 1:
        yield f"\n{'#' * depth} `{path}`\n\n{_help(command)}\n\n{_epilog(command)}"
    yield from _tables(command, path)
    for name, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            yield from _commands(below, f"{path} {name}", depth + 1)


def _help(command: Any) -> str:
    return prose(inspect.cleandoc(command.help or ""))


def _epilog(command: Any) -> str:
    if not command.epilog:
        return ""
    lines = (line.strip() for line in command.epilog.splitlines())
    return "\n\n".join(prose(line) for line in lines if line)


def _tables(command: Any, path: str) -> Iterator[str]:
    panels: dict[str, list[Any]] = {}
    for parameter in command.params:
        if parameter.name in _EVERYWHERE or getattr(parameter, "hidden", False):
            continue
        usual = _OPTION_PANELS[parameter.param_type_name != "argument"]
        panel = getattr(parameter, "rich_help_panel", None) or usual
        panels.setdefault(panel, []).append(parameter)
    for panel, parameters in panels.items():
        rows = [_row(one) for one in parameters]
        title = f"{panel} of `{path}`" if panel in _OPTION_PANELS else panel
        yield f"\n**{title}**\n\n| name | value | default | meaning |\n|---|---|---|---|"
        yield "\n".join(rows)


def _row(parameter: Any) -> str:
    kind = _kind(parameter)
    if parameter.param_type_name == "argument":
        name = f"`{(parameter.metavar or parameter.name.upper()).rstrip('.')}`"
    else:
        name = ", ".join(f"`{opt}`" for opt in [*parameter.opts, *parameter.secondary_opts])
        kind = "" if parameter.is_flag else (parameter.metavar or kind)
    kind += " …" if getattr(parameter, "multiple", False) or parameter.nargs == -1 else ""
    default = "required" if parameter.required else _default(parameter)
    return f"| {name} | {cell(kind)} | {default} | {cell(parameter.help or '')} |"


def _kind(parameter: Any) -> str:
    """Return what kind of value is expected; older Typer keeps Click's type, newer its own."""
    if hasattr(parameter, "type"):
        found: str = parameter.type.name
    else:
        annotation = parameter.type_descriptor.annotation
        while get_args(annotation):  # list[Path] and Path | None name the same kind of value
            annotation = get_args(annotation)[0]
        found = getattr(annotation, "__name__", str(annotation))
    return _WORDS.get(found.lower(), found)


def _default(parameter: Any) -> str:
    value = parameter.default
    if value is None or callable(value) or value in (False, "", (), []):
        return ""
    return f"`{value}`"

# SPDX-License-Identifier: MIT
"""The table of corpora in docs/corpora.md, made from what each corpus states of itself.

`python -m unsung.data.datasets._page docs/corpora.md` writes it anew between its two marks.
"""

from __future__ import annotations

import sys
from pathlib import Path

from unsung import registry
from unsung.data.datasets.base import Info

__all__ = ["BEGIN", "END", "refreshed", "table"]

BEGIN, END = "<!-- corpora: begin -->", "<!-- corpora: end -->"
_HEAD = "| name | corpus | domain | licence | size | fetchable | verified by |\n|" + "---|" * 7


def table() -> str:
    """Return a row for each registered corpus, as Markdown."""
    rows = [_row(name, registry.get("datasets", name).info) for name in registry.names("datasets")]
    return "\n".join([_HEAD, *rows])


def refreshed(page: str) -> str:
    """Return the page with the table between its marks made anew.

    Raises:
        ValueError: the page has no marks.
    """
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"expected the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _row(name: str, info: Info) -> str:
    size = f"{info.size_gb:g} GB" if info.size_gb else "–"
    cells = (
        f"`{name}`",
        f"[{info.title}]({info.homepage})",
        info.domain,
        info.licence,
        size,
        _fetchable(info),
        info.verified_by or "no layout is published; arrange it by label",
    )
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _fetchable(info: Info) -> str:
    """Say whether `unsung data fetch` gets the corpus, and by which way."""
    ways = {
        "hub" if file.url.startswith("hf://") else file.url.split(":")[0].replace("https", "http")
        for file in info.downloads
    }
    return f"yes ({', '.join(sorted(ways))})" if ways else "no"


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        page = Path(argument)
        page.write_text(refreshed(page.read_text(encoding="utf-8")), encoding="utf-8")

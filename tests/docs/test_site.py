# SPDX-License-Identifier: MIT
"""The site: generated pages are complete, all pages stand in the nav, nothing loads from afar."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LOADERS = {
    "script": "src", "img": "src", "iframe": "src", "audio": "src", "video": "src",
    "source": "src", "embed": "src", "object": "data", "form": "action",
}  # fmt: skip


@pytest.fixture(scope="module")
def hooks():
    """Import the makers of generated pages as MkDocs does: their folder is on the path."""
    sys.path.insert(0, str(DOCS / "hooks"))
    names = [path.stem for path in (DOCS / "hooks").glob("*.py") if path.stem != "generated"]
    try:
        yield {name: importlib.import_module(name) for name in names if name != "doctests"}
    finally:
        sys.path.remove(str(DOCS / "hooks"))
        for name in names:
            sys.modules.pop(name, None)


def test_the_command_line_page_holds_every_command_and_option(hooks):
    import typer

    from unsung.cli import app

    (page,) = hooks["cli_pages"].section().pages.values()
    seen = 0

    def walk(command, path):
        nonlocal seen
        assert path == "unsung" or f"# `{path}`" in page
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.name != "help":
                seen += 1
                if parameter.name not in ("install_completion", "show_completion"):
                    assert f"`{parameter.opts[0]}`" in page, f"{path} {parameter.opts}"
        for name, below in getattr(command, "commands", {}).items():
            walk(below, f"{path} {name}")

    walk(typer.main.get_command(app), "unsung")
    assert seen > 100
    assert "| `--false-alarm-rate` | number | `0.01` |" in page


def test_every_capability_is_listed_with_its_sentence(hooks):
    from unsung import registry

    pages = hooks["registry_pages"].section().pages
    for kind in registry.kinds():
        page = pages[f"reference/capabilities/{kind}.md"]
        for name in registry.names(kind):
            assert (
                f"| [`{name}`](#{name}) | {hooks['pages'].cell(registry.summary(kind, name))} |"
                in page
            )
            assert f"## {name} " in page


def test_every_folder_of_the_package_has_a_python_page(hooks):
    section = hooks["python_pages"].section()
    for path in (ROOT / "src" / "unsung").glob("*/__init__.py"):
        name = path.parent.name
        assert name == "cli" or f"reference/python/{name}.md" in section.pages, name
    assert "::: unsung.scanning.pipeline.scan_paths" in section.pages["reference/python/index.md"]


def test_the_rest_page_holds_every_route_and_its_document(hooks):
    pytest.importorskip("fastapi")
    pages = hooks["rest_pages"].section().pages
    document = json.loads(pages["reference/openapi.json"])
    for path, methods in document["paths"].items():
        for method in methods:
            assert f"## `{method.upper()} {path}`" in pages["reference/rest-api.md"]
    for name in re.findall(r"\]\(#(\w+)\)", pages["reference/rest-api.md"]):
        assert re.search(rf"^## {name}$", pages["reference/rest-api.md"], re.I | re.M), name


def test_cards_hold_what_the_bundle_and_the_weights_say(hooks):
    from unsung.detectors._cards import cards
    from unsung.runtime import bundle_names, load_bundle

    pages = hooks["model_pages"].section().pages
    for name in bundle_names():
        bundle, page = load_bundle(name), pages[f"models/{name}.md"]
        assert bundle.sha256 in page
        assert bundle.card["forbidden_use"] in page
        for failure in bundle.card["failures"]:
            assert hooks["pages"].prose(failure) in page
    for card in cards():
        assert f"## {card.name} " in pages["models/weights.md"]


def test_every_study_and_result_page_is_there(hooks):
    pages = hooks["result_pages"].section().pages
    for path in (ROOT / "experiments").glob("*.toml"):
        assert f"| `{path.stem}` |" in pages["results/index.md"]
    for path in (ROOT / "results").glob("*.md"):
        assert f"results/{path.name}" in pages
    assert not any(address.endswith("scores.jsonl") for address in pages)


def test_markdown_signs_in_docstrings_are_inert(hooks):
    prose, cell = hooks["pages"].prose, hooks["pages"].cell
    assert prose("[a][b] < *x* ``[c]`` `d_e`") == "\\[a\\]\\[b\\] &lt; \\*x\\* ``[c]`` `d_e`"
    assert cell("a\n  b | c") == "a b \\| c"


def test_doctests_are_fenced():
    griffe = pytest.importorskip("griffe")
    assert griffe is not None
    sys.path.insert(0, str(DOCS / "hooks"))
    try:
        fenced = importlib.import_module("doctests").fenced
    finally:
        sys.path.remove(str(DOCS / "hooks"))
    assert fenced("a\n\n>>> x\n1\n\nb") == "a\n\n\n```pycon\n>>> x\n1\n```\n\nb"
    assert fenced("no doctest") == "no doctest"


def nav_pages(lines):
    for line in lines:
        value = line if isinstance(line, str) else next(iter(line.values()))
        yield from nav_pages(value) if isinstance(value, list) else [value]


def test_every_page_stands_in_the_nav():
    yaml = pytest.importorskip("yaml")
    listed = set(nav_pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    hidden = ("hooks/", "overrides/")
    written = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert {page for page in written if not page.startswith(hidden)} - listed == set()
    assert {page for page in listed if not page.startswith("generated:")} - written == set()


def test_figures_of_the_limits_page_are_the_measured_ones():
    rows = [
        json.loads(line)
        for line in (ROOT / "results/default-detector.jsonl").read_text().splitlines()
    ]
    page = (DOCS / "limits-and-ethics.md").read_text(encoding="utf-8")
    table = page.split("<!-- figures: begin -->")[1].split("<!-- figures: end -->")[0]
    for name in ("AI, all", "human excerpts", "whole human tracks", "resynthesis of human music"):
        (row,) = [
            r for r in rows
            if r["dataset"] == name and r["metric"] == "share_ai" and r["detector"] == "default"
            and r["condition"] == "verdict at 0.01 false alarms"
        ]  # fmt: skip
        shown = f"| {row['value']:.1%} | {row['low']:.1%} to {row['high']:.1%} |"
        assert shown.replace("%", " %").replace(" % to", " to") in table, (name, shown)
        assert f"({row['n_tracks']}" in table
    found = next(r["value"] for r in rows if r["dataset"] == "AI, all" and r["metric"] == "share_ai"
                 and r["condition"] == "verdict at 0.01 false alarms")  # fmt: skip
    assert f"FOUND, FALSE_ALARMS, TRACKS = {found:.3f}, 0.01, 100_000" in page
    picture = (DOCS / "images" / "base-rates.svg").read_text()
    for share in (0.001, 0.01, 0.1, 0.5):
        right = share * found / (share * found + (1 - share) * 0.01)
        assert f"{right:.0%} right".replace("%", " %") in picture


def test_robustness_figures_of_the_limits_page_are_the_measured_ones():
    rows = [
        json.loads(line)
        for line in (ROOT / "results/robustness/results.jsonl").read_text().splitlines()
    ]
    page = " ".join((DOCS / "limits-and-ethics.md").read_text(encoding="utf-8").split())

    def value(metric, condition):
        (row,) = [r for r in rows if r["metric"] == metric and r["condition"] == condition]
        return f"{row['value']:.1%}".replace("%", " %")

    assert f"{value('detection', 'clean')} of the AI excerpts" in page
    assert f"{value('detection', 'speed@1.05')} when sped up by 5 %" in page
    assert f"called AI in {value('false_alarms', 'vocoder_stretch@0.9')} of cases" in page
    odd = value("false_alarms", "vocoder_stretch:rate_hz=16000@0.9")
    assert f"in {odd} when that was done at 16 kHz" in page


def test_our_pictures_are_drawn_here_and_follow_the_scheme():
    for path in (DOCS / "images").glob("*.svg"):
        text = path.read_text()
        assert "prefers-color-scheme: dark" in text
        assert "<title" in text
        assert not re.search(r"(?:href|src)=\"https?:", text)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site as `make docs` does."""
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    pytest.importorskip("mkdocstrings")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Loads(HTMLParser):
    """Collects what a browser fetches by itself, and the links that stay on the site."""

    def __init__(self):
        super().__init__()
        self.loads, self.links, self.ids, self.policy = [], [], set(), ""

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids |= {given.get("id"), given.get("name")}
        if tag == "link" and given.get("rel") in ("stylesheet", "icon", "preload", "preconnect"):
            self.loads.append(given["href"])
        elif tag in LOADERS and given.get(LOADERS[tag]):
            self.loads.append(given[LOADERS[tag]])
        elif tag == "a" and given.get("href"):
            self.links.append(given["href"])
        elif tag == "meta" and given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]


def read(path):
    parser = Loads()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser


@pytest.mark.slow
def test_no_page_loads_anything_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 60
    for path in pages:
        found = read(path)
        for load in found.loads:
            assert not urlsplit(load).netloc, f"{path}: {load}"
        if "results" not in path.parts or path.parent.name == "results":
            assert "default-src 'self'" in found.policy, path
    for path in [*site.rglob("*.css"), *site.rglob("*.js")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"@import\s+(url\()?['\"]?https?:|url\(['\"]?(https?:)?//", text), path
        # addresses that the theme's scripts would fetch or load
        assert not re.search(r"unpkg\.com|api\.github\.com|jsdelivr|googleapis|gstatic", text), path


@pytest.mark.slow
def test_every_link_and_anchor_within_the_site_leads_somewhere(site):
    parsed = {path.resolve(): read(path) for path in site.rglob("*.html")}
    broken = []
    for path, found in parsed.items():
        if path.name == "404.html":
            continue
        for link in found.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            anchor = unquote(parts.fragment)
            if not target.exists() or (
                anchor and target in parsed and anchor not in parsed[target].ids
            ):
                broken.append(f"{path.relative_to(site.resolve())}: {link}")
    assert not broken, "\n".join(broken[:30])


@pytest.mark.slow
def test_the_search_knows_pages_and_docstrings_without_a_server(site):
    text = (site / "search" / "search_index.js").read_text(encoding="utf-8")
    documents = json.loads(text.removeprefix("var __index = "))["docs"]
    places = {doc["location"].split("#")[0] for doc in documents}
    for page in (
        "limits-and-ethics.html",
        "reference/cli.html",
        "reference/python/evaluation.html",
    ):
        assert page in places
    page = next(doc for doc in documents if doc["location"].endswith("#unsung.evaluation.roc_auc"))
    assert "Mann-Whitney" in page["text"]


PAGE = """<html><head><meta http-equiv="Content-Security-Policy" content="{policy}">
<script src="iframe-worker.js"></script></head><body><pre id="o"></pre><script>
const worker = new Worker("search.js");
worker.addEventListener("message", (event) => {{
  if (event.data.type === 1) worker.postMessage({{type: 2, data: "mann"}});
  if (event.data.type === 3) o.textContent = event.data.data.items[0][0].location;
}});
worker.postMessage({{type: 0, data: {{
  config: {{lang: ["en"], separator: "[ -]+", pipeline: ["stopWordFilter"],
           fields: {{title: {{boost: 1000}}, text: {{boost: 1}}, tags: {{boost: 1}}}}}},
  docs: [{{location: "found.html", title: "Mann Whitney", text: "a statistic"}}],
  options: {{suggest: false}}}}}});
</script></body></html>"""


@pytest.mark.slow
def test_the_search_answers_on_a_page_opened_from_disk(tmp_path):
    """The theme's own worker in our frame, in a real browser, from a file, without a network."""
    material = pytest.importorskip("material")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium here")
    theme = Path(material.__file__).parent / "templates" / "assets" / "javascripts"
    (worker,) = (theme / "workers").glob("search.*.min.js")
    shutil.copy(worker, tmp_path / "search.js")
    shutil.copy(DOCS / "assets" / "iframe-worker.js", tmp_path)
    text = (DOCS / "overrides" / "main.html").read_text(encoding="utf-8")
    policy = re.search(r'content="(default-src[^"]+)"', text).group(1)
    page = tmp_path / "page.html"
    page.write_text(PAGE.format(policy=policy))
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
         f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=8000",
         "--host-resolver-rules=MAP * ~NOTFOUND", page.as_uri()],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert '<pre id="o">found.html</pre>' in done.stdout, done.stdout + done.stderr[-2000:]

# SPDX-License-Identifier: MIT
"""The documentation as one HTML page, made from the OpenAPI document: no script, no request."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

__all__ = ["POLICY", "render_docs"]

_FOLDER = Path(__file__).parent / "templates"
_STYLE = (_FOLDER / "docs.css").read_text(encoding="utf-8").strip()
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")
POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; frame-ancestors 'none'"


def render_docs(document: Mapping[str, Any]) -> str:
    """Return the page of an OpenAPI document."""
    return _template().render(
        info=document["info"],
        groups=_groups(document),
        schemas=[_schema(name, s) for name, s in sorted(document["components"]["schemas"].items())],
        style=Markup(_STYLE),  # our own file, not a user's
    )


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["marked"] = _marked
    return environment.get_template("docs.html.j2")


def _marked(text: str) -> Markup:
    """Return escaped text in which what stands in backticks is code."""
    return Markup(re.sub(r"`+([^`]+)`+", r"<code>\1</code>", str(escape(text))))


def _groups(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the operations by their tag, in the document's order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found.setdefault(operation["tags"][0], []).append(_operation(path, method, operation))
    words = {tag["name"]: tag["description"] for tag in document.get("tags", ())}
    return [
        {"name": name, "words": words.get(name, ""), "operations": operations}
        for name, operations in found.items()
    ]


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {})
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation.get("summary", ""),
        "words": operation.get("description", "").split("\n\n"),
        "parameters": [_parameter(item) for item in operation.get("parameters", ())],
        "body": body.get("description", ""),
        "curl": _curl(path, method, body),
        "answers": [
            _answer(status, answer) for status, answer in sorted(operation["responses"].items())
        ],
    }


def _parameter(item: Mapping[str, Any]) -> dict[str, str]:
    schema = item["schema"]
    bounds = [
        f"{sign} {schema[key]:g}"
        for key, sign in (
            ("exclusiveMinimum", ">"),
            ("minimum", "≥"),
            ("exclusiveMaximum", "<"),
            ("maximum", "≤"),
        )
        if key in schema
    ]
    kind = " | ".join(schema["enum"]) if "enum" in schema else _kind(schema)
    return {
        "name": item["name"],
        "place": item["in"],
        "kind": ", ".join([kind, *bounds]),
        "default": json.dumps(schema["default"]) if "default" in schema else "",
        "words": item.get("description", ""),
    }


def _curl(path: str, method: str, body: Mapping[str, Any]) -> str:
    verb = "" if method == "get" else f" -X {method.upper()}"
    if "multipart/form-data" in body.get("content", {}):
        verb = " -F file=@song.mp3"
    return f"curl -s{verb} http://localhost:8000{path}"


def _answer(status: str, answer: Mapping[str, Any]) -> dict[str, str]:
    content = answer.get("content", {})
    example = next((c["example"] for c in content.values() if "example" in c), None)
    shown = "" if example is None else json.dumps(example, indent=2, ensure_ascii=False)
    return {
        "status": status,
        "words": answer.get("description", ""),
        "kinds": ", ".join(content),
        "example": shown,
    }


def _schema(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    fields = [
        {"name": field, "kind": _kind(kind), "words": kind.get("description", "")}
        for field, kind in schema.get("properties", {}).items()
    ]
    return {"name": name, "words": schema.get("description", ""), "fields": fields}


def _kind(schema: Mapping[str, Any]) -> str:
    """Return a type in a few words."""
    kind, inner = str(schema.get("type", "any")), schema.get("additionalProperties")
    if "$ref" in schema:
        kind = str(schema["$ref"]).rsplit("/", 1)[-1]
    elif "anyOf" in schema:
        kind = " | ".join(_kind(item) for item in schema["anyOf"])
    elif "enum" in schema:
        kind = " | ".join(json.dumps(item) for item in schema["enum"])
    elif "prefixItems" in schema:
        kind = "[" + ", ".join(_kind(item) for item in schema["prefixItems"]) + "]"
    elif kind == "array":
        kind = f"list of {_kind(schema.get('items', {}))}"
    elif isinstance(inner, dict):
        kind = f"object of {_kind(inner)}"
    return kind

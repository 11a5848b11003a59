# SPDX-License-Identifier: MIT
"""The REST reference, from the OpenAPI document that the server itself answers with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pages import Section, cell, prose

__all__ = ["section"]

_HEAD = """\
# REST API

Written from the OpenAPI document of `unsung serve` ([openapi.json](openapi.json)); examples with
`curl` are in [REST](../rest.md). Errors are problem+json (RFC 9457).
"""


def section() -> Section:
    """Return the page, and the document itself beside it."""
    from unsung.api import create_app

    document = create_app().openapi()
    made = Section()
    made.add("REST API", "reference/rest-api.md", "\n".join([_HEAD, *_routes(document)]))
    made.pages["reference/openapi.json"] = json.dumps(document, indent=1).encode()
    return made


def _routes(document: dict[str, Any]) -> Iterator[str]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"\n## `{method.upper()} {path}`\n"
            words = operation.get("description") or operation.get("summary", "")
            yield prose(words) + "\n"
            yield from _parameters(operation)
            yield from _body(operation)
            yield from _answers(operation)
    yield "\n# Records\n"
    for name, schema in document["components"]["schemas"].items():
        yield from _record(name, schema)


def _parameters(operation: dict[str, Any]) -> Iterator[str]:
    found = operation.get("parameters", [])
    if not found:
        return
    yield "| parameter | in | type | default | meaning |\n|---|---|---|---|---|"
    for one in found:
        schema = one["schema"]
        words = one.get("description") or schema.get("description", "")
        default = "required" if one.get("required") else _plain(schema.get("default"))
        yield f"| `{one['name']}` | {one['in']} | {_type(schema)} | {default} | {cell(words)} |"
    yield ""


def _body(operation: dict[str, Any]) -> Iterator[str]:
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"Body: `{kind}`, {_type(content.get('schema', {}))}.\n"


def _answers(operation: dict[str, Any]) -> Iterator[str]:
    yield "| status | answer | meaning |\n|---|---|---|"
    for status, answer in operation["responses"].items():
        kinds = ", ".join(f"`{kind}`" for kind in answer.get("content", {}))
        yield f"| {status} | {kinds} | {cell(answer.get('description', ''))} |"


def _record(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"\n## {name}\n"
    yield prose(schema.get("description", "")) + "\n"
    if "properties" in schema:
        yield "| field | type | meaning |\n|---|---|---|"
        for field, inner in schema["properties"].items():
            yield f"| `{field}` | {_type(inner)} | {cell(inner.get('description', ''))} |"


def _type(schema: dict[str, Any]) -> str:
    """Return a schema's type in words; a record's name links to its table."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " or ".join(_type(one) for one in schema[choice])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    return str(schema.get("type", "any"))


def _plain(value: Any) -> str:
    return "" if value is None else f"`{value}`"

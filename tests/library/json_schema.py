"""As much of JSON Schema (2020-12) as the generated schemas use, to hold files against them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
KNOWN = {
    *("$schema", "$id", "$defs", "$ref", "title", "description", "default", "discriminator"),
    *("type", "enum", "const", "properties", "required", "additionalProperties", "items", "prefixItems"),
    *("minItems", "maxItems", "minLength", "minimum", "maximum", "exclusiveMinimum", "pattern"),
    *("anyOf", "oneOf", "allOf", "propertyNames", "minProperties"),
}


def faults(value: Any, node: dict[str, Any], root: dict[str, Any], key: str = "") -> Iterator[str]:
    """Where `value` does not follow the schema `node`."""
    assert set(node) <= KNOWN, f"{key}: this reader does not know {set(node) - KNOWN}"
    if "$ref" in node:
        yield from faults(value, root["$defs"][node["$ref"].rpartition("/")[2]], root, key)
    for part in node.get("allOf", ()):
        yield from faults(value, part, root, key)
    for word in ("anyOf", "oneOf"):
        fits = [not any(faults(value, part, root, key)) for part in node.get(word, ())]
        if fits and not any(fits):
            yield f"{key}: fits none of {len(fits)}"
    kinds = node.get("type")
    if kinds is not None:
        allowed = TYPES[kinds]
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            yield f"{key}: not of type {kinds}"
            return
    if "enum" in node and value not in node["enum"]:
        yield f"{key}: {value!r} is not among {node['enum']}"
    if "const" in node and value != node["const"]:
        yield f"{key}: {value!r} is not {node['const']!r}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = node.get("minimum", value), node.get("maximum", value)
        if not low <= value <= high:
            yield f"{key}: {value} is not between {low} and {high}"
    if isinstance(value, str) and len(value) < node.get("minLength", 0):
        yield f"{key}: too short"
    if isinstance(value, list):
        for number, item in enumerate(value):
            inside = node.get("prefixItems", [])
            schema = inside[number] if number < len(inside) else node.get("items", {})
            yield from faults(item, schema if isinstance(schema, dict) else {}, root, f"{key}.{number}")
    if isinstance(value, dict):
        yield from (f"{key}: {name} is missing" for name in node.get("required", ()) if name not in value)
        own, other = node.get("properties", {}), node.get("additionalProperties", True)
        for name, item in value.items():
            if name in own:
                yield from faults(item, own[name], root, f"{key}.{name}")
            elif isinstance(other, dict):
                yield from faults(item, other, root, f"{key}.{name}")
            elif other is False:
                yield f"{key}: unknown key {name}"

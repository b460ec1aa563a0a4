"""The one line for what is wrong in values: what a field should be, an example of it, and what was found."""

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

Schema = Mapping[str, Any]
"""A JSON schema as pydantic makes it."""

A_NAME = "a name of letters, digits, dots, dashes and underscores"
"""What keys and names look like."""

KINDS = {
    **{"integer": "a whole number", "number": "a number", "boolean": "true or false"},
    **{"array": "a list", "object": "a section of keys and values"},
}
LIMITS = {
    **dict.fromkeys(("minimum", "minItems", "minProperties"), "at least"),
    **{"exclusiveMinimum": "above", "maximum": "at most", "maxItems": "at most", "exclusiveMaximum": "below"},
}
SHOWN = {"None": "nothing", "True": "true", "False": "false"}


def describe(error: ValidationError, schema: Schema, values: Any) -> str:
    """Say the first thing that is wrong with values, which should be as a schema says, in one line."""
    first: Any = error.errors(include_url=False)[0]
    levels, around, place, found = _follow(_whole(schema, schema.get("$defs", {})), values, first)
    field = ".".join(map(str, levels))
    tag = f"{field}.{place.get('discriminator', {}).get('propertyName')}"
    match first["type"]:
        case "extra_forbidden":
            return f"unknown key `{field}`: {_known(str(levels[-1]), around['properties'])}"
        case "missing":
            return f"`{field}` is missing. Add it."
        case "union_tag_not_found":
            return f"`{tag}` is missing. Add it."
        case "value_error":
            return f"{f'`{field}`: ' if field else ''}{first['ctx']['error']}."
        case "union_tag_invalid":
            field, place, found = tag, {"enum": sorted(place["discriminator"]["mapping"])}, first["ctx"]["tag"]
    near = get_close_matches(str(found), map(str, place.get("enum", ())), n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    example = json.dumps(_example(place, found), ensure_ascii=False)
    return f"`{field or 'it'}` should be {_words(place)}, such as {example}. Found {_short(found)}.{hint}"


def _whole(node: Any, defs: Schema) -> Any:
    """Return a schema with its references filled in, and without null among the kinds of a value."""
    if isinstance(node, list):
        return [_whole(each, defs) for each in node]
    if not isinstance(node, Mapping):
        return node
    if "$ref" in node:
        node = {**defs[node["$ref"].rpartition("/")[2]], **node}
    filled = {key: _whole(each, defs) for key, each in node.items() if key not in {"$ref", "$defs"}}
    if "const" in filled:
        filled["enum"] = [filled.pop("const")]
    kinds = [each for each in filled.pop("anyOf", []) if each != {"type": "null"}]
    return {**filled, "anyOf": kinds} if len(kinds) > 1 else {**(kinds[0] if kinds else {}), **filled}


def _follow(schema: Schema, values: Any, first: Mapping[str, Any]) -> tuple[list[int | str], Schema, Schema, Any]:
    """Return the levels on the way to an error, the schemas around it and at it, and what was found there.

    Pydantic counts the choice among several sections as one level more. Among several types of a value the way ends:
    all of them are what the value may be.
    """
    levels: list[int | str] = []
    around = schema
    for part in first["loc"]:
        if part == "[key]":
            key = {"type": "string", "pattern": "", "description": A_NAME, **around.get("propertyNames", {})}
            return levels, around, key, first["input"]
        if "oneOf" in schema:
            name = schema["discriminator"]["propertyName"]
            schema = next(each for each in schema["oneOf"] if part in each["properties"][name]["enum"])
        elif "anyOf" in schema:
            return levels, around, schema, values
        else:
            around, schema = schema, _inner(schema, part)
            parts = (
                values
                if isinstance(values, Mapping)
                else range(len(values))
                if isinstance(values, list | tuple)
                else ()
            )
            if part in parts or first["type"] == "missing":  # else one value stands for a list or a section
                levels.append(part)
                values = values[part] if part in parts else None
    return levels, around, schema, first["input"]


def _inner(schema: Schema, part: int | str) -> Schema:
    """Return what is one level down; nothing where anything may be."""
    if schema.get("type") == "array":
        first = schema.get("prefixItems", [])
        return first[part] if isinstance(part, int) and part < len(first) else schema.get("items", {})
    others = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
    return schema.get("properties", {}).get(part) or (others[0] if isinstance(others[0], Mapping) else {})


def _words(schema: Schema) -> str:
    if "anyOf" in schema:
        return ", or ".join(map(_words, schema["anyOf"]))
    if "enum" in schema:
        return f"one of {', '.join(map(repr, schema['enum']))}"
    several, each = schema.get("prefixItems"), schema.get("items")
    if several:
        return f"a list of {len(several)}, each {_words(several[0])}"
    kind = schema.get("type", "object")
    limits = " and ".join(f"{words} {schema[name]:.15g}" for name, words in LIMITS.items() if name in schema)
    limits = f", {limits}{' long' if kind in {'array', 'object'} else ''}" if limits else ""
    words = schema.get("description", "text") if kind == "string" else KINDS[kind]
    return f"{words}{limits}{f', each {_words(each)}' if each else ''}"


def _example(schema: Schema, found: Any = None) -> Any:
    """Return a value as it should be, made of what was found where that is easy to tell."""
    default, several, kind = schema.get("default"), schema.get("anyOf") or schema.get("oneOf"), schema.get("type")
    if default not in (None, "", []) and not isinstance(default, dict):
        return default
    if several:
        lists = [each for each in several if each.get("type") == "array" and isinstance(found, list)]
        return _example((lists or several)[0], found)
    if kind == "array" and "examples" not in schema:
        each = found if isinstance(found, list) and found else [found]
        items = schema.get("prefixItems") or [schema["items"]] * len(each)
        return [_example(item, one) for item, one in zip(items, each * len(items), strict=False)]
    if kind == "object":
        keys = schema.get("properties") or {"name": _inner(schema, "name")}
        return {key: _example(keys[key]) for key in schema.get("required") or [*keys][:1]}
    if kind == "string" and "enum" not in schema:
        known = str(found).lower() if isinstance(found, int | float) else found
        fits = isinstance(known, str) and re.fullmatch(schema.get("pattern", ".+"), known)
        return known if fits else schema.get("examples", ["name"])[0]
    return (schema.get("enum") or schema.get("examples") or [schema.get("minimum", True)])[0]


def _known(key: str, known: Iterable[str]) -> str:
    near = get_close_matches(key, known, n=1)
    return f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(sorted(known))}."


def _short(value: Any) -> str:
    text = "a mapping" if isinstance(value, Mapping) and value else repr(value)
    return SHOWN.get(text, text) if len(text) <= 80 else text[:77] + "…"

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

BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
LENGTHS = {"minItems": "at least", "minProperties": "at least", "maxItems": "at most"}
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
            schema = next(each for each in schema["oneOf"] if part in _tags(schema, each))
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


def _tags(schema: Schema, section: Schema) -> Iterable[Any]:
    tag = section["properties"][schema["discriminator"]["propertyName"]]
    return tag.get("enum") or [tag["const"]]


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
    if "enum" in schema or "const" in schema:
        return f"one of {', '.join(map(repr, schema.get('enum', [schema.get('const')])))}"
    match schema.get("type"):
        case "integer":
            return f"a whole number{_limits(schema, BOUNDS)}"
        case "number":
            return f"a number{_limits(schema, BOUNDS)}"
        case "boolean":
            return "true or false"
        case "array" if "prefixItems" in schema:
            return f"a list of {len(schema['prefixItems'])}, each {_words(schema['prefixItems'][0])}"
        case "array":
            return f"a list{_limits(schema, LENGTHS, ' long')}, each {_words(schema['items'])}"
        case "string":
            return schema.get("description") or ("a path" if schema.get("format") == "path" else "text")
        case _:
            return f"a section of keys and values{_limits(schema, LENGTHS, ' long')}"


def _limits(schema: Schema, names: Mapping[str, str], unit: str = "") -> str:
    limits = " and ".join(f"{words} {schema[name]:.15g}" for name, words in names.items() if name in schema)
    return f", {limits}{unit}" if limits else ""


def _example(schema: Schema, found: Any = None) -> Any:
    """Return a value as it should be, made of what was found where that is easy to tell."""
    default = schema.get("default")
    if default not in (None, "", []) and not isinstance(default, dict):
        return default
    if "anyOf" in schema:
        lists = [each for each in schema["anyOf"] if each.get("type") == "array" and isinstance(found, list)]
        return _example((lists or schema["anyOf"])[0], found)
    if "oneOf" in schema:
        return _example(schema["oneOf"][0])
    if "enum" in schema or "const" in schema:
        return schema.get("enum", [schema.get("const")])[0]
    match schema.get("type"):
        case "integer" | "number":
            return schema.get("examples", [schema.get("minimum")])[0]
        case "boolean":
            return True
        case "array":
            each = found if isinstance(found, list) and found else [found]
            kinds = schema.get("prefixItems") or [schema["items"]] * len(each)
            return [_example(kind, one) for kind, one in zip(kinds, each * len(kinds), strict=False)]
        case "string":
            known = str(found).lower() if isinstance(found, int | float) else found
            fits = isinstance(known, str) and re.fullmatch(schema.get("pattern", ".+"), known)
            return known if fits else schema.get("examples", ["name"])[0]
        case "object":
            keys = schema.get("properties") or {"name": _inner(schema, "name")}
            return {key: _example(keys[key]) for key in schema.get("required") or [*keys][:1]}
        case _:
            return 1


def _known(key: str, known: Iterable[str]) -> str:
    near = get_close_matches(key, known, n=1)
    return f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(sorted(known))}."


def _short(value: Any) -> str:
    text = "a mapping" if isinstance(value, Mapping) and value else repr(value)
    return SHOWN.get(text, text) if len(text) <= 80 else text[:77] + "…"

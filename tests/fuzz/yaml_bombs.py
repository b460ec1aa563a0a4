"""YAML of a few hundred bytes that unfolds to gigabytes, or to levels without end."""


def _laughs(levels: int, width: int) -> str:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines) + f"\nclients: *a{levels - 1}\n"


def _merged(levels: int) -> str:
    lines = ["a0: &a0 {k: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


TEXTS = {
    "billion laughs": _laughs(9, 10),
    "more than a billion": _laughs(40, 10),
    "itself": "clients: &a [*a]\n",
    "itself as a key": "datasets: &a {x: *a}\n",
    "merge keys": _merged(9),
    "hexadecimal": "rounds: 0x" + "f" * 10_000 + "\n",
    "sexagesimal": "%YAML 1.1\n---\nrounds: " + "1:" * 20_000 + "1.5\n",
    "large": "#" * 1_000_001,
    "deep": "clients: " + "[" * 3000 + "]" * 3000 + "\n",
}

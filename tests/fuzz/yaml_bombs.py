"""YAML of a few hundred bytes that unfolds to gigabytes, or to levels without end."""

import random


def _laughs(levels: int, width: int) -> str:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines) + f"\nclients: *a{levels - 1}\n"


def _merged(levels: int) -> str:
    lines = ["a0: &a0 {k: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


def drawn(draw: random.Random) -> str:
    """Return one of lists, mappings or merge keys that name those before them, in whatever order and number."""
    lines = [f"a0: &a0 {draw.choice(['[x, x]', '{k: x}', '&b [x]', 'x' * draw.randint(1, 5000)])}"]
    for number in range(1, draw.randint(2, 60)):
        names = [f"*a{draw.randrange(max(0, number - 3), number)}" for _ in range(draw.randint(1, 30))]
        inner = draw.choice(["[{}]", "{{k: [{}]}}", "{{<<: [{}]}}", "[[{}], [{}]]"]).format(*[", ".join(names)] * 2)
        lines.append(f"a{number}: &a{number} {inner}")
    return "\n".join([*lines, f"clients: *a{len(lines) - 1}", ""])


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

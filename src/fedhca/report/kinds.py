"""Clients of one kind: the same data set and the same tasks."""

from collections.abc import Sequence

from fedhca.experiment.sections.client import ClientSection


def kinds(clients: Sequence[ClientSection]) -> dict[str, str]:
    """Return the name of each client's kind.

    >>> kinds([ClientSection(name="a", dataset="nyud", tasks=("depth",))])
    {'a': 'nyud depth'}
    """
    several: dict[str, set[frozenset[str]]] = {}
    for client in clients:
        if len(client.tasks) > 1:
            several.setdefault(client.dataset, set()).add(frozenset(client.tasks))
    return {client.name: _kind(client, len(several.get(client.dataset, ()))) for client in clients}


def _kind(client: ClientSection, different: int) -> str:
    if len(client.tasks) == 1 or different > 1:
        return f"{client.dataset} {' + '.join(sorted(client.tasks))}"
    return f"{client.dataset} multi-task"

"""The rules there are, found in the package and not in a list, so that a new one cannot be forgotten."""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from fedhca import aggregation
from fedhca.aggregation import Aggregator
from fedhca.aggregation.aggregator import stateless


def rules_of_the_package() -> set[Callable[..., Aggregator]]:
    """Return the functions of `fedhca.aggregation` that make a rule, but for the one that makes it of a function."""
    modules = [import_module(f"{aggregation.__name__}.{each.name}") for each in iter_modules(aggregation.__path__)]
    known = [value for module in modules for name, value in vars(module).items() if not name.startswith("_")]
    made = {each for each in known if getattr(each, "__annotations__", {}).get("return") is Aggregator}
    return made - {stateless}

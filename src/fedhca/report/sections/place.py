"""Where things of several settings go."""

from fedhca.report.notation import slug


def suffix(setting: str) -> str:
    """Return what is added to the name of a file.

    >>> suffix(""), suffix("×2")
    ('', '-x2')
    """
    return f"-{slug(setting)}" if setting else ""

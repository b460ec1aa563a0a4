"""Colours for paper and for the dark: Okabe and Ito's, which colour-blind readers can tell apart, on a surface each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Theme:
    """The colours of page and figures.

    Attributes:
        name: of the theme.
        surface: what everything stands on.
        raised: boxes and table heads.
        ink: text, and the reference method.
        muted: what stands back.
        rule: lines of tables and grids.
        accent: links, and what is to be seen first.
        hues: of lines and bars, in the order in which they are given out.
        sequential: from nothing to much.
        diverging: from far below zero to far above.

    """

    name: str
    surface: str
    raised: str
    ink: str
    muted: str
    rule: str
    accent: str
    hues: tuple[str, ...]
    sequential: tuple[str, ...]
    diverging: tuple[str, ...]


LIGHT = Theme(
    name="light",
    surface="#ffffff",
    raised="#f4f6f8",
    ink="#1d2228",
    muted="#5a626d",
    rule="#dde2e8",
    accent="#0065a0",
    hues=("#0072b2", "#db9200", "#009e73", "#d55e00", "#bf5c97", "#45a5e0", "#6b3a0a"),
    sequential=("#f4f6f8", "#b4d4ea", "#5aa5d4", "#0072b2", "#003a5e"),
    diverging=("#8a3a00", "#d55e00", "#f3b48b", "#f4f5f6", "#9cc8e6", "#0072b2", "#003a5e"),
)

DARK = Theme(
    name="dark",
    surface="#14171c",
    raised="#1d2229",
    ink="#eceff3",
    muted="#a3acb8",
    rule="#343b45",
    accent="#6fb9ee",
    hues=("#4fa8e8", "#f0ae1e", "#1fb985", "#ee7733", "#de84b9", "#9ad6f8", "#e6dc5a"),
    sequential=("#1d2229", "#1e4a6e", "#2f7fb8", "#6fb9ee", "#dbeefc"),
    diverging=("#ffd3b3", "#ee7733", "#7a3d16", "#20252d", "#1b537f", "#4fa8e8", "#d3eafb"),
)


def colours(theme: Theme) -> tuple[str, ...]:
    """Return the colours of lines, bars and text in one order for all themes; no two of one theme are the same."""
    return (theme.surface, theme.raised, theme.ink, theme.muted, theme.rule, theme.accent, *theme.hues)

"""The report: one page that needs nothing else, and every figure beside it."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from fedhca.errors import RecipeError, unknown
from fedhca.experiment.compare import Entry
from fedhca.report.figures.theme import DARK, LIGHT
from fedhca.report.render import KINDS, Printed, data_uri, print_figure
from fedhca.report.report_section import Drawing, ReportSection
from fedhca.report.sections.alpha import alpha
from fedhca.report.sections.beta import beta
from fedhca.report.sections.bytes import bytes_and_time
from fedhca.report.sections.claims import claims
from fedhca.report.sections.conflict import conflict
from fedhca.report.sections.curves import curves
from fedhca.report.sections.gains import gains
from fedhca.report.sections.gallery import gallery
from fedhca.report.sections.listening import listening
from fedhca.report.sections.record import record
from fedhca.report.sections.scaling import scaling
from fedhca.report.sections.sites import sites
from fedhca.report.sections.table import table
from fedhca.report.study import Study
from fedhca.report.summary import facts, finding, notices
from fedhca.storage.atomic import write_atomically

PAGE, FIGURES = "report.html", "figures"
NAME = re.compile(r'<span class="file">([a-z0-9.+=-]+)\.svg, \.png</span>')
"""Names a figure's files on the page; what would lead out of the folder does not match."""

SECTIONS: Mapping[str, Callable[[Study], ReportSection | None]] = {
    make.__module__.rpartition(".")[2]: make
    for make in (
        *(table, gains, scaling, claims, curves, alpha, beta),
        *(conflict, listening, gallery, bytes_and_time, sites, record),
    )
}
"""By the names of their files, in the order of the page; each gives its section, or nothing without data for it."""


def write_report(
    entries: Sequence[Entry],
    out: Path,
    *,
    title: str,
    lead: str = "",
    shows: Collection[str] | None = None,
    pictures: int = 1,
    reference: str = "local",
) -> Path:
    """Write OUT/report.html, which needs no other file and no network, and its figures to OUT/figures.

    Figures that a report written there before had and this one has not are removed; other files are left alone.

    Args:
        entries: the runs, finished or not.
        out: the folder; it is made.
        title: of the page.
        lead: what to say below the title.
        shows: names of SECTIONS; all that have data if not given.
        pictures: test pictures for each client in the gallery.
        reference: the method Δm is against.

    Returns:
        The page.

    Raises:
        RecipeError: there is no such section.
        RunFolderError: no run did a round, a folder cannot be read, or the page cannot be written.

    """
    for name in shows or ():
        if name not in SECTIONS:
            raise RecipeError(unknown("section", name, SECTIONS))
    study = Study.of(entries, reference, pictures)
    wanted = [make for name, make in SECTIONS.items() if shows is None or name in shows]
    sections = [section for make in wanted if (section := make(study))]
    printed = _printed(sections, out / FIGURES)
    page = _template().render(
        title=title,
        lead=lead,
        finding=finding(study),
        facts=facts(study),
        notices=notices(study),
        sections=sections,
        printed=printed,
        themes={"light": asdict(LIGHT), "dark": asdict(DARK)},
    )
    former = _figures(out / PAGE)
    write_atomically(out / PAGE, page.encode())
    for stale in former - printed.keys():
        for kind in KINDS:
            (out / FIGURES / f"{stale}.{kind}").unlink(missing_ok=True)
    return out / PAGE


def _printed(sections: Sequence[ReportSection], folder: Path) -> dict[str, Printed]:
    """Draw all figures; return them by name."""
    drawings = [part for section in sections for part in section.parts if isinstance(part, Drawing)]
    return {
        drawing.name: print_figure(drawing.draw, folder, drawing.name, shaded=drawing.shaded) for drawing in drawings
    }


def _figures(page: Path) -> set[str]:
    """Return the names of the figures that a page refers to; none where there is no page."""
    try:
        return set(NAME.findall(page.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError):
        return set()


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("fedhca.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_uri"] = lambda content, kind: data_uri(content.encode(), f"{kind};charset=utf-8")
    environment.filters["picture"] = lambda content: data_uri(content, "image/png")
    return environment.get_template("page.html.jinja")

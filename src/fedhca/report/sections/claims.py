"""What the paper says, and what these runs show."""

from fedhca.report.paper_claims import Claim, more_clients
from fedhca.report.paper_claims import judge_claims as check_claims
from fedhca.report.report_section import Cell, Grid, ReportSection, verdict_cell
from fedhca.report.study import Study

LEAD = (
    "What the paper reports, asked of these runs: better, worse or not told apart, by a t test at 5 % of the "
    "differences on the same seeds, with Holm's correction within a claim. A verdict is about these runs, with their "
    "data, models and rounds; it neither confirms nor refutes the paper."
)


def claims(study: Study) -> ReportSection | None:
    """Return a table of claims, or nothing where the method was not run."""
    if study.ours not in study.methods:
        return None
    groups = [
        (setting, [_line(claim) for claim in check_claims(study, setting)])
        for setting in study.settings
        if study.ours in study.of_setting(setting)
    ]
    across = more_clients(study)
    groups += [("across settings", [_line(across)])] if across else []
    head = ["claim", "verdict", "measured here", "in the paper"]
    grid = Grid("Claims of the paper and what was measured.", head, groups, numeric=False, quiet=True)
    return ReportSection("claims", "What the paper says, what these runs show", LEAD, [grid])


def _line(claim: Claim) -> list[Cell]:
    return [Cell(claim.text), verdict_cell(claim.word), Cell(claim.measured), Cell(claim.source)]

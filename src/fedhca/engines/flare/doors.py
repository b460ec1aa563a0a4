"""What a site's own FLARE processes answer the server: what a run needs.

FLARE's client would also show files, change its logging by a configuration that can name any function, restart and shut
down for a server that says so. Its rules on who may ask are kept by the server, which a site need not trust that far.
"""

from collections.abc import Collection
from typing import Any

from nvflare.apis.event_type import EventType
from nvflare.apis.fl_component import FLComponent
from nvflare.apis.fl_context import FLContext
from nvflare.private.fed.client.admin_commands import AdminCommands
from nvflare.private.fed.client.client_req_processors import ClientRequestProcessors

from fedhca.errors import FedhcaError

OF_THE_SITE = {
    "AbortAppProcessor",
    "AbortTaskProcessor",
    "CancelResourceProcessor",
    "CheckResourceProcessor",
    "ClientInfoProcessor",
    "ClientStatusProcessor",
    "DeleteRunNumberProcessor",
    "DeployProcessor",
    "NotifyJobStatusProcessor",
    "ReportResourcesProcessor",
    "ReportVersionProcessor",
    "ScopeInfoProcessor",
    "StartJobProcessor",
}
"""What the process that stays answers: jobs, and how it is."""
OF_A_JOB = {"AbortCommand", "AbortTaskCommand", "ByeCommand", "CheckStatusCommand"}
"""What the process of a job answers, beside our own object in it."""


class Doors(FLComponent):
    """Shut all other doors; a site's resources name it, so that every process builds it before it connects."""

    def __init__(self) -> None:
        super().__init__()
        self.shut = shut_but(OF_THE_SITE, ClientRequestProcessors.request_processors)
        self.shut += shut_but(OF_A_JOB, AdminCommands.commands)

    def handle_event(self, event_type: str, fl_ctx: FLContext) -> None:
        """Write down what is shut, as soon as there is a log."""
        del fl_ctx
        if event_type == EventType.SYSTEM_BOOTSTRAP:
            self.logger.info(f"This site does not answer to {', '.join(self.shut)}.")


def shut_but(needed: Collection[str], doors: list[Any]) -> list[str]:
    """Leave only what is needed in FLARE's list; return the names of the others.

    Raises:
        FedhcaError: something needed is not in it: this FLARE is another than the one that was looked at.

    """
    absent = set(needed) - {type(door).__name__ for door in doors}
    if absent:
        names = ", ".join(sorted(absent))
        raise FedhcaError(f"This FLARE has no {names} any more, so that its doors could not be shut.")
    others = [door for door in doors if type(door).__name__ not in needed]
    doors[:] = [door for door in doors if type(door).__name__ in needed]
    return [type(door).__name__ for door in others]

"""Who gets into FLARE's processes, and what for: the server for what a run needs, and each site once.

FLARE's client would also show files, change its logging by a configuration that can name any function, restart and shut
down for a server that says so: it asks its rules on who may do what only where the message says it should.
"""

import time
from collections.abc import Collection
from typing import Any

from nvflare.apis.event_type import EventType
from nvflare.apis.fl_component import FLComponent
from nvflare.apis.fl_context import FLContext
from nvflare.apis.fl_exception import NotAuthenticated
from nvflare.private.fed.client.admin_commands import AdminCommands
from nvflare.private.fed.client.client_req_processors import ClientRequestProcessors

from fedhca.errors import FedhcaError

OF_THE_SITE = {
    *("AbortAppProcessor", "AbortTaskProcessor", "CancelResourceProcessor", "CheckResourceProcessor"),
    *("ClientInfoProcessor", "ClientStatusProcessor", "DeleteRunNumberProcessor", "DeployProcessor"),
    *("NotifyJobStatusProcessor", "ReportResourcesProcessor", "ReportVersionProcessor"),
    *("ScopeInfoProcessor", "StartJobProcessor"),
}
"""What the process that stays answers: jobs, and how it is."""
OF_A_JOB = {"AbortCommand", "AbortTaskCommand", "ByeCommand", "CheckStatusCommand"}
"""What the process of a job answers, beside our own object in it."""
SILENCE = 60.0
"""Seconds without a sign of life, of which a client gives one in ten, after which its place is free."""


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


class OneOfEach(FLComponent):
    """At the server: refuse a second copy of a site while the first is there; FLARE itself would swap them."""

    def handle_event(self, event_type: str, fl_ctx: FLContext) -> None:
        """Look at who wants to register.

        Raises:
            NotAuthenticated: a site of this name is there.

        """
        if event_type != EventType.CLIENT_REGISTER_RECEIVED:
            return
        name = fl_ctx.get_peer_context().get_identity_name()
        since = time.time() - SILENCE
        if any(
            client.name == name and client.last_connect_time > since for client in fl_ctx.get_engine().get_clients()
        ):
            mend = "A second copy of it, or one just restarted, has to wait."
            raise NotAuthenticated(f"site '{name}' is here already. {mend}")

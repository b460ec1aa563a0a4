"""Makes a site misbehave as a plan says (see faults.py), by wrapping its one door in every Python process of it."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

if "FAULTS" in os.environ and any("clientapp" in word or "worker_process" in word for word in sys.orig_argv):
    import numpy as np

    from fedhca.engines import client_host

    answer, inner = client_host.ClientHost.answer, client_host.ClientHost._answer

    def _fault(wire: Any) -> str:
        plan = json.loads(Path(os.environ["FAULTS"]).read_text())
        return str(plan.get(str(wire.get("round")), "")) if wire.get("kind") == "train" else ""

    def _misled(self: Any, name: str, wire: Any) -> Any:
        if _fault(wire) == "error":
            raise FileNotFoundError("/data/patients/4711/scan.png")
        if _fault(wire) == "late":
            time.sleep(40)
        return inner(self, name, wire)

    def _changed(self: Any, name: str, wire: Any) -> Any:
        fault, reply = _fault(wire), dict(answer(self, name, wire))
        if fault == "not finite":
            reply["encoder"] = np.full_like(reply["encoder"], np.nan)
        if fault == "wrong layout":
            reply["encoder"] = reply["encoder"][:-1]
        if fault == "wrong round":
            reply["round"] += 1
        if fault == "a field too many":
            reply["path"] = "/data/patients"
        if fault == "another's name":
            reply["client"] = "rooms-all"
        return reply

    client_host.ClientHost._answer, client_host.ClientHost.answer = _misled, _changed  # type: ignore[method-assign]

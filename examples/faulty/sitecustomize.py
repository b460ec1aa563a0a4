"""Makes a site misbehave as a plan says (see faults.py), by wrapping its one door in every Python process of it."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

if "FAULTS" in os.environ and any("clientapp" in word or "worker_process" in word for word in sys.orig_argv):
    import numpy as np

    from fedhca.engines import site

    answer = site.Site._answer
    to_wire = site.to_wire

    def _plan(wire: Any) -> str:
        plan = json.loads(Path(os.environ["FAULTS"]).read_text())
        return str(plan.get(str(wire.get("round")), "")) if wire.get("kind") == "train" else ""

    def _misled(self: Any, name: str, wire: Any) -> Any:
        fault = _plan(wire)
        if fault == "error":
            raise FileNotFoundError("/data/patients/4711/scan.png")
        if fault == "late":
            time.sleep(40)
        if fault == "hang":
            time.sleep(600)
        reply = answer(self, name, wire)
        site.to_wire = lambda message: _changed(to_wire(message), fault)
        return reply

    def _changed(wire: dict[str, Any], fault: str) -> dict[str, Any]:
        if fault == "not finite":
            wire["encoder"] = np.full_like(wire["encoder"], np.nan)
        if fault == "wrong layout":
            wire["encoder"] = wire["encoder"][:-1]
        if fault == "wrong round":
            wire["round"] += 1
        if fault == "a field too many":
            wire["path"] = "/data/patients"
        if fault == "another's name":
            wire["client"] = "rooms-all"
        return wire

    site.Site._answer = _misled  # type: ignore[method-assign]

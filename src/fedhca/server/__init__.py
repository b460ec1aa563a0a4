"""The server: who takes part, and one round after the other. It has no model, no data set and no transformers."""

from fedhca.server.attendance import Attendance, Span
from fedhca.server.guard import Guard
from fedhca.server.policy import Policy
from fedhca.server.roster import Roster
from fedhca.server.rounds import Round, ServerState, begin, rounds

__all__ = ["Attendance", "Guard", "Policy", "Roster", "Round", "ServerState", "Span", "begin", "rounds"]

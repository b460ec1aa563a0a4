"""The server: who takes part, and one round after the other. It has no model, no data set and no transformers."""

from fedhca.server.roster import Roster
from fedhca.server.rounds import begin, rounds
from fedhca.server.state import Round, ServerState

__all__ = ["Roster", "Round", "ServerState", "begin", "rounds"]

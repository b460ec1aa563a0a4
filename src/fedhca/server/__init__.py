"""The server: who takes part, and one round after the other. It has no model, no data set and no transformers."""

from fedhca.server.client_registry import ClientRegistry
from fedhca.server.rounds import initial_state, rounds
from fedhca.server.state import Round, ServerState

__all__ = ["ClientRegistry", "Round", "ServerState", "initial_state", "rounds"]

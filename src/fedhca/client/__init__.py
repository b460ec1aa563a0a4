"""A client: what stays home, local training, evaluation."""

from fedhca.client.client import Client
from fedhca.client.training import Step

__all__ = ["Client", "Step"]

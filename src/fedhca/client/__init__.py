"""A client: what stays home, local training, evaluation."""

from fedhca.client.client import Client
from fedhca.client.privacy import Privacy
from fedhca.client.training import Step, Training

__all__ = ["Client", "Privacy", "Step", "Training"]

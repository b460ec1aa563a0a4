"""A trained model and its tasks: pictures in, predictions out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from fedhca.models.client_model import ClientModel
from fedhca.tasks.task import Task


@dataclass(frozen=True)
class Predictor:
    """One client's model as it was handed out last, with the client's own heads and buffers.

    Attributes:
        client: whose model it is.
        model: in evaluation mode.
        tasks: of the client.

    """

    client: str
    model: ClientModel
    tasks: Sequence[Task]

    @torch.no_grad()
    def predict(self, image: Float[Tensor, "3 y x"]) -> dict[str, Shaped[np.ndarray, "..."]]:
        """Return the prediction of every task, in its label's units and shape, for one normalised picture."""
        device = next(self.model.parameters()).device
        outputs = self.model(image[None].to(device))
        return {task.name: task.predict(outputs[task.name].float())[0].cpu().numpy() for task in self.tasks}

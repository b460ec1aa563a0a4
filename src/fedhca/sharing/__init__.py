"""One client's model on its own: pictures in, predictions out; as a folder for others, on the hub, as an ONNX graph.

predictor    the model with its tasks, for whatever is given as a picture
folder       the model as a folder, and back, within limits of what others may describe
description  config.json: what the model is
encoder      the encoder's architecture as plain values, and back
weights      model.safetensors: the model's numbers
card         README.md: what the model is for, where it is from, what each kind of task says
onnx         the model as a graph, held against PyTorch
hub          the folder on the Hugging Face hub
"""

from fedhca.sharing.predictor import Predictor

__all__ = ["Predictor"]

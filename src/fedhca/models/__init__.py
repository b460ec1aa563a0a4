"""The client's model: one encoder, and a decoder and a head for each of its tasks."""

from fedhca.models.client_model import ClientModel
from fedhca.models.decoder import Decoder, MakeDecoder
from fedhca.models.encoder import Encoder, Pyramid, backbone
from fedhca.tasks.head import Head

__all__ = ["ClientModel", "Decoder", "Encoder", "Head", "MakeDecoder", "Pyramid", "backbone"]

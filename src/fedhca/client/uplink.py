"""What leaves a client of its training: noise for privacy, then fewer bits, with error feedback."""

from typing import NamedTuple

from fedhca.client.privacy import blur
from fedhca.config.federation import Privacy, TransferDtype
from fedhca.errors import ClientError
from fedhca.wire.compression import Compressed, compress, difference, total
from fedhca.wire.layout import Layout
from fedhca.wire.parameters import Parameters


class Payload(NamedTuple):
    """What is sent, and the residual that fewer bits leave over for the next time; None in float32."""

    parameters: Parameters | Compressed
    residual: Parameters | None


def blurred(trained: Parameters, received: Parameters, privacy: Privacy | None) -> Parameters:
    """Return what of training may be known outside: received + blur(trained − received)."""
    return trained if privacy is None else total(received, blur(privacy, difference(trained, received)))


def payload(
    client: str,
    trained: Parameters,
    received: Parameters,
    residual: Parameters | None,
    dtype: TransferDtype,
    layouts: tuple[Layout, Layout],
) -> Payload:
    """Put an update into the form that was asked for; see `fedhca.wire.compression` for the formulas.

    Args:
        client: its name, for errors.
        trained: after training, blurred if the client is private.
        received: before it.
        residual: of the last time.
        dtype: asked for.
        layouts: of the encoder and of decoders.

    Raises:
        ClientError: the update is beyond float32.

    """
    if dtype == "float32":
        return Payload(trained, None)
    change = difference(trained, received, residual)
    if not change.finite:
        raise ClientError(f"The update of client '{client}' should be finite. Found one beyond float32.")
    sent = compress(change, dtype, *layouts)
    return Payload(sent, difference(change, sent.plain))

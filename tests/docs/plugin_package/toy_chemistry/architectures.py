"""An architecture: the decoder of the project, with another name."""

from __future__ import annotations

from chem_vae.architectures import ARCHITECTURES, Architecture
from chem_vae.model import GRUDecoder, GRUEncoder

ARCHITECTURES.add("toy_gru", Architecture(GRUEncoder, GRUDecoder))

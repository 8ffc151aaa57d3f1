"""Small configurations and molecules for the tests of the model's room."""

from __future__ import annotations

import torch

from chem_vae.checkpoint import Checkpoint
from chem_vae.config import ModelConfig

SMILES = [
    "CCO",
    "CC(=O)O",
    "c1ccccc1",
    "CC(C)O",
    "CCN(CC)CC",
    "O=C(O)c1ccccc1",
    "CC(=O)Oc1ccccc1C(=O)O",
    "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "CC(C)Cc1ccc(C(C)C(=O)O)cc1",
    "CC(=O)Nc1ccc(O)cc1",
    "C1CCNCC1",
    "C1COCCN1",
    "c1ccncc1",
    "c1ccoc1",
    "c1ccsc1",
    "CCOC(=O)C",
    "CC#N",
    "C=CC=C",
    "OCC(O)CO",
    "NCC(=O)O",
    "CC(N)C(=O)O",
    "CSCCC(N)C(=O)O",
    "O=C1CCCN1",
    "CC1=CC(=O)CC(C)(C)C1",
    "c1ccc2ccccc2c1",
    "c1ccc2[nH]ccc2c1",
    "Clc1ccccc1",
    "Fc1ccc(Br)cc1",
    "FC(F)(F)c1ccccc1",
    "CS(=O)(=O)c1ccccc1",
    "NS(=O)(=O)c1ccccc1",
    "O=C(Nc1ccccc1)c1ccccc1",
]


TINY = ModelConfig(embedding_size=32, encoder_size=32, decoder_size=64, latent_size=16)


CONFIG = ModelConfig(
    embedding_size=16, encoder_size=12, encoder_layers=2, decoder_size=24, decoder_layers=2, latent_size=8
)


def weights(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    return checkpoint.model.state_dict()

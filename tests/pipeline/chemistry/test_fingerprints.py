"""Each definition of a fingerprint is what its name says."""

from __future__ import annotations

import numpy as np
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from pipeline.chemistry.fingerprints import (
    ECFP4_1024,
    ECFP4_2048,
    SIMULATED_COUNTS,
    stack_bits,
    tanimoto,
    tanimoto_of_all,
    tanimoto_to_each,
)

MOLS = [Chem.MolFromSmiles(s) for s in ("CC(=O)Oc1ccccc1C(=O)O", "CCCCCCCCO", "C[C@H](N)C(=O)O")]


def test_definitions_against_rdkit() -> None:
    for fingerprint, counted in ((ECFP4_1024, False), (ECFP4_2048, False), (SIMULATED_COUNTS, True)):
        own = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=fingerprint.size, countSimulation=counted)
        for mol in MOLS:
            assert fingerprint.bits(mol) == own.GetFingerprint(mol)
            assert fingerprint.array(mol).tolist() == list(own.GetFingerprint(mol))
    assert ECFP4_2048.counts(MOLS[1]).max() > 1
    assert ECFP4_1024.description == "Morgan, radius 2, 1024 bits"
    assert SIMULATED_COUNTS.description == "Morgan, radius 2, 2048 bits, with count simulation"


def test_many_at_once() -> None:
    rows = [MOLS[0], None, MOLS[1]]
    assert ECFP4_1024.bits_of(rows) == [ECFP4_1024.bits(MOLS[0]), None, ECFP4_1024.bits(MOLS[1])]
    arrays = SIMULATED_COUNTS.arrays(rows)
    assert arrays.shape == (3, 2048) and arrays.dtype == np.uint8 and not arrays[1].any() and arrays[0].any()
    assert SIMULATED_COUNTS.arrays([]).shape == (0, 2048)


def test_tanimoto() -> None:
    bits = [ECFP4_2048.bits(mol) for mol in MOLS]
    assert tanimoto(bits[0], bits[0]) == 1 and 0 < tanimoto(bits[0], bits[2]) < 1
    assert tanimoto_to_each(bits[0], bits).tolist() == list(DataStructs.BulkTanimotoSimilarity(bits[0], bits))


def test_all_similarities_at_once_are_those_of_each_pair(sample_smiles: list[str]) -> None:
    bits = [b for b in ECFP4_2048.bits_of([Chem.MolFromSmiles(s) for s in sample_smiles[:60]]) if b is not None]
    found = tanimoto_of_all(stack_bits(bits[:20]), stack_bits(bits))
    assert found.tolist() == [[tanimoto(one, other) for other in bits] for one in bits[:20]]

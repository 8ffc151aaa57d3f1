"""A batch is not one series."""

from __future__ import annotations

from chem_vae.tanimoto import tanimoto
from pipeline.generation.batch_selection import select_diverse
from pipeline.models.measured_predictor import features


def test_a_batch_is_not_one_series() -> None:
    series = [f"O=C(N{'C' * k})c1ccc(Cl)cc1" for k in range(1, 8)]
    others = ["CCOC(=O)C1CCNCC1", "Cc1ncc[nH]1", "CCCCO"]
    chosen = select_diverse([*series, *others], 5, most_similar=1.0, per_scaffold=2)
    assert chosen == [0, 1, 7, 8, 9]
    similar = select_diverse([*series, *others], 10, most_similar=0.5, per_scaffold=10)
    rows = tanimoto(
        features([[*series, *others][i] for i in similar]), features([[*series, *others][i] for i in similar])
    )
    assert len(similar) >= 4 and float(rows.fill_diagonal_(0).max()) <= 0.5

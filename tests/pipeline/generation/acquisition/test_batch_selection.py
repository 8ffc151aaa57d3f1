"""A batch is not one series."""

from __future__ import annotations

from chem_vae.predictors.tanimoto import tanimoto
from pipeline.generation.acquisition.batch_selection import select_diverse
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


def test_only_so_many_of_a_batch_have_alerts() -> None:
    with_alerts = ["O=[N+]([O-])c1ccccc1", "CC(=O)Cl", "O=CCCC", "C=CC(C)=O"]
    without = ["CCOC(=O)C1CCNCC1", "Cc1ncc[nH]1", "CCCCO", "O=C(N)c1ccccc1"]
    mixed = [*with_alerts[:3], *without, with_alerts[3]]
    chosen = select_diverse(mixed, 8, most_similar=1.0, per_scaffold=8, most_alerts=1)
    assert chosen == [0, 3, 4, 5, 6, 1, 2, 7]  # where there are too few without, the others come last
    assert select_diverse(mixed, 5, most_similar=1.0, per_scaffold=8, most_alerts=1) == [0, 3, 4, 5, 6]
    assert len(select_diverse(mixed, 8, most_similar=1.0, per_scaffold=8)) == 8

"""The filters of MOSES."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from chem_vae.errors import DataError
from pipeline.benchmark.distribution import (
    measure_passing_filters,
)
from pipeline.chemistry.metrics import Share

ACETANILIDE, ASPIRIN = "CC(=O)Nc1ccccc1", "CC(=O)Oc1ccccc1C(=O)O"


@pytest.mark.parametrize(
    ("smiles", "passes"),
    [
        (ACETANILIDE, True),
        ("C[N+](C)(C)C", False),  # charged
        ("C[N+](=O)[O-]", False),  # so is nitromethane, as a whole or not
        ("CCP", False),  # phosphorus
        ("C1CCCCCC1", True),
        ("C1CCCCCCC1", False),  # eight atoms in a ring
        ("CCS", False),  # the rule below: a thiol's hydrogen
        ("CSC", True),
    ],
)
def test_filters(smiles: str, passes: bool) -> None:
    assert measure_passing_filters([smiles], ["[#16]-[#1]"]) == Share(int(passes), 1)


def test_filters_count_among_the_valid() -> None:
    assert measure_passing_filters(["CC", "C1CC", "CCP"], []) == Share(1, 2)
    with pytest.raises(DataError, match="C1CC"):
        measure_passing_filters(["CC"], ["C1CC"])


def test_rules_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from pipeline.benchmark import filters

    texts = {"mcf": "names,smarts\nMCF1,[#6]=O\n", "pains": '"c1ccccc1"   ,"<regId=a(1)>"\n'}
    for name, text in texts.items():
        (tmp_path / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
    monkeypatch.setattr(filters, "resolve", lambda *a, **k: None)
    monkeypatch.setattr(filters, "find_extra_file", lambda dataset, name: tmp_path / f"{name}.csv.gz")
    assert filters.load_rules() == ("[#6]=O", "c1ccccc1")
    (tmp_path / "pains.csv.gz").write_bytes(b"\x1f\x8b broken")
    with pytest.raises(DataError, match="delete it"):
        filters.load_rules()

"""Queries of the library: each condition, all together, in every order and page by page, the same on both databases."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from rdkit import Chem, DataStructs

from chem_vae.errors import UserError
from pipeline.chemistry.fingerprints import ECFP4_2048
from pipeline.library import CandidateLibrary
from pipeline.library.search import queries as queries_module
from pipeline.library.search import structure_index as index_module
from pipeline.library.search.fields import Range
from pipeline.library.search.queries import LibraryQuery
from pipeline.library.structures import Substructure


@pytest.fixture
def filled(
    library: CandidateLibrary, tmp_path: Path, write_run: Callable[..., Path], sample_smiles: list[str]
) -> CandidateLibrary:
    """Three nights of 40 molecules each, of which 10 are those of the night before."""
    for night in range(3):
        some = sample_smiles[30 * night : 30 * night + 40]
        scores = [round(random.Random(night).random() + 0.001 * i, 4) if i % 7 else None for i in range(40)]
        write_run(tmp_path, f"2026010{night + 1}-020000-nightly", some, columns={"score": scores})
    library.add_missing_runs()
    library.set_status(["CV-1", "CV-2", "CV-50"], "Shortlisted")
    return library


def find(library: CandidateLibrary, **asked: object) -> list[str]:
    query = LibraryQuery(**{"limit": 1000, **asked})  # type: ignore[arg-type]
    rows = library.query(query).rows
    assert library.count_matches(query) == len(rows)
    paged = [r["id"] for at in range(0, len(rows) + 7, 7) for r in library.query(LibraryQuery(**{**asked, "limit": 7, "offset": at})).rows]  # type: ignore[arg-type]  # fmt: skip
    assert paged == [row["id"] for row in rows]
    return paged


@pytest.fixture(params=["looked up first", "checked in order"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to evaluate a condition: for the small libraries of the tests the second one is forced."""
    if request.param == "checked in order":
        monkeypatch.setattr(queries_module, "FEW", 0)
    return str(request.param)


def test_conditions_are_what_they_say(filled: CandidateLibrary, way: str) -> None:
    everything = filled.query(LibraryQuery(limit=1000)).rows
    assert len(everything) == filled.count() == 100 == len(find(filled))

    def those(condition: Callable[[dict[str, object]], bool]) -> set[str]:
        return {str(row["id"]) for row in everything if condition(row)}

    high = those(lambda row: float(str(row["pIC50_predicted"])) > 0)
    assert 0 < len(high) < 100
    assert set(find(filled, ranges=(Range.parse("pIC50_predicted>0"),))) == high
    assert set(find(filled, ranges=(Range.parse("pIC50 > 0"), Range.parse("logp=:5")), sort="logp")) == high & those(
        lambda row: float(str(row["logp_computed"])) <= 5
    )
    assert set(find(filled, status=("shortlisted",))) == those(lambda row: row["status"] == "shortlisted") != set()
    late = those(lambda row: str(row["proposed"]) >= "2026-01-02")
    assert set(find(filled, ranges=(Range.parse("date>=2026-01-02"),))) == late != set()
    assert set(find(filled, ranges=(Range.parse("date=2026-01-02:2026-01-02"),))) <= late
    assert find(filled, ranges=(Range.parse("date>20991231"),)) == []
    assert set(find(filled, since=date(2026, 1, 2))) == those(lambda row: str(row["proposed"]) >= "2026-01-02")
    assert len(find(filled, run="20260101-020000-nightly")) == len(find(filled, run="latest")) == 40
    assert len(find(filled, run="nightly")) == 100
    assert find(filled, status=("made",)) == []
    assert find(filled, status=("Shortlisted", "MADE")) == find(filled, status=("shortlisted",))


def test_molecules_come_in_order_and_those_without_a_value_last(filled: CandidateLibrary, way: str) -> None:
    by_id = {row["id"]: row for row in filled.query(LibraryQuery(limit=1000)).rows}
    for sort, ascending in (
        ("score", False),
        ("score", True),
        ("logp", True),
        ("pIC50_predicted", False),
        ("date", False),
    ):
        name = {"logp": "logp_computed", "date": "proposed"}.get(sort, sort)
        values = [by_id[i][name] for i in find(filled, sort=sort, ascending=ascending)]
        known = [v for v in values if v is not None]
        assert known == sorted(known, reverse=not ascending) and values[len(known) :] == [None] * (
            len(values) - len(known)
        )
    assert find(filled, sort="id", ascending=True) == sorted(by_id)
    assert None in [row["score"] for row in by_id.values()]


@pytest.mark.parametrize("added", [0, 10_000], ids=["in files", "in the table"])
def test_structures_are_found_as_rdkit_finds_them(
    filled: CandidateLibrary, way: str, added: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "MOST_ADDED", added)
    rows = filled.query(LibraryQuery(limit=1000)).rows
    mols = {row["id"]: Chem.MolFromSmiles(row["smiles"]) for row in rows}
    for smarts in ("c1ccncc1", "C(=O)N", "[#6;r5]", "[$(C=O)]N", "[Si]", "c-c", "[R]~[!R]", "[CX4;H2]"):
        pattern = Chem.MolFromSmarts(smarts)
        wanted = {i for i, mol in mols.items() if mol.HasSubstructMatch(pattern)}
        assert set(find(filled, smarts=smarts)) == wanted
        assert {
            i for i in mols if Substructure(smarts).find_in([next(r["smiles"] for r in rows if r["id"] == i)])[0]
        } == wanted
    asked = rows[3]["smiles"]
    bits = ECFP4_2048.bits(Chem.MolFromSmiles(asked))
    similarity = {i: DataStructs.TanimotoSimilarity(bits, ECFP4_2048.bits(mol)) for i, mol in mols.items()}
    for least in (0.15, 0.3, 1.0):
        found = filled.query(LibraryQuery(similar_to=asked, min_similarity=least, limit=1000)).rows
        assert {r["id"] for r in found} == {i for i, s in similarity.items() if s >= least}
        assert [r["similarity"] for r in found] == sorted((r["similarity"] for r in found), reverse=True)
        assert all(r["similarity"] == pytest.approx(similarity[r["id"]]) for r in found)
    both = find(
        filled,
        similar_to=asked,
        min_similarity=0.15,
        smarts="c",
        ranges=(Range.parse("logp_computed>2"),),
        sort="score",
    )
    assert set(both) == {
        r["id"] for r in rows
        if similarity[r["id"]] >= 0.15 and r["logp_computed"] > 2 and mols[r["id"]].HasSubstructMatch(Chem.MolFromSmarts("c"))
    }  # fmt: skip


def test_a_mistake_is_said(filled: CandidateLibrary) -> None:
    for asked, said in (
        ({"smarts": "c1cc"}, "no SMARTS"),
        ({"similar_to": "xx"}, "no SMILES"),
        ({"ranges": (Range.parse("pic50>1"),)}, "did you mean 'pIC50_predicted'"),
        ({"status": ("lost",)}, "unknown status 'lost'"),
        ({"run": "nobody"}, "unknown run of the library"),
        ({"sort": "similarity"}, "--similar-to"),
    ):
        with pytest.raises(UserError, match=said):
            filled.query(LibraryQuery(**asked))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="no range"):
        Range.parse("pIC50 7")
    with pytest.raises(UserError, match="no date: write it as 2026-11-01"):
        Range.parse("date>7.5")


def test_a_name_that_means_several_values_is_asked_back(filled: CandidateLibrary, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("id,pIC50\nCV-1,6.5\n")
    filled.import_measurements(tmp_path / "m.csv")
    with pytest.raises(UserError, match="pIC50_predicted or pIC50_measured"):
        filled.query(LibraryQuery(ranges=(Range.parse("pIC50>6"),)))
    assert find(filled, ranges=(Range.parse("pIC50_measured>6"),)) == ["CV-000001"]

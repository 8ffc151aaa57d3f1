"""SDF files as programs write them: no record is lost, and no value is taken for the name of a field."""

from __future__ import annotations

from pathlib import Path

import pytest
from rdkit import Chem

from pipeline.datasets.config import IngestConfig
from pipeline.datasets.ingest import ingest
from pipeline.datasets.readers import Hints
from pipeline.datasets.readers.source import Source
from pipeline.workspace.presentation.formatting import count_things
from tests.pipeline.datasets.reading import molecules, read_all, rejections, write

ETHER, AMINE, ETHANOL = (Chem.MolToMolBlock(Chem.MolFromSmiles(s)) for s in ("CCOc1ccccc1", "CCNc1ccccc1", "CCO"))
V3000 = Chem.MolToV3KMolBlock(Chem.MolFromSmiles("CCSc1ccccc1"))


def read_fields(folder: Path, content: str | bytes, name: str = "a.sdf") -> tuple[Source, list[dict[str, str | None]]]:
    """Read a file; returns its records' fields, "!" in place of those of a rejection, after a check of the count."""
    source, chunks = read_all(write(folder, name, content), rows=2)
    assert source.count() == sum(map(len, chunks)), "the independent count"
    records: dict[int, dict[str, str | None]] = {r.row: {"!": r.reason} for r in rejections(chunks)}
    for chunk in chunks:
        for i, row in enumerate(chunk.rows):
            records[row] = {name: cells[i] for name, cells in chunk.columns.items() if cells[i] is not None}
    assert sorted(records) == list(range(len(records)))
    return source, [records[row] for row in sorted(records)]


def test_sdf(tmp_path: Path) -> None:
    block = ETHANOL
    record = block + "> <pIC50>\n6.5\n\n>  25  <note> (1)\ntwo\nlines\n\n$$$$\n"
    other = block.replace("\n", "Lead 7\n", 1) + "$$$$\n"
    _, chunks = read_all(write(tmp_path, "a.sdf.gz", record + other + "junk\n$$$$\n" + record[: len(block) // 2]))
    assert [row for row, _ in molecules(chunks)] == [0, 1]
    assert chunks[0].molblocks
    assert chunks[0].columns == {
        "pIC50": ["6.5", None],
        "note": ["two\nlines", None],
        "title": [None, "Lead 7"],
    }
    assert [(r.row, r.stage) for r in rejections(chunks)] == [(2, "read"), (3, "read")]
    assert "cut" in rejections(chunks)[1].reason
    _, chunks = read_all(write(tmp_path, "b.sdf", record.removesuffix("$$$$\n")))
    assert len(molecules(chunks)) == 1, "the last $$$$ may be missing"


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (">  <IC50>\n>10000\n\n", {"IC50": ">10000"}),
        (">  <IC50>\n> 10000\n\n", {"IC50": "> 10000"}),
        (">  <IC50>\n>=10 uM\n\n>  <n>\n1\n\n", {"IC50": ">=10 uM", "n": "1"}),
        ("> <IC50>\n<5\n\n", {"IC50": "<5"}),
        (">  <a>\n1\n>  <b>\n>5\n>  <c>\n3\n", {"a": "1", "b": ">5", "c": "3"}),  # no blank lines
        (">  <a>\n>  <b>\n5\n\n", {"b": "5"}),  # a field without a value
        (">  <a>\n\n>  <b>\n5\n\n", {"b": "5"}),
        ("><a>\n1\n\n>\t<b>\n2\n\n", {"a": "1", "b": "2"}),
        ("> 25 <melting point> (17)\n30\n\n>  (MD-0894) <boiling point> FROM ARCHIVES\n90\n\n",
         {"melting point": "30", "boiling point": "90"}),
        ("> DT12\n7\n\n", {"DT12": "7"}),
        (">  <Ki (nM)>  (1) \n12\n\n>  <sol(pH=7.4)>\n3\n\n", {"Ki (nM)": "12", "sol(pH=7.4)": "3"}),
        (">  <IC50 <nM>>\n12\n\n", {"IC50 <nM>": "12"}),
        (">  <Löslichkeit>\n12 µM\n\n", {"Löslichkeit": "12 µM"}),
        (">  <note>\none\n\ntwo\n>three\n\n> four\n\n>  <n>\n1\n\n", {"note": "one\ntwo\n>three\n> four", "n": "1"}),
        (">  <cost>\n$$$$ much\n\n>  <n>\n1\n\n", {"cost": "$$$$ much", "n": "1"}),
        (">  <a>\n1\n\n>  <a>\n1\n\n", {"a": "1"}),
        (">  <a>\n1\n\n>  <a>\n2\n\n", {"a": "1\n2"}),
        (">  <>\n1\n\n", {"unnamed": "1"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_data_fields_as_programs_write_them(tmp_path: Path, data: str, fields: dict[str, str], ends: str) -> None:
    content = (ETHER + data + "$$$$\n" + V3000 + data + "$$$$\n").replace("\n", ends)
    source, records = read_fields(tmp_path, content.encode())
    assert records == [fields, fields]
    assert all("several times" in note for note in source.notes)
    assert len(source.notes) == ("\n" in fields.get("a", ""))
    if "µ" in data:
        latin = write(tmp_path, "latin.sdf", content.encode("latin-1"))
        assert read_fields(tmp_path, latin.read_bytes())[1] == records


@pytest.mark.parametrize("blocks", [(ETHER, AMINE, ETHANOL), (V3000, ETHER, V3000), (ETHER.rstrip(), AMINE.rstrip())])
@pytest.mark.parametrize("data", ["", ">  <n>\n1\n\n"])
@pytest.mark.parametrize("last", ["", "\n", "\n\n\n", "$$$$", "$$$$\n"])
def test_mol_blocks_without_a_line_between_them_are_all_read(
    tmp_path: Path, blocks: tuple[str, ...], data: str, last: str
) -> None:
    content = "".join(block.rstrip("\n") + "\n" + data for block in blocks) + last
    for name in ("a.sdf", "a.mol"):
        source, records = read_fields(tmp_path, content, name)
        assert records == [{"n": "1"} if data else {}] * len(blocks)
        assert source.notes == [
            f"{count_things(len(blocks) - 1, 'record', 'ends', 'end')} without `$$$$`; the mol block after each begins the next row"
        ]
    _, chunks = read_all(tmp_path / "a.sdf")
    assert [Chem.MolFromMolBlock(b or "").GetNumAtoms() for _, b in molecules(chunks)] == [
        Chem.MolFromMolBlock(b).GetNumAtoms() for b in blocks
    ]


def test_a_mol_block_without_a_line_between_keeps_its_title_and_the_fields_before_it(tmp_path: Path) -> None:
    first = ETHER.replace("\n", "one\n", 1) + ">  <n>\n>5\n\n"
    second = AMINE.replace("\n", "two\n", 1) + ">  <n>\n7\n\n"
    _, records = read_fields(tmp_path, first + second + "$$$$\n" + first)
    assert records == [{"title": "one", "n": ">5"}, {"title": "two", "n": "7"}, {"title": "one", "n": ">5"}]


def test_a_mol_block_that_is_the_value_of_a_field_is_no_row(tmp_path: Path) -> None:
    source, records = read_fields(tmp_path, f"{ETHER}>  <drawing>\n{AMINE}\n>  <n>\n1\n\n$$$$\n{ETHANOL}$$$$\n")
    assert len(records) == 2
    assert records[0]["n"] == "1"
    assert (records[0]["drawing"] or "").endswith("M  END")
    assert records[1] == {}
    assert source.notes == [
        "1 data field holds a mol block, which was read as the value of the field, not as a molecule"
    ]


def test_a_missing_end_of_a_mol_block(tmp_path: Path) -> None:
    charged = Chem.MolToMolBlock(Chem.MolFromSmiles("CC[NH3+]"))
    for block in (ETHER, charged):
        unended = block.replace("M  END\n", "")
        source, records = read_fields(tmp_path, f"{unended}>  <n>\n1\n\n$$$$\n{unended}$$$$\n{block}$$$$\n")
        assert records == [{"n": "1"}, {}, {}]
        assert source.notes == ["2 records have no `M  END`; what is read ends with the last bond or property line"]
        _, chunks = read_all(tmp_path / "a.sdf")
        assert len({Chem.MolToSmiles(Chem.MolFromMolBlock(b or "")) for _, b in molecules(chunks)}) == 1
    cut = ETHER[: len(ETHER) // 2]
    _, records = read_fields(tmp_path, f"{cut}\n$$$$\n{V3000.replace('M  END', '')}$$$$\n{ETHER}$$$$\n")
    assert ["!" in record for record in records] == [True, True, False]
    _, records = read_fields(tmp_path, f"{ETHER}$$$$\n" + charged.replace("M  END\n", ""))
    assert "cut" in (records[1]["!"] or ""), "its charges may be in what is cut off"


def test_a_second_mol_block_of_an_old_form_is_refused_rather_than_lost(tmp_path: Path) -> None:
    old = AMINE.replace(" V2000", "").replace("0999", "   ")
    _, records = read_fields(tmp_path, f"{ETHER}{old}$$$$\n{old}$$$$\n")
    assert "two mol blocks" in (records[0]["!"] or "")
    assert records[1] == {}


def test_records_that_are_too_long_are_refused(tmp_path: Path) -> None:
    long = f"{ETHER}>  <n>\n" + "x\n" * 100_001 + f"$$$$\n{ETHER}>  <n>\n" + "y" * 900_000 + "\n"
    wide = f"{ETHER}>  <n>\n" + ("z" * 900_000 + "\n") * 10 + "$$$$\n"
    _, records = read_fields(tmp_path, long + "$$$$\n" + wide + "\n" * 100_005)
    assert "100,0" in (records[0]["!"] or "")
    assert "lines" in (records[0]["!"] or "")
    assert len(records[1]["n"] or "") == 900_000
    assert "characters" in (records[2]["!"] or "")
    assert len(records) == 3


def test_empty_records_count(tmp_path: Path) -> None:
    empty = Chem.MolToMolBlock(Chem.Mol())
    _, records = read_fields(tmp_path, f"$$$$\n{empty}$$$$\n\n$$$$\n{ETHER}$$$$\n\n\n")
    assert ["!" in record for record in records] == [True, False, True, False]


def test_an_sdf_is_ingested_with_every_record_accounted_for(tmp_path: Path) -> None:
    query = ETHER.replace(" O ", " A ", 1)
    alias = Chem.MolToMolBlock(Chem.MolFromSmiles("Cc1ccccc1")).replace("M  END", "A    1\nCOOEt\nM  END")
    content = "".join(f"{b}>  <y>\n{y}\n\n" for b, y in ((ETHER, 1), (V3000, 2), (query, 3), (alias, 4), (ETHER, 5)))
    config = {"source": str(write(tmp_path, "a.sdf", content)), "properties": ["y"], "compute": ("mw",), "merges": 0}
    dataset = ingest(
        IngestConfig.model_validate({**config, "validation_fraction": 0, "test_fraction": 0, "workers": 1}), tmp_path
    )
    assert {key: dataset.counts[key] for key in ("rows", "accepted", "duplicates", "rejected")} == {
        "rows": 5, "accepted": 3, "duplicates": 1, "rejected": 1,
    }  # fmt: skip
    assert dict(zip(dataset.table()["smiles"], dataset.table()["y"], strict=True)) == {
        "CCOc1ccccc1": 3.0, "CCSc1ccccc1": 2.0, "CCOC(=O)c1ccccc1": 4.0,
    }  # fmt: skip
    assert "wildcard" in dataset.rejections()["reason"][0]


@pytest.mark.parametrize("encoding", ["cp1251", "utf-16-be"])
def test_the_user_says_the_encoding(tmp_path: Path, encoding: str) -> None:
    content = "$$$$\n".join(f"{block}> <Активность>\n{i},5\n\n" for i, block in enumerate((ETHER, AMINE)))
    source = Source.open(write(tmp_path, "a.sdf", content.encode(encoding)), Hints(encoding=encoding))
    (chunk,) = source.chunks()
    assert chunk.columns == {"Активность": ["0,5", "1,5"]} and source.count() == 2
    assert source.notes == [f"the file was read as {encoding.upper()}"]


@pytest.mark.parametrize("name", ["a.sdf", "a.csv"])
def test_an_sdf_in_utf_16_is_read_whatever_its_name(tmp_path: Path, name: str) -> None:
    content = f"{ETHER}> <µ>\n5\n\n$$$$\n{AMINE}$$$$\n"
    source, records = read_fields(tmp_path, content.encode("utf-16"), name)
    assert source.format == "sdf" and records == [{"µ": "5"}, {}]

from __future__ import annotations

from pathlib import Path

from rdkit import Chem

from tests.pipeline.datasets.reading import molecules, read_all, rejections, write


def test_sdf(tmp_path: Path) -> None:
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO"))
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

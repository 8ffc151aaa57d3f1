"""Origins and counts survive a line that a kill cut short."""

from __future__ import annotations

from pathlib import Path

from pipeline.optimization.provenance import Provenance


def test_provenance_survives_a_cut_line(tmp_path: Path) -> None:
    path = tmp_path / "proposals.jsonl"
    provenance = Provenance(path)
    provenance.record({"CC": ("prior", None)}, {"proposed": 3, "valid": 2}, {"no oxygen": 1})
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        again = Provenance(path)
        again.record({"CC": ("move", "C"), "CCC": ("move", "CC")}, {"proposed": 1})
        read = Provenance(path)
        assert read.find_origin("CCC") == ("move", "CC") and read.tally["proposed"] in (1, 4)
        assert read.find_origin("CC") in (("prior", None), ("move", "C")) and read.find_origin("N") == ("unknown", None)

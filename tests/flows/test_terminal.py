"""The terminal shows our own warnings, and no others."""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from pathlib import Path

import pytest

from chem_vae.errors import MemoryWarning
from flows import cli
from flows.terminal import explain_reuse, format_candidates, format_table, show_own_warnings, suggest_command


def test_our_own_warnings_are_sentences_and_others_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        show_own_warnings()
        for _ in range(2):
            warnings.warn("too little memory", MemoryWarning, stacklevel=1)
        warnings.warn("of a library", UserWarning, stacklevel=1)
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" warning: ")[2] for line in lines] == ["too little memory"] * 2
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d{4} ", line) for line in lines), (
        "the log of a night has times"
    )


def test_a_suggested_command_is_taken_by_the_shell_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["pIC50 (µM)", "C[C@H](N)C#N", "it's/a path.csv", "plain"]
    suggest_command("chem-vae run {} {} {} {}", *words, model="my model", workspace=Path("my work"))
    told = capsys.readouterr().err.removeprefix("next: ")
    assert shlex.split(told) == ["chem-vae", "run", *words, "--model", "my model", "--workspace", "my work"]
    suggest_command("chem-vae generate --target logp=2.5", model="latest", workspace=None)
    assert capsys.readouterr().err == "next: chem-vae generate --target logp=2.5\n"


def test_no_command_of_the_command_line_is_suggested_with_a_word_that_is_not_quoted() -> None:
    for path in Path(cli.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("suggest_command", "write_command"):
                assert not isinstance(node.args[0], ast.JoinedStr | ast.BinOp), f"{path.name}: {ast.unparse(node)}"


def test_tables_align_numbers_and_leave_out_what_is_missing() -> None:
    text = format_table([("a", 3000, 0.123456, "CCO"), ("b", 4, float("nan"), None)], ("name", "n", "value", "smiles"))
    head, _, first, second = (line.split() for line in text.splitlines())
    assert head == ["name", "n", "value", "smiles"]
    assert first == ["a", "3,000", "0.123", "CCO"] and second == ["b", "4"]
    assert not any(line.endswith(" ") for line in text.splitlines())


def test_candidates_show_their_values_with_basis_and_spread(tmp_path: Path) -> None:
    path = tmp_path / "candidates.csv"
    path.write_text(
        "rank,smiles,score,qed_computed,x_predicted,x_predicted_std\n1,CCO,0.91234,0.5,12.3456,0.12345\n2,CCN,0.8,0.4,,\n"
    )
    shown = format_candidates(path, limit=1, only=["x"])
    assert "x (predicted)" in shown and "12.35 ± 0.12 " in shown and " 0.912 " in shown
    assert "qed" not in shown and "CCN" not in shown
    assert format_candidates(tmp_path / "none.csv") == "" and "unusual" not in shown
    odd = tmp_path / "odd.csv"
    odd.write_text("rank,score,smiles,unusual\n1,0.9,CCO,\n2,0.8,CCOOC,peroxide; enol\n")
    lines = format_candidates(odd).splitlines()
    assert lines[0].split() == ["rank", "score", "unusual", "smiles"] and "peroxide; enol  CCOOC" in lines[-1]


def test_what_was_reused_is_said(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    assert explain_reuse(manifest) == ""
    manifest.write_text('{"dataset": {"folder": "d-1", "reused": true}, "model": {"folder": "m-1", "reused": false}}')
    assert explain_reuse(manifest) == "reused: dataset d-1 (made before from the same input and settings)"


def test_numbers_have_three_digits_and_no_exponent_that_a_person_must_read(tmp_path: Path) -> None:
    path = tmp_path / "candidates.csv"
    path.write_text(
        "rank,smiles,score,mw_computed,y_computed,x_predicted,x_predicted_std\n"
        "1,CCO,1.733e-309,4.8720000000000026,8191000.0,481.2,120.4\n2,CCN,-14.261,4.1,8204000.0,,\n"
    )
    shown = format_candidates(path)
    assert "≈ 0" in shown and "4.87 " in shown and "481 ± 120" in shown and "-14.3" in shown and "8,191,000" in shown
    assert "e+0" not in shown and "0000026" not in shown

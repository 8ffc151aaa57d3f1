"""Remedies of warnings in the words of the app: every option that a sentence of the pipeline names can be said, and most be applied."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chem_vae.errors import UserError
from flows.app.jobs.changes import Table, list_choices
from flows.app.remedies import OPTIONS, Remedy, apply_remedies, is_flag, read_sentence, say
from flows.app.remedy_words import COMMANDS, ELSEWHERE
from pipeline.config import CampaignConfig

ROOT = Path(__file__).resolve().parents[2]


def list_sentences() -> Iterator[tuple[str, str]]:
    """(file, text) of each string of the pipeline that a person may read; what is filled in is x1."""
    for room in ("pipeline", "chem_vae"):
        for path in sorted((ROOT / room).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            texts = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
            inside = {id(part) for text in texts for part in text.values}
            inside |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
            for node in ast.walk(tree):
                if isinstance(node, ast.JoinedStr):
                    yield path.name, "".join(v.value if isinstance(v, ast.Constant) else "x1" for v in node.values)  # type: ignore[misc]
                elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
                    yield path.name, node.value


def test_every_option_in_a_sentence_can_be_said_in_the_app() -> None:
    found = [(file, text) for file, text in list_sentences() if re.search(r"(?<![\w-])--[a-z]{2}", text)]
    found = [(file, text) for file, text in found if file != "wheels.py" and "dask worker" not in text]
    assert len(found) > 60, "the walk would prove nothing"
    wrong = [f"{file}: {say(text)}" for file, text in found if re.search(r"(?<![\w-])--[a-z]", say(text))]
    assert not wrong, "\n".join(wrong)


def test_every_command_in_a_sentence_can_be_said_in_the_app() -> None:
    from flows.cli.main import walk_commands

    commands = {name.split()[0] for name, _ in walk_commands()}
    assert commands == set(COMMANDS)
    pattern = rf"chem-vae (?:{'|'.join(sorted(commands))})\b[^-]"
    kinds = re.compile(r"chem-vae [a-z ]+")  # the kind of a file, in its manifest
    found = [(f, t) for f, t in list_sentences() if re.search(pattern, f"{t} ") and not kinds.fullmatch(t)]
    assert len(found) > 10, "the walk would prove nothing"
    wrong = [f"{file}: {say(text)}" for file, text in found if re.search(pattern, f"{say(text)} ")]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("sentence", "told", "remedies"),
    [
        (
            "or limit the weight: --within mw=:502",
            "or limit the weight: “molecular weight at most 502”",
            [(Remedy("--within", "mw=:502"),)],
        ),
        (
            "ask for molecules without them: --without-alerts PAINS,BRENK",
            "ask for molecules without them: “no molecules with structural alerts (PAINS,BRENK)”",
            [(Remedy("--without-alerts", "PAINS,BRENK"),)],
        ),
        (
            "one has to be chosen (--enumerate-stereo 8 predicts each)",
            "one has to be chosen (“predict each stereoisomer, up to 8” predicts each)",
            [(Remedy("--enumerate-stereo", "8"),)],
        ),
        (
            'say the unit: --property "IC50=nM" --log',
            "say the unit: “learn IC50=nM” “learn its logarithm”",
            [(Remedy("--property", "IC50=nM"), Remedy("--log"))],
        ),
        (
            "the mark: --decimal , (1.5) or --decimal . (15)",
            "the mark: “the decimal mark is ,” (1.5) or “the decimal mark is .” (15)",
            [(Remedy("--decimal", ","),), (Remedy("--decimal", "."),)],
        ),
        (
            "widen (--tolerance, --range), or fine-tune",
            "widen (“give or take”, “between two values”), or fine-tune",
            [],
        ),
        ("give --range NAME=LOW:HIGH for what has to be met", "give “between two values” for what has to be met", []),
        ("give --range for what has to be met", "give “between two values” for what has to be met", []),
        ("say where it is with --set screen.library=FILE", "say where it is with “a setting”", []),
        ("start once with the set moses (`chem-vae ingest moses`)", "start once with the set moses (“Start”)", []),
        ("--allow-unusual NAME lets it through", "“allow something unusual” lets it through", []),
        ("make one with: chem-vae run --data moses-sample", "make one with: “Start”", []),
        ("start some with `dask worker A --nworkers auto`", "start some with `dask worker A --nworkers auto`", []),
        ("nothing to mend -- at all", "nothing to mend -- at all", []),
    ],
)
def test_a_remedy_is_said_in_words(sentence: str, told: str, remedies: list[tuple[Remedy, ...]]) -> None:
    assert read_sentence(sentence) == (told, remedies)


def test_remedies_change_the_settings_as_the_command_line_does() -> None:
    settings = {
        "ingest": {"source": "my.csv"},
        "generate": {"n": 5, "constraints": [{"property": "mw", "at_most": 700.0}, {"must_contain": "c1ccccc1"}]},
    }
    changes = [
        Remedy("--within", "mw=:500"),
        Remedy("--without-alerts", "PAINS,BRENK"),
        Remedy("--samples", "20000"),
        Remedy("--set", "generate.temperature=0.5"),
        Remedy("--no-exclude-known"),
        Remedy("--leave-out", "pIC50=-999"),
        Remedy("--leave-out", "pIC50=99"),
        Remedy("--from", "moses"),
        Remedy("--allow-unusual", "ring of more than 8 atoms"),
    ]
    changed = apply_remedies(settings, changes)
    assert settings["generate"]["n"] == 5 and len(settings["generate"]["constraints"]) == 2  # type: ignore[arg-type]
    checked = CampaignConfig.model_validate(changed)
    assert changed["generate"]["constraints"] == [
        {"must_contain": "c1ccccc1"},
        {"property": "mw", "at_most": 500.0},
        {"alerts": ["PAINS", "BRENK"]},
    ]
    assert (checked.generate.samples, checked.generate.temperature, checked.generate.exclude_known) == (
        20000,
        0.5,
        False,
    )
    assert [str(code) for code in changed["ingest"]["leave_out"]] == ["pIC50=-999", "pIC50=99"]
    assert checked.train.start == "moses"


def test_a_remedy_without_its_value_is_not_applied() -> None:
    assert not Remedy("--within").is_whole
    with pytest.raises(UserError, match="give a value"):
        Remedy("--within").read()
    with pytest.raises(UserError, match="write it as"):
        Remedy("--within", "mw").read()


@pytest.mark.parametrize("table", ["generate", "optimize"])
def test_every_setting_that_can_be_added_to_a_run_changes_it(table: Table) -> None:
    assert len(list_choices(table)) > (30 if table == "generate" else 10)
    assert "--oracle" not in list_choices(table) and ("--any-size" in list_choices(table)) is (table == "optimize")
    for name in list_choices(table):
        option = OPTIONS[name]
        assert option.key.startswith(("generate.", "optimize.")) or table == "generate", name
        example = option.example.strip("'").partition(" --in")[0] or {"": "5", "NAME": "conditional"}.get(
            option.metavar, "CCO"
        )
        change = Remedy(name, "" if is_flag(name) else "train.replay=0" if name == "--set" else example)
        assert change.read(), name
        assert apply_remedies({}, [change], table) != apply_remedies({}, [], table), name
        assert re.search("[a-z]", change.label) and "--" not in change.label and "{" not in change.label


def test_no_option_has_two_names_in_the_app() -> None:
    assert not set(OPTIONS) & set(ELSEWHERE)

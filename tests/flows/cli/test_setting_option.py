"""How the text of an option becomes a setting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chem_vae.errors import UserError
from flows.cli.options import SEARCHING, SET, make_aims, make_constraints
from flows.cli.setting_option import merge_pairs, read_toml_value, split_numbers
from pipeline.config import load_config


def settings(**texts: list[str]) -> dict[str, Any]:
    """The settings of the options of `make_aims` and `make_constraints`."""
    known = (*make_aims("generate"), *make_constraints("generate"), SET)
    options = {option.name.removeprefix("--").replace("-", "_"): option for option in known}
    return merge_pairs([pair for name, text in texts.items() for pair in options[name].read(options[name], text)])


def test_aims_by_property_whose_name_may_hold_dots() -> None:
    given = {
        "tolerance": ["logD7.4=0.25"],
        "target": ["logD7.4=2.5"],
        "maximize": ["p.max, qed"],
        "range": ["a.b.c=1:2"],
    }
    assert settings(**given) == {
        "generate.objectives.logD7.4": {"target": 2.5, "tolerance": 0.25},
        "generate.objectives.p.max": {"maximize": True},
        "generate.objectives.qed": {"maximize": True},
        "generate.objectives.a.b.c": {"range": [1.0, 2.0]},
    }
    assert settings(tolerance=["logp=0.5"]) == {"generate.objectives.logp.tolerance": 0.5}, "the target of a file"


def test_the_last_word_on_a_setting_wins() -> None:
    given = settings(set=["generate.n=3", "name=a b", "generate.n=4"])
    assert given == {"name": "a b", "generate.n": 4}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"target": ["logp"]}, "--target logp: write it as NAME=VALUE, as in --target logp=2.5"),
        ({"target": ["logp=high"]}, "'high' is not a number"),
        (
            {"range": ["mw=300"]},
            "give both ends with a colon between, or one .* as in --range mw=300:400 or --range mw=300:",
        ),
        ({"range": ["mw=:"]}, "give both ends"),
        ({"within": ["mw=300"]}, "give both ends .* as in --within mw=300:450 or --within mw=300:"),
        ({"within": ["mw=400:300"]}, "the lower end comes first"),
        ({"range": ["mw=300:300"]}, "the ends of a range differ; for one value say --target mw=300"),
        ({"within": ["mw=low:"]}, "'low' is not a number"),
        ({"within": ["300:400"]}, "write it as NAME=LOW:HIGH"),
        ({"maximize": ["qed"], "minimize": ["qed"]}, "two aims"),
        ({"set": ["generate.n"]}, "--set generate.n: write it as KEY=VALUE"),
    ],
)
def test_mistakes_are_sentences(given: dict[str, list[str]], words: str) -> None:
    with pytest.raises(UserError, match=words):
        settings(**given)


def test_an_end_of_a_range_may_be_open() -> None:
    assert settings(range=["mw=300:", "sa=:4"]) == {
        "generate.objectives.mw": {"range": [300.0, None]},
        "generate.objectives.sa": {"range": [None, 4.0]},
    }
    assert load_config(None, settings(range=["mw=300:"])).generate.objectives["mw"].describe() == "at least 300"


def test_limits_may_be_one_value() -> None:
    (found,) = settings(within=["ring_size=6:6"])["generate.constraints+"]
    assert found == {"property": "ring_size", "at_least": 6.0, "at_most": 6.0}


def test_constraints_of_several_options_come_together() -> None:
    found = settings(
        within=["mw=300:", "sa=:4", "logp=-1:3"],
        without_alerts=["PAINS, BRENK"],
        must_contain=["c1ccncc1"],
        must_not_contain=["Cl", "Br"],
    )
    constraints = load_config(None, found).generate.constraints
    assert [constraint.describe() for constraint in constraints] == [
        *("mw at least 300", "sa at most 4", "logp at least -1 and at most 3", "no alert of PAINS, BRENK"),
        *("contains c1ccncc1", "does not contain Cl", "does not contain Br"),
    ]


def test_values_as_toml_writes_them_or_plain_text() -> None:
    assert [read_toml_value(text) for text in ("3", "true", '["a"]', "word", "a b")] == [3, True, ["a"], "word", "a b"]
    with pytest.raises(UserError, match="not a TOML value"):
        read_toml_value("[8")
    assert split_numbers("--which", "0,3", "0,3,5", int) == [0, 3]


def test_names_may_hold_the_signs_of_options() -> None:
    assert settings(target=["sol(pH=7.4)=-5"], range=["a:b=c=1:2"]) == {
        "generate.objectives.sol(pH=7.4)": {"target": -5.0},
        "generate.objectives.a:b=c": {"range": [1.0, 2.0]},
    }
    given = ['generate.objectives."a=b.c".target=1', 'ingest.properties=["sol(pH=7.4)", "pIC50=nM"]']
    config = load_config(None, settings(set=given))
    assert config.generate.objectives["a=b.c"].target == 1
    assert [(p.name, p.unit) for p in config.ingest.properties] == [("sol(pH=7.4)", ""), ("pIC50", "nM")]
    config = load_config(None, settings(set=["generate.objectives.sol(pH=7.4)={target=1}"]))
    assert config.generate.objectives["sol(pH=7.4)"].target == 1


def test_an_oracle_replaces_that_of_a_file_whatever_it_is(tmp_path: Path) -> None:
    file = tmp_path / "oracle.toml"
    file.write_text('[optimize.oracle]\nregistered = "vina"\noptions = { seed = 1 }\nparallel = 2\n')
    (option,) = [option for option in SEARCHING if option.name == "--oracle"]
    found = load_config(file, merge_pairs(option.read(option, "my_docking:dock"))).optimize
    assert found is not None and found.oracle is not None
    assert (found.oracle.function, found.oracle.registered, found.oracle.parallel) == ("my_docking:dock", None, 2)

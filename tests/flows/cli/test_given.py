"""What the options of a command say, and the name of its run."""

from __future__ import annotations

from pathlib import Path

from flows.cli import options
from flows.cli.given import Given, name_parameter


def test_a_run_has_the_name_of_its_command_where_nothing_names_it(tmp_path: Path) -> None:
    plain, named = tmp_path / "plain.toml", tmp_path / "named.toml"
    plain.write_text("[generate]\nn = 5\n")
    named.write_text('name = "campaign"\n')
    nothing = Given((options.NAME,), {name_parameter(options.NAME): None})
    assert nothing.load(name="screen").name == nothing.load(plain, name="screen").name == "screen"
    assert nothing.load(named, name="screen").name == nothing.load(plain).name == "campaign"
    mine = Given((options.NAME,), {name_parameter(options.NAME): "mine"})
    assert mine.load(named, name="screen").name == mine.load(plain, name="screen").name == "mine"

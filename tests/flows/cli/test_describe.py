"""The description of the commands is complete and true."""

from __future__ import annotations

from flows.cli.describe import list_commands
from pipeline.benchmark.config import BenchmarkSettings
from pipeline.config import CampaignConfig
from pipeline.training.config import TuneConfig
from pipeline.workspace.setting_fields import list_settings

KEYS = {
    **list_settings(CampaignConfig),
    **list_settings(TuneConfig, "tune."),
    **list_settings(BenchmarkSettings, "benchmark."),
}


def test_every_option_has_a_help_and_every_setting_is_one() -> None:
    commands = {command.name: command for command in list_commands()}
    assert {"run", "optimize", "benchmark moses", "explore map"} <= set(commands)
    for command in commands.values():
        assert command.help
        for option in command.options:
            assert option.help, (command.name, option.names)
            assert "[dim]" not in option.help and "\\" not in option.help
            assert not option.key or option.key in KEYS, option


def test_one_option_in_full() -> None:
    (run,) = (command for command in list_commands() if command.name == "run")
    (number,) = (option for option in run.options if "-n" in option.names)
    assert (number.names, number.metavar, number.key, number.default) == (
        ("--number", "-n"),
        "INT",
        "generate.n",
        "100",
    )
    assert number.help.startswith("How many candidates to report.") and not number.required and not number.repeatable
    (quiet,) = (option for option in run.options if "-q" in option.names)
    assert (quiet.metavar, quiet.default, quiet.panel) == ("", "", "How to run")

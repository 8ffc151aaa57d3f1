"""Commands take name, type, default and help of their options from the models of the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.testing import CliRunner

from flows.cli import options
from flows.cli.command import command, new_group
from flows.cli.given import Given

seen: list[tuple[Given, int, Path, bool]] = []
app = new_group("A group.")


@command(app, options.COMPUTE, *options.make_aims("generate"), options.SEED, options.SET)
def work(given: Given, workspace: Path, quiet: bool, times: Annotated[int, typer.Option("--times")] = 2) -> None:
    """Do something."""
    seen.append((given, times, workspace, quiet))


@command(app)
def other() -> None:
    """Do something else."""


def call(*arguments: str) -> str:
    done = CliRunner().invoke(app, [*arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_what_is_not_given_is_left_to_the_file_and_the_defaults() -> None:
    call("work")
    given, times, workspace, quiet = seen.pop()
    assert (given.raw, given.settings, times, workspace, quiet) == ({}, {}, 2, Path("workspace"), False)


def test_given_options_become_settings(tmp_path: Path) -> None:
    call("work", "--compute", "logp,qed", "-n", "5", "--target", "logp=2", "--seed", "3", "--set", "train.replay=0.25")
    given = seen.pop()[0]
    assert given.raw["--number"] == 5
    file = tmp_path / "c.toml"
    file.write_text("[generate]\nn = 7\nsamples = 60\n")
    whole = given.load(file, {"name": "mine", "generate.n": 6})
    assert (whole.name, whole.generate.n, whole.generate.samples, whole.train.replay) == ("mine", 5, 60, 0.25)
    assert (whole.train.training.seed, whole.generate.seed, whole.ingest.compute) == (3, 3, ("logp", "qed"))
    assert given.table("train") == {"training.seed": 3, "replay": 0.25}


def test_what_set_says_wins_over_the_other_options() -> None:
    call(
        "work",
        "--target",
        "logp=2",
        "--set",
        "generate.objectives.logp={maximize = true}",
        "--set",
        "generate.n=4",
        "-n",
        "5",
    )
    whole = seen.pop()[0].load()
    assert whole.generate.objectives["logp"].maximize and whole.generate.n == 4
    call("work", "--target", "logp=2", "--set", "generate.objectives.logp.tolerance=0.5")
    aim = seen.pop()[0].load().generate.objectives["logp"]
    assert (aim.target, aim.tolerance) == (2.0, 0.5)


def test_help_has_the_text_the_key_and_the_default_of_the_field() -> None:
    text = " ".join(call("work", "--help").replace("│", " ").split())
    assert "How many candidates to report. Example: -n 50. [generate.n = 100]" in text
    assert "--debug" in text and "Example: --target logp=2.5. Repeatable. [generate.objectives.*.target]" in text


def test_the_list_of_commands_needs_no_options() -> None:
    assert "Do something else." in call("--help")


def test_own_options_are_described_in_the_docstring() -> None:
    @command(app)
    def own(path: str, n: int = 3, only_new: bool = False, output: Path | None = None) -> None:
        """Do a third thing
        in two lines.

        Args:
            path: A [folder].
            n: How many,
                at most.
            only_new: No old ones.
            output: A file.
        """
        assert (path, n, only_new, output) == ("here", 5, True, Path("x.csv"))

    call("own", "here", "-n", "5", "--only-new", "--output", "x.csv")
    text = " ".join(call("own", "--help").replace("│", " ").split())
    assert "Do a third thing in two lines." in text and "Args" not in text
    assert "-n INT How many, at most. [default: 3]" in text and "PATH <str> A [folder]." in text

"""The options of `optimize`, each with the help text that teaches it."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.options import AIMS, SOURCE

ORACLE, MUST, SEARCH = "Who scores", "What molecules must be", "How to search"

GoOn = Annotated[
    str | None,
    typer.Option(
        "--continue",
        metavar="RUN",
        rich_help_panel=SOURCE,
        help="Go on from a finished optimization, e.g. --continue latest --calls 2000: its settings and its model, where "
        "no others are given; its calls are not paid again and count among --calls.",
    ),
]
Oracle = Annotated[
    str | None,
    typer.Option(
        "--oracle",
        metavar="MODULE:FUNCTION",
        rich_help_panel=ORACLE,
        help="A Python function that takes a list of SMILES and returns a number (None: failed) or a dictionary by "
        "endpoint for each, e.g. --oracle my_docking:dock; a module of the working folder will do.",
    ),
]
Program = Annotated[
    str | None,
    typer.Option(
        "--program",
        metavar="COMMAND",
        rich_help_panel=ORACLE,
        help='Or a program, e.g. --program "python dock.py --fast": it reads JSON lines {"id", "smiles"} and writes '
        '{"id", "score"}, {"id", "scores": {...}} or {"id", "error"}. No shell is involved.',
    ),
]
Endpoints = Annotated[
    list[str] | None,
    typer.Option(
        "--endpoint",
        metavar="NAME",
        rich_help_panel=ORACLE,
        help="What the oracle measures, as the objectives name it, e.g. --endpoint affinity --minimize affinity; "
        "`score` when not given. Repeatable.",
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        help="Stop a batch of the oracle after so long, e.g. --timeout 600.",
        rich_help_panel=ORACLE,
    ),
]
Parallel = Annotated[
    int | None,
    typer.Option(
        "--parallel",
        metavar="INT",
        help="Batches of the oracle at once, each with a process of its own.",
        rich_help_panel=ORACLE,
    ),
]
OracleBatch = Annotated[
    int | None,
    typer.Option(
        "--oracle-batch",
        metavar="INT",
        help="Molecules that the oracle is given at once. When not given: up to 100, and of a function as many as take about "
        "ten seconds, so that a kill loses no more; give it where a function is fastest with many, as on a GPU.",
        rich_help_panel=ORACLE,
    ),
]
Calls = Annotated[
    int | None,
    typer.Option(
        "--calls",
        metavar="INT",
        help="Molecules that the oracle may be asked about, 1,000 when not given; it never answers more, nor one twice.",
        rich_help_panel=ORACLE,
    ),
]
Aggregate = Annotated[
    str | None,
    typer.Option(
        "--aggregate",
        metavar="NAME",
        help="Of several objectives: the geometric mean of their desirabilities, the arithmetic one, or pareto, the front "
        "of two or three.",
        rich_help_panel=AIMS,
    ),
]
MustContain = Annotated[
    list[str] | None,
    typer.Option(
        "--must-contain",
        metavar="SMARTS",
        help="Only molecules with this substructure, e.g. --must-contain 'c1ccncc1'. Repeatable.",
        rich_help_panel=MUST,
    ),
]
MustNotContain = Annotated[
    list[str] | None,
    typer.Option(
        "--must-not-contain",
        metavar="SMARTS",
        help="Only molecules without it, e.g. --must-not-contain '[N+](=O)[O-]'. Repeatable.",
        rich_help_panel=MUST,
    ),
]
SimilarTo = Annotated[
    list[str] | None,
    typer.Option(
        "--similar-to",
        metavar="SMILES",
        help="Only molecules as similar to this one (of several: to one of them) as --at-least says; the search starts "
        "there. Repeatable.",
        rich_help_panel=MUST,
    ),
]
AtLeast = Annotated[
    float | None,
    typer.Option(
        "--at-least",
        metavar="0..1",
        help="Tanimoto similarity (ECFP4) for --similar-to; 0.4 when not given.",
        rich_help_panel=MUST,
    ),
]
StartFrom = Annotated[
    str | None,
    typer.Option(
        "--start",
        metavar="prior|data|best",
        help="What to begin with: molecules of the model (prior, when not given), of its dataset, or the best of these by "
        "their own values of what the objectives name, which the oracle is asked about first.",
        rich_help_panel=SEARCH,
    ),
]
SeedMolecules = Annotated[
    list[str] | None,
    typer.Option(
        "--seed-molecule",
        metavar="SMILES|FILE",
        help="Start from this molecule, or those of a file (a CSV with SMILES, the best first), which the oracle is asked "
        "about first. Repeatable.",
        rich_help_panel=SEARCH,
    ),
]
Strategy = Annotated[
    str | None,
    typer.Option(
        "--strategy",
        metavar="NAME",
        help="adaptive (when not given) also moves the model towards what scored well, and was ahead of the others from 100 calls "
        "to 10,000; genetic; gradient, on the model's predictors; conditional; random, to compare with.",
        rich_help_panel=SEARCH,
    ),
]
Batch = Annotated[
    int | None,
    typer.Option(
        "--batch",
        metavar="INT",
        help="Molecules a round; a hundredth of the calls, 10 to 100, when not given.",
        rich_help_panel=SEARCH,
    ),
]
Minutes = Annotated[
    float | None,
    typer.Option(
        "--minutes",
        metavar="FLOAT",
        help="Stop after so many minutes, those before a kill included; what the oracle is at is waited for.",
        rich_help_panel=SEARCH,
    ),
]
Patience = Annotated[
    int | None,
    typer.Option(
        "--patience",
        metavar="INT",
        help="Stop after so many calls that did not better the mean of the best ten (of a Pareto front: its hypervolume).",
        rich_help_panel=SEARCH,
    ),
]
Enough = Annotated[
    int | None,
    typer.Option(
        "--enough",
        metavar="INT",
        help="Stop with so many molecules that meet every objective.",
        rich_help_panel=SEARCH,
    ),
]

"""The options that several commands share, each with the help text that teaches it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

WORKSPACE = Path("workspace")
SOURCE, AIMS, HOW = "What to learn from", "What to ask for", "How to run"

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="A TOML file of settings; options on the command line win over it.",
        rich_help_panel=HOW,
    ),
]
Workspace = Annotated[
    Path,
    typer.Option(
        "--workspace",
        "-w",
        metavar="DIR",
        envvar="CHEM_VAE_WORKSPACE",
        rich_help_panel=HOW,
        help="Where datasets, models and runs are kept and found again.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        rich_help_panel=HOW,
        help="Any setting of the TOML file by its dotted name, e.g. --set train.model.latent_size=128. Repeatable.",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="INT",
        help="Of training and generation: the same seed gives the same molecules.",
        rich_help_panel=HOW,
    ),
]
Name = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="A name for the run, e.g. --name kinase-week-3.", rich_help_panel=HOW),
]
Debug = Annotated[
    bool,
    typer.Option(
        "--debug", help="Show the traceback and all library messages when something fails.", rich_help_panel=HOW
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress; results and warnings only.", rich_help_panel=HOW)
]
Prefect = Annotated[
    bool, typer.Option("--prefect", help="Run as a Prefect flow, with its log and artifacts.", rich_help_panel=HOW)
]

_MODEL = typer.Option(
    "--model",
    "-m",
    metavar="RUN|FOLDER",
    help="A run, a model's folder or key, or a name from `chem-vae models`, e.g. -m moses; the latest when not given.",
    rich_help_panel=SOURCE,
)
Model = Annotated[str, _MODEL]
ModelIfGiven = Annotated[str | None, _MODEL]
Start = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="MODEL",
        rich_help_panel=SOURCE,
        help="Go on from a finished model, e.g. --from moses: better with few molecules, and sooner done. See `chem-vae "
        "models`; a folder or a run will do. Not given: moses where a --property is measured and the molecules are fewer than "
        "5,000; --from nothing trains on them alone.",
    ),
]
SmilesColumn = Annotated[
    str | None,
    typer.Option(
        "--smiles-column",
        metavar="NAME",
        rich_help_panel=SOURCE,
        help="The column of SMILES; found by its name when not given.",
    ),
]
Properties = Annotated[
    list[str] | None,
    typer.Option(
        "--property",
        metavar="NAME[=UNIT]",
        rich_help_panel=SOURCE,
        help="A column of measured values to learn, e.g. --property pIC50 or --property IC50=nM. Repeatable.",
    ),
]
Compute = Annotated[
    list[str] | None,
    typer.Option(
        "--compute",
        metavar="NAME",
        rich_help_panel=SOURCE,
        help="A property to compute from the structure, e.g. --compute logp,qed; else logp, qed, sa, mw, tpsa.",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit", metavar="INT", help="Read at most so many rows, e.g. --limit 1000 for a try.", rich_help_panel=SOURCE
    ),
]
Epochs = Annotated[
    int | None,
    typer.Option(
        "--epochs", metavar="INT", help="Passes over the training molecules, e.g. --epochs 20.", rich_help_panel=SOURCE
    ),
]

Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="NAME=VALUE",
        help="Come close to a value, e.g. --target logp=2.5. Repeatable.",
        rich_help_panel=AIMS,
    ),
]
Tolerances = Annotated[
    list[str] | None,
    typer.Option(
        "--tolerance",
        metavar="NAME=VALUE",
        rich_help_panel=AIMS,
        help="How close counts as reached, e.g. --tolerance logp=0.25; without it a tenth of the data's spread.",
    ),
]
Maximize = Annotated[
    list[str] | None,
    typer.Option(
        "--maximize", metavar="NAME", help="As high as possible, e.g. --maximize qed. Repeatable.", rich_help_panel=AIMS
    ),
]
Minimize = Annotated[
    list[str] | None,
    typer.Option(
        "--minimize", metavar="NAME", help="As low as possible, e.g. --minimize sa. Repeatable.", rich_help_panel=AIMS
    ),
]
Ranges = Annotated[
    list[str] | None,
    typer.Option(
        "--range",
        metavar="NAME=LOW:HIGH",
        help="Between two values, e.g. --range mw=300:400. Repeatable.",
        rich_help_panel=AIMS,
    ),
]
Number = Annotated[
    int | None,
    typer.Option(
        "--number", "-n", metavar="INT", help="How many candidates to report, e.g. -n 100.", rich_help_panel=AIMS
    ),
]
Samples = Annotated[
    int | None,
    typer.Option(
        "--samples",
        metavar="INT",
        help="How many molecules to decode for them; ten per candidate when not given.",
        rich_help_panel=AIMS,
    ),
]
Strategy = Annotated[
    str | None,
    typer.Option(
        "--strategy",
        metavar="NAME",
        rich_help_panel=AIMS,
        help="conditional samples what the model learned of the targets; gradient climbs in the latent space; acquisition, the "
        "default of a measured property, searches for what is worth measuring next.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Also write the candidates here: .csv, .sdf or .smi.",
        rich_help_panel=AIMS,
    ),
]

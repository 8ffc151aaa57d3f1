"""The options of the command line: which setting each one sets, and the few that set none.

Type, default and help of a setting's option come from the setting's field (`flows.cli.command`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chem_vae.errors import UserError
from flows.cli.setting_option import (
    SettingOption,
    read_alerts,
    read_limits,
    read_names,
    read_nothing,
    read_objective,
    read_oracle,
    read_settings,
    read_structures,
)
from pipeline.workspace.storage.disk_space import refuse_remote

if TYPE_CHECKING:
    from flows.cli.given import Given

LEARN, MODELS, ASK, SCORE = "What to learn from", "Which model", "What to ask for", "Who scores"
MUST, SEARCH, HOW = "What molecules must be", "How to search", "How to run"

# -- options of settings -----------------------------------------------------------------------------------------------

SOURCE = SettingOption(LEARN, "--data --source", "ingest.source", "SOURCE", "my.csv")
SMILES_COLUMN = SettingOption(LEARN, "--smiles-column", "ingest.smiles_column", "NAME")
PROPERTY = SettingOption(LEARN, "--property", "ingest.properties", "NAME[=UNIT]", "IC50=nM", many=True)
COMPUTE = SettingOption(LEARN, "--compute", "ingest.compute", "NAME", "logp,qed", read_names, many=True)
LIMIT = SettingOption(LEARN, "--limit", "ingest.limit", "", "1000")
LEAVE_OUT = SettingOption(LEARN, "--leave-out", "ingest.leave_out", "NAME=VALUE", "pIC50=-999", many=True)
LEAVE_OUT_OUTLIERS = SettingOption(LEARN, "--leave-out-outliers", "ingest.leave_out_outliers")
FILE_LAYOUT = (
    SettingOption(LEARN, "--delimiter", "ingest.delimiter", "CHARACTER", "';'"),
    SettingOption(LEARN, "--encoding", "ingest.encoding", "NAME", "windows-1252"),
    SettingOption(LEARN, "--sheet", "ingest.sheet", "NAME", "'Assay results'"),
)
"""How a file is laid out."""
HEADER = SettingOption(LEARN, "--header/--no-header", "ingest.header")
MEASURED = (
    SettingOption(LEARN, "--log/--no-log", "ingest.log"),
    SettingOption(LEARN, "--decimal", "ingest.decimal", ",|."),
    SettingOption(LEARN, "--censored", "ingest.censored"),
    SettingOption(LEARN, "--where", "ingest.where", "COLUMN=VALUE", "'Standard Type=IC50'", many=True),
    SettingOption(LEARN, "--assay-columns/--no-assay-columns", "ingest.assay_columns"),
    SettingOption(LEARN, "--accept-lost-labels", "ingest.accept_lost_labels"),
)
READ = (SMILES_COLUMN, PROPERTY, *MEASURED, COMPUTE, LIMIT, LEAVE_OUT, LEAVE_OUT_OUTLIERS, *FILE_LAYOUT, HEADER)
"""How a source is read."""
TENSORBOARD = SettingOption(HOW, "--tensorboard", "train.tensorboard")
FAIL_UNDER = SettingOption(HOW, "--fail-under", "fail_under", "N", "10")
LEARNING = (
    SettingOption(LEARN, "--from", "train.start", "MODEL", "moses"),
    SettingOption(LEARN, "--epochs", "train.training.epochs", "", "20"),
    TENSORBOARD,
)
SAMPLES = SettingOption(ASK, "--samples", "generate.samples")
ENUMERATE_STEREO = SettingOption(ASK, "--enumerate-stereo", "generate.enumerate_stereo", "", "8")
STRATEGY = SettingOption(ASK, "--strategy", "generate.strategy", "NAME")
NAME = SettingOption(HOW, "--name", "name", "NAME", "kinase-week-3")
DASK = SettingOption(HOW, "--dask", "dask", "ADDRESS", "tcp://10.0.0.5:8786")
PUBLISH = SettingOption(HOW, "--publish", "publish", "URL", "s3://bucket/chem-vae")
LIBRARY = SettingOption(
    HOW, "--library", "library", "FILE|URL", "postgresql://me:${PASSWORD}@host/candidates",
    help="The candidate library, where what was proposed is kept: a SQLite file or a PostgreSQL database; library.sqlite of the "
    "workspace when neither this nor CHEM_VAE_LIBRARY is given",
)  # fmt: skip
SET = SettingOption(
    HOW, "--set", "", "KEY=VALUE", "train.model.latent_size=128", read_settings, many=True,
    help="Any setting of the TOML file by its dotted name",
)  # fmt: skip
SEED = SettingOption(
    HOW, "--seed", "generate.seed", "INT", "", lambda _, seed: [("train.training.seed", seed), ("generate.seed", seed)],
    help="The seed of training and generation: the same seed gives the same molecules",
)  # fmt: skip


def make_aims(table: str) -> tuple[SettingOption, ...]:
    """Return the options that say what is wanted, in the table `generate` or `optimize`."""

    def aim(name: str, metavar: str, example: str) -> SettingOption:
        key = f"{table}.objectives.*.{name}"
        return SettingOption(ASK, f"--{name}", key, metavar, example, read_objective, many=True)

    return (
        aim("target", "NAME=VALUE", "logp=2.5"),
        aim("tolerance", "NAME=VALUE", "logp=0.25"),
        aim("maximize", "NAME", "qed"),
        aim("minimize", "NAME", "sa"),
        SettingOption(
            ASK, "--range", f"{table}.objectives.*.range", "NAME=LOW:HIGH", "mw=300:400", read_objective, many=True,
            help="Between two values, best inside and worse with the distance; an end may be open, as in mw=300:",
        ),
        SettingOption(ASK, "--number -n", f"{table}.n", "", "50"),
    )  # fmt: skip


def make_constraints(table: str) -> tuple[SettingOption, ...]:
    """Return the options that say what every molecule must be, in the table `generate` or `optimize`."""
    key = f"{table}.constraints.*"
    return (
        SettingOption(MUST, "--must-contain", f"{key}.must_contain", "SMARTS", "'c1ccncc1'", read_structures, many=True),
        SettingOption(
            MUST, "--must-not-contain", f"{key}.must_not_contain", "SMARTS", "'[N+](=O)[O-]'", read_structures, many=True
        ),
        SettingOption(
            MUST, "--within", f"{key}.property", "NAME=LOW:HIGH", "mw=300:450", read_limits, many=True,
            help="Only molecules with a computed property, heavy_atoms or ring_size within these limits; an end may be open, as "
            "in mw=300: or sa=:4",
        ),
        SettingOption(
            MUST, "--without-alerts", f"{key}.alerts", "SETS", "PAINS,BRENK", read_alerts, many=True,
            help="Only molecules without a structural alert of these sets (PAINS, BRENK, NIH, ZINC and others)",
        ),
        SettingOption(
            MUST, "--similar-to", f"{key}.similarity_to", "SMILES", "", read_nothing, many=True,
            help="Only molecules as similar to this one (of several: to one of them) as --at-least says"
            + ("; the search starts there" if table == "optimize" else ""),
        ),
        SettingOption(
            MUST, "--at-least", f"{key}.at_least", "0..1", "", read_nothing,
            help="Tanimoto similarity (ECFP4) for --similar-to; 0.4 when not given",
        ),
        SettingOption(
            MUST, "--allow-unusual", f"{table}.allow_unusual", "NAME", "'ring of more than 8 atoms'", many=True
        ),
    )  # fmt: skip


def make_novelty(table: str) -> tuple[SettingOption, ...]:
    """Return the options that say what of the candidate library is left out, in the table `generate` or `optimize`."""
    return (SettingOption(MUST, "--exclude-known/--no-exclude-known", f"{table}.exclude_known"), LIBRARY)


def add_similarity(given: Given, table: str) -> None:
    """Add the constraint that --similar-to and --at-least make together.

    Raises:
        UserError: For a similarity without a molecule.
    """
    similar, at_least = given.raw.get("--similar-to"), given.raw.get("--at-least")
    if at_least is not None and not similar:
        raise UserError("--at-least says how similar: give the molecule too, as in --similar-to 'CCO'")
    if similar:
        near = {"similarity_to": similar, "at_least": 0.4 if at_least is None else at_least}
        given.settings[f"{table}.constraints+"] = [*given.settings.get(f"{table}.constraints+", ()), near]


def make_scaffold(table: str) -> tuple[SettingOption, ...]:
    """Return the options that say which structure is kept, in the table `generate` or `optimize`."""
    return (
        SettingOption(MUST, "--scaffold", f"{table}.scaffold.keep", "SMILES", "'O=C(N[*:1])c1ccc([*:2])cc1'"),
        SettingOption(
            MUST, "--replace", f"{table}.scaffold.replace", "FRAGMENT", "c1ccccc1 --in 'COc1ccc(CC(N)=O)cc1'"
        ),
        SettingOption(MUST, "--in", f"{table}.scaffold.molecule", "SMILES"),
        SettingOption(MUST, "--added-atoms", f"{table}.scaffold.most_atoms", "", "12"),
    )


ORACLE_SETTINGS = (
    SettingOption(SCORE, "--endpoint", "optimize.oracle.endpoints", "NAME", "affinity", read_names, many=True),
    SettingOption(SCORE, "--timeout", "optimize.oracle.timeout", "SECONDS", "600"),
    SettingOption(SCORE, "--parallel", "optimize.oracle.parallel"),
    SettingOption(SCORE, "--oracle-batch", "optimize.oracle.batch_size"),
)
SEARCHING = (
    SettingOption(SCORE, "--oracle", "optimize.oracle.function", "MODULE:FUNCTION", "my_docking:dock", read_oracle),
    SettingOption(SCORE, "--program", "optimize.oracle.program", "COMMAND", '"python dock.py --fast"', read_oracle),
    *ORACLE_SETTINGS,
    SettingOption(SCORE, "--calls", "optimize.oracle_calls"),
    SettingOption(ASK, "--aggregate", "optimize.aggregate"),
    *make_constraints("optimize"),
    SettingOption(MUST, "--usual-size/--any-size", "optimize.usual_size"),
    *make_novelty("optimize"),
    SettingOption(SEARCH, "--start", "optimize.start"),
    SettingOption(
        SEARCH, "--seed-molecule", "optimize.seeds", "SMILES|FILE", "", read_nothing, many=True,
        help="Start from this molecule, or those of a file (a CSV with SMILES, the best first), which the oracle is asked "
        "about first",
    ),
    SettingOption(SEARCH, "--strategy", "optimize.strategy", "NAME"),
    SettingOption(SEARCH, "--batch", "optimize.batch_size"),
    SettingOption(SEARCH, "--minutes", "optimize.minutes"),
    SettingOption(SEARCH, "--patience", "optimize.patience"),
    SettingOption(SEARCH, "--enough", "optimize.enough"),
)  # fmt: skip

# -- options that several commands share and that set no setting --------------------------------------------------------


def make_option(panel: str | None, *names: str, metavar: str | None = None, help: str, **more: Any) -> Any:
    """Describe an option in an annotation."""
    return typer.Option(*names, metavar=metavar, help=help, rich_help_panel=panel, **more)


MODEL = make_option(
    MODELS, "--model", "-m", metavar="RUN|FOLDER|URL",
    help="A run, a model's folder or key, the address of a published one (s3://...), or a name from `chem-vae models`, e.g. -m moses. When not given: the latest of the "
    "workspace, or the first of `chem-vae models` where there is none.",
)  # fmt: skip


def check_workspace(workspace: Path) -> Path:
    """Refuse the address of a storage as the workspace."""
    refuse_remote(workspace)
    return workspace


SHARED: dict[str, tuple[Any, Any]] = {
    "model": (Annotated[str | None, MODEL], None),
    "molecule": (
        Annotated[str, typer.Argument(metavar="SMILES", help="The molecule, in quotes, e.g. 'c1ccccc1O'.")], ...
    ),
    "molecules": (
        Annotated[
            list[str] | None,
            typer.Argument(
                metavar="FILE|SMILES...", help="A file (csv, xlsx, smi, sdf, parquet) or SMILES in quotes."
            ),
        ],
        None,
    ),
    "output": (
        Annotated[
            Path | None,
            make_option(HOW, "--output", "-o", metavar="FILE", help="Also write the candidates here: .csv, .sdf, .smi or .xlsx (with drawings)."),
        ],
        None,
    ),
    "config": (
        Annotated[
            Path | None,
            make_option(
                HOW, "--config", "-c", metavar="FILE",
                help="A TOML file of settings; options on the command line win over it.",
            ),
        ],
        None,
    ),
    "workspace": (
        Annotated[
            Path,
            make_option(
                HOW, "--workspace", "-w", metavar="DIR", envvar="CHEM_VAE_WORKSPACE", callback=check_workspace,
                help="Where datasets, models and runs are kept and found again.",
            ),
        ],
        Path("workspace"),
    ),
    "prefect": (
        Annotated[bool, make_option(HOW, "--prefect", help="Run as a Prefect flow, with its log and artifacts.")], False
    ),
    "quiet": (
        Annotated[bool, make_option(HOW, "--quiet", "-q", help="No progress; results and warnings only.")], False
    ),
    "json_": (
        Annotated[
            bool,
            make_option(HOW, "--json", help="Print the result as JSON, for a program; words go to standard error."),
        ],
        False,
    ),
    "debug": (
        Annotated[
            bool, make_option(HOW, "--debug", help="Show the traceback and all library messages when something fails.")
        ],
        False,
    ),
}  # fmt: skip
"""Options by the name of the parameter that a command takes them by: (annotation, default)."""

"""The commands of `chem-vae explore` that look at molecules: between two, around one, and how the model sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chem_vae.atomic_files import write_text
from chem_vae.errors import UserError
from flows.cli.command import command, new_group
from flows.cli.explore_output import (
    EITHER,
    FILES,
    Figure,
    Limit,
    Output,
    Seed,
    SmilesColumn,
    open_model,
    print_table,
    write_molecules,
    write_table,
)
from flows.cli.export import check_output
from flows.cli.json_output import answer
from flows.terminal import note, suggest_command
from pipeline.workspace.presentation.csv_tables import format_csv
from pipeline.workspace.presentation.formatting import count_of, count_things

app = new_group(
    "Look into a model's latent space: molecules between, around and unlike yours; maps, dimensions, checks.\n\n"
    "A molecule is a SMILES string in quotes. Start with: chem-vae explore analogues 'CC(=O)Nc1ccc(O)cc1' -o found.svg"
)


@command(app)
def interpolate(
    start: str,
    end: str,
    model: str | None,
    workspace: Path,
    quiet: bool,
    steps: int = 9,
    distinct: bool = False,
    measure: str = "data",
    output: Output = None,
) -> None:
    """Draw the molecules between two.

    chem-vae explore interpolate 'CC(=O)Nc1ccc(O)cc1' 'CN1CCC(CC1)c1ccccc1' --steps 9 -o path.svg

    Args:
        start: A SMILES string.
        end: Another SMILES string.
        steps: Points on the path, both ends included.
        distinct: Leave out steps that repeat the molecule before.
        measure: The way: data, normal (along a shell), or straight.
    """
    with open_model(model, workspace, output, FILES, quiet) as (trained, _):
        from pipeline.explore.interpolation import interpolate as between  # here: loads torch and rdkit

        frame = between(trained, start, end, steps, distinct=distinct, measure=measure)
    for word, same in zip(("start", "end"), frame.attrs["ends_come_back"], strict=True):
        if not same:
            note(
                f"warning: the model does not reconstruct the {word} exactly; the steps near it lead to a relative of it"
            )
    write_molecules(frame, output, ["similarity_to_start", "similarity_to_end"], columns=3)
    suggest_command("chem-vae explore analogues {} -o analogues.svg", start, model=model, workspace=workspace)


@command(app)
def neighbors(
    molecule: str,
    model: str | None,
    workspace: Path,
    quiet: bool,
    k: int = 10,
    among: int = 20000,
    output: Output = None,
    seed: Seed = 0,
) -> None:
    """Find the training molecules nearest to one in the latent space.

    chem-vae explore neighbors 'CC(=O)Nc1ccc(O)cc1' -k 10 -o near.svg

    Args:
        k: How many neighbors.
        among: Search so many training molecules, drawn by --seed; 0: all.
    """
    with open_model(model, workspace, output, FILES, quiet) as (trained, progress):
        from pipeline.explore.neighbors import neighbors as nearest  # here: loads torch and rdkit

        frame = nearest(trained, molecule, k, among=among, seed=seed, progress=progress)
    note(f"searched {frame.attrs['searched']:,} {frame.attrs['origin']}")
    write_molecules(frame, output, ["distance", "similarity"])
    suggest_command("chem-vae explore analogues {} -o analogues.svg", molecule, model=model, workspace=workspace)


@command(app)
def analogues(
    molecule: str,
    model: str | None,
    workspace: Path,
    quiet: bool,
    n: Annotated[int, typer.Option("--number", "-n", metavar="INT", help="How many at most.")] = 20,
    reach: float = 1.5,
    min_similarity: float = 0.0,
    temperature: float = 1.0,
    output: Output = None,
    seed: Seed = 0,
) -> None:
    """Decode new molecules around one, the nearest first.

    chem-vae explore analogues 'CC(=O)Nc1ccc(O)cc1' -n 20 --min-similarity 0.4 -o analogues.sdf

    Args:
        reach: How far to look; 1 is as far as a training molecule is from its nearest neighbor.
        min_similarity: Least Tanimoto similarity to the molecule, 0 to 1.
        temperature: Of the symbols' draw; 0: always the likeliest, less variety.
    """
    with open_model(model, workspace, output, FILES, quiet) as (trained, progress):
        from pipeline.explore.neighbors import analogues as around  # here: loads torch and rdkit

        frame = around(
            trained, molecule, n, reach=reach, min_similarity=min_similarity, temperature=temperature, seed=seed,
            progress=progress,
        )  # fmt: skip
    counts = frame.attrs
    note(
        f"{count_things(counts['decoded'], 'point')} decoded, {counts['valid']:,} valid, {counts['distinct']:,} distinct, "
        f"{counts['canonical']:,} of these spelled canonically (they go first)"
    )
    if len(frame) < n:
        note(f"warning: {len(frame)} of {n} found; raise --reach or lower --min-similarity")
    write_molecules(frame.drop(columns="inchikey"), output, ["distance", "similarity"], whole=frame)
    suggest_command("chem-vae explore interpolate {} OTHER -o path.svg", molecule, model=model, workspace=workspace)


@command(app)
def reconstruct(
    molecules: list[str] | None,
    model: str | None,
    workspace: Path,
    quiet: bool,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Also write the table here: .csv.")
    ] = None,
    smiles_column: SmilesColumn = None,
    limit: Limit = None,
) -> None:
    """Encode molecules and decode them again; show which come back, and how similar the others are.

    chem-vae explore reconstruct my.csv -o reconstructed.csv
    """
    with open_model(model, workspace, output, (".csv",), quiet) as (trained, progress):
        from pipeline.explore.inputs import read_molecules  # here: loads torch and rdkit
        from pipeline.explore.reconstruction import reconstruct as there_and_back

        frame = there_and_back(trained, read_molecules(molecules or [], limit, smiles_column), progress)
    answer(lambda: frame)
    shown = frame.drop(columns="input").fillna({"decoded": "", "exact": ""})
    print_table(shown.head(20), ["row", "exact", "similarity", "canonical", "decoded", "reason"])
    exact = frame.attrs["exact"]
    print(f"exact: {exact} of those that the model can encode; {len(frame) - exact.of:,} of {len(frame):,} it cannot")
    write_table(frame, output)
    suggest_command("chem-vae explore robustness -o robustness.png", model=model, workspace=workspace)


@command(app)
def anomaly(
    molecules: list[str] | None,
    model: str | None,
    workspace: Path,
    quiet: bool,
    output: Figure = None,
    smiles_column: SmilesColumn = None,
    limit: Limit = None,
) -> None:
    """Show how unlike the training data molecules are: -log p(x) by symbol, as a percentile of held-out molecules.

    chem-vae explore anomaly my.csv -o strange.csv
    """
    with open_model(model, workspace, output, EITHER, quiet) as (trained, progress):
        from pipeline.explore.anomaly import AnomalyScorer, anomaly_figure, ranking  # here: loads torch and rdkit
        from pipeline.explore.inputs import read_molecules

        scorer = AnomalyScorer(trained, progress)
        frame = scorer.score(read_molecules(molecules or [], limit, smiles_column))
        frame = frame.iloc[(-ranking(frame)).argsort(kind="stable")].reset_index(drop=True)
    answer(lambda: frame)
    note(f"percentiles of {len(scorer.reference['nats']):,} {scorer.origin}; the strangest first")
    names = ["row", "percentile", "nats_per_symbol", "reconstruction_nats_percentile", "input", "reason"]
    print_table(frame.head(20), names)
    write_table(frame, output, lambda: anomaly_figure(frame, scorer.reference["nats_per_symbol"]))
    suggest_command("chem-vae explore reconstruct FILE -o reconstructed.csv", model=model, workspace=workspace)


@command(app)
def unusual(
    molecules: list[str] | None,
    quiet: bool,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-unusual",
            "--allow",
            metavar="NAME",
            help="Do not look for this, e.g. peroxide; all: for nothing. May be repeated.",
        ),
    ] = None,
    like: Annotated[
        Path | None, typer.Option("--like", metavar="FILE", help="What the molecules of this file have is usual here.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Also write the table here: .csv.")
    ] = None,
    smiles_column: SmilesColumn = None,
    limit: Limit = None,
) -> None:
    """Show which molecules a chemist would hardly make: what is unusual in each, and at which atoms.

    chem-vae explore unusual candidates.csv -o unusual.csv

    Unusual is what real molecules have rarely or never: a pattern such as an enol or a peroxide, a strained ring, an atom with
    neighbors that it hardly ever has. A line is a row, the SMILES, the names, and for each name its atoms, numbered from 0.
    A line without names has nothing unusual. No model is needed.
    """
    if output is not None:
        check_output(output, (".csv",))
    from pipeline.explore import unusual as looking  # here: loads rdkit and pandas

    allowed = looking.collect_allowed(allow or (), looking.read_examples(like) if like is not None else ())
    rows: list[looking.Finding] = []
    for found in looking.find_unusual(molecules or [], allowed, limit, smiles_column):
        rows.append(found)
        said = (
            [found.input, f"cannot be read: {found.reason}"]
            if found.reason
            else [found.smiles, found.unusual, found.atoms]
        )
        print("\t".join([str(found.row), *said]).rstrip())
    if not rows:
        raise UserError("there is no molecule to look at: give SMILES, or a file of them")
    answer(lambda: rows)
    if output is not None:
        write_text(output, format_csv(looking.tabulate(rows)))
        note(f"written: {output}")
    read = [found for found in rows if not found.reason]
    odd = sum(bool(found.unusual) for found in read)
    if unread := len(rows) - len(read):
        note(f"warning: {count_of(unread, len(rows), 'row')} cannot be read as molecules")
    share = f" ({odd / len(read):.1%})" if read else ""
    note(f"{count_of(odd, len(read), 'molecule', 'has', 'have')} something unusual{share}")
    suggest_command("chem-vae optimize --help  (its option --allow-unusual takes these names)")

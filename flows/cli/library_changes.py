"""The commands of the group `library` that write: add, set-status, import-measurements, export, merge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chem_vae.errors import UserError
from flows.cli.command import command, new_group
from flows.cli.json_output import answer
from flows.cli.library_options import (
    WHICH,
    Address,
    Ascending,
    MinSimilarity,
    OfRun,
    Ranges,
    SimilarTo,
    Since,
    Smarts,
    Sort,
    Status,
    Who,
    make_query,
    open_with_runs,
)
from flows.cli.options import HOW, make_option
from flows.terminal import format_table, note, suggest_command
from pipeline.datasets.labels.units import is_unit
from pipeline.workspace.lookup import find_run
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.remote.redaction import redact

app = new_group()


@command(app)
def add(run: str, workspace: Path, library: Address = None) -> None:
    """Record finished runs in the library; those that are there already change nothing. Every finished run records itself.

    chem-vae library add all

    Args:
        run: A run's id, name or folder, or all for every run of the workspace.
    """
    from pipeline.library import open_library  # here: loads sqlalchemy and pandas

    with open_library(workspace, library) as opened:
        found = opened.add_missing_runs() if run == "all" else [opened.add_run(find_run(run, workspace))]
        total, address = opened.count(), redact(str(opened.address))
        answer(lambda: {"library": address, "molecules": total, "runs": [run for run in found if run is not None]})
        for recorded in found:
            if recorded is None:
                print(f"{run}: in the library already")
                continue
            lost = f", {recorded.unreadable:,} cannot be read" if recorded.unreadable else ""
            print(
                f"{recorded.run}: {count_things(recorded.candidates, 'candidate')}, {recorded.new:,} new to the library{lost}"
            )
        print(f"{count_things(total, 'molecule')} in {address}")
    suggest_command("chem-vae library top", workspace=workspace)


@command(app, name="set-status")
def set_status(
    molecules: Annotated[list[str], typer.Argument(metavar="MOLECULE...", help="Ids, InChIKeys or SMILES.")],
    status: Annotated[
        str,
        make_option(
            WHICH, "--status", metavar="STATUS", help="proposed, shortlisted, ordered, made, measured or rejected."
        ),
    ],
    workspace: Path,
    why: Annotated[str, make_option(HOW, "--why", metavar="TEXT", help="The reason, for the history.")] = "",
    by: Who = None,
    library: Address = None,
) -> None:
    """Say what became of molecules; the history keeps every status with who, when and why.

    chem-vae library set-status CV-000001 CV-000002 --status shortlisted --why "both can be bought"
    """
    with open_with_runs(workspace, library) as opened:
        ids = opened.set_status(molecules, status, why=why, who=by)
    answer(lambda: {"ids": ids, "status": status})
    print(f"{', '.join(ids)}: {status}")
    suggest_command("chem-vae library list --status {}", status, workspace=workspace)


@command(app, name="import-measurements")
def import_measurements(
    file: str,
    workspace: Path,
    library: Address = None,
    property_: Annotated[
        list[str] | None,
        make_option(
            WHICH, "--property", metavar="NAME[=UNIT]",
            help="A measured column; those with the name of a property in the library when not given. Repeatable.",
        ),
    ] = None,
    id_column: str | None = None,
    smiles_column: str | None = None,
    assay: str = "",
    decimal: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    add_unknown: bool = False,
    replicates: bool = False,
    unmatched: Path | None = None,
    by: Who = None,
) -> None:  # fmt: skip
    """Import measurements (CSV, XLSX and others); a row belongs to the molecule that its id, InChIKey or SMILES says.

    Bounds (<5, >10000), errors (6.1 ± 0.2) and units are read as for training. Rows that match nothing are listed and kept; a file
    that is imported again changes nothing.

    chem-vae library import-measurements measured.csv --property pIC50

    Args:
        file: The file, as it came from the laboratory, or its address (https://..., s3://bucket/measured.csv).
        id_column: The column of ids, InChIKeys or SMILES; found by its name when not given.
        smiles_column: The column of SMILES; found by its name when not given.
        assay: The assay, where no column says it.
        decimal: The decimal mark, where the numbers do not tell: , or .
        delimiter: What stands between the cells of a text file; found when not given.
        encoding: The encoding of a text file; found when not given.
        sheet: The sheet of a workbook; the first that holds molecules when not given.
        add_unknown: Also add molecules that no run has proposed, where the row has their SMILES.
        replicates: Also count measurements that equal one of another file: they were measured again. Not for an export that grows.
        unmatched: Write the rows that match nothing to this .csv or .xlsx file.
    """
    from pipeline.library.laboratory.measurement_files import FileOptions  # here: loads rdkit and pandas

    options = FileOptions(
        dict(map(_split_unit, property_ or ())), id_column, smiles_column, assay, decimal, delimiter, encoding, sheet
    )
    with open_with_runs(workspace, library) as opened:
        made = opened.import_measurements(file, options, add_unknown=add_unknown, replicates=replicates, who=by)
        kept = opened.list_unmatched()
    answer(lambda: made)
    for text in made.notes:
        note(f"note: {text}")
    added = f", {count_things(made.new_molecules, 'molecule')} added" if made.new_molecules else ""
    print(
        f"{count_things(made.rows, 'row')} of {made.file}: {made.matched:,} {'belongs' if made.matched == 1 else 'belong'} to molecules "
        f"of the library{added}, {len(made.unmatched):,} {'does' if len(made.unmatched) == 1 else 'do'} not\n"
        f"{count_things(made.added, 'measurement')} of {count_things(made.molecules, 'molecule')} {'is' if made.added == 1 else 'are'} new, "
        f"{made.repeated:,} {'was' if made.repeated == 1 else 'were'} there already"
    )
    if made.taken_for_same:
        listed = " and ".join(f"{count:,} of {name}" for name, count in made.taken_for_same.items())
        note(
            f"note: equal to measurements of other files ({listed}), and taken for the same; if they were measured again: --replicates"
        )
    if made.contradictions:
        print(
            "\ncontradictions (all are kept; the median counts)\n"
            + "\n".join(f"  {text}" for text in made.contradictions)
        )
    if made.unmatched:
        print("\n" + format_table(made.unmatched[:20], ("row", "molecule", "reason")))
        if len(made.unmatched) > 20:
            note(
                f"{count_things(len(made.unmatched) - 20, 'more row', 'matches', 'match')} nothing: --unmatched FILE writes all"
            )
    if unmatched is not None:
        from pipeline.datasets.exports import write_table_file  # here: loads pandas and pyarrow

        write_table_file(kept, unmatched)
        print(f"rows that match nothing, of all files: {unmatched}")
    if not made.matched:
        note(
            "no row belongs to a molecule of the library: --id-column names the column that says which; --add-unknown adds them"
        )
        suggest_command("chem-vae library list", workspace=workspace)
        return
    _suggest_learning(made.properties, "library", workspace)


@command(app)
def export(
    file: Path,
    workspace: Path,
    library: Address = None,
    labels: bool = False,
    smarts: Smarts = None,
    similar_to: SimilarTo = None,
    min_similarity: MinSimilarity = 0.4,
    ranges: Ranges = None,
    status: Status = None,
    run: OfRun = None,
    since: Since = None,
    sort: Sort = None,
    ascending: Ascending = False,
) -> None:
    """Write molecules to a file with a dictionary of its columns (a workbook has it as its second sheet).

    chem-vae library export shortlisted.xlsx --status shortlisted

    Args:
        file: A .csv, .sdf or .xlsx file.
        labels: Write the measurements instead, one a row, as `chem-vae update --data` and `chem-vae run --data` read them.
    """
    if labels:
        from pipeline.datasets.exports import check_table_file, write_table_file  # here: loads pandas and pyarrow
        from pipeline.library.exports import LABEL_COLUMNS

        check_table_file(file)
        with open_with_runs(workspace, library) as opened:
            table = opened.read_labels()
        write_table_file(table, file)
        answer(lambda: {"file": file, "measurements": len(table)})
        print(f"{count_things(len(table), 'measurement')}: {file}")
        _suggest_learning(list(table.columns[len(LABEL_COLUMNS) :]), str(file), workspace)
        return
    query = make_query(
        smarts=smarts, similar_to=similar_to, min_similarity=min_similarity, ranges=ranges, status=status, run=run, since=since,
        sort=sort, ascending=ascending,
    )  # fmt: skip
    with open_with_runs(workspace, library) as opened:
        number, dictionary = opened.export(query, file)
    answer(lambda: {"file": file, "molecules": number, "columns": dictionary})
    print(
        f"{count_things(number, 'molecule')}: {file}" + ("" if dictionary is None else f"\ntheir columns: {dictionary}")
    )
    suggest_command("chem-vae library set-status ID --status ordered", workspace=workspace)


@command(app)
def merge(other: str, workspace: Path, library: Address = None) -> None:
    """Merge another library into this one; a second time changes nothing.

    chem-vae library merge ../other/workspace/library.sqlite

    Args:
        other: The other library: a SQLite file or the address of a database.
    """
    from pipeline.library import open_library  # here: loads sqlalchemy and pandas

    if "://" not in other and not Path(other).is_file():
        raise UserError(f"there is no library {other}; give its file, as in other/workspace/library.sqlite")
    with open_with_runs(workspace, library) as opened, open_library(Path(other).parent, other) as theirs:
        made = opened.merge(theirs)
    answer(lambda: made)
    print(
        f"{count_things(made.molecules, 'molecule')} of {other}: {made.new_molecules:,} {'is' if made.new_molecules == 1 else 'are'} new "
        f"here, with {count_things(made.new_runs, 'run')} and {count_things(made.new_measurements, 'measurement')}"
    )
    if made.taken_for_same:
        note(
            f"note: {count_things(made.taken_for_same, 'measurement')} equal to one here of another file, and taken for the same; if they "
            "were measured again, import their file: chem-vae library import-measurements FILE --replicates"
        )
    suggest_command("chem-vae library top", workspace=workspace)


def _suggest_learning(names: list[str], data: str, workspace: Path) -> None:
    """Suggest how measurements are learned: an update of the run that has learned their property, or a first run."""
    from pipeline.workflows.records.learned_properties import find_learner  # here: loads pydantic

    if not names:
        suggest_command("chem-vae library list", workspace=workspace)
        return
    if run := find_learner(names, workspace):
        suggest_command("chem-vae update {} --data {}", run, data, workspace=workspace)
        return
    note(f"no run of {workspace} has learned {' or '.join(names)} yet: a first run learns it from the measurements")
    if data == "library":
        suggest_command("chem-vae library export labels.csv --labels", workspace=workspace)
    else:
        suggest_command(
            "chem-vae run --data {} --property {} --maximize {}", data, names[0], names[0], workspace=workspace
        )


def _split_unit(text: str) -> tuple[str, str]:
    """Split NAME=UNIT; a name may hold an = itself.

    >>> _split_unit("sol(pH=7.4)=uM"), _split_unit("sol(pH=7.4)")
    (('sol(pH=7.4)', 'uM'), ('sol(pH=7.4)', ''))
    """
    name, mark, unit = text.rpartition("=")
    return (name, unit) if mark and (not unit or is_unit(unit)) else (text, "")

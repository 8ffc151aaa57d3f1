"""The group `library`: what all runs proposed, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chem_vae.atomic_files import format_json
from chem_vae.errors import UserError
from flows.cli.command import command, new_group
from flows.cli.options import HOW, make_option
from flows.terminal import format_table, name_workspace, note, suggest_command
from pipeline.workspace.lookup import find_run

if TYPE_CHECKING:
    from pipeline.library import CandidateLibrary
    from pipeline.library.queries import LibraryQuery

app = new_group("The candidate library: what all runs proposed, and what became of it. Try: chem-vae library top")
WHICH, ORDER = "Which molecules", "In which order"
SHOWN_VALUES = 5
"""Columns of values that a table on the terminal shows; --json and export give all."""

Address = Annotated[
    str | None,
    make_option(
        HOW, "--library", metavar="FILE|URL",
        help="The library: a SQLite file or postgresql://me:${PASSWORD}@host/database; when not given CHEM_VAE_LIBRARY, else "
        "library.sqlite of the workspace.",
    ),
]  # fmt: skip
Smarts = Annotated[
    str | None, make_option(WHICH, "--smarts", metavar="SMARTS", help="With this substructure, e.g. 'c1ccncc1'.")
]
SimilarTo = Annotated[
    str | None,
    make_option(WHICH, "--similar-to", metavar="SMILES", help="Similar to this molecule, the most similar first."),
]
MinSimilarity = Annotated[
    float,
    make_option(
        WHICH, "--min-similarity", metavar="0..1", help="The least Tanimoto similarity (ECFP4) for --similar-to."
    ),
]
Ranges = Annotated[
    list[str] | None,
    make_option(
        WHICH, "--range", metavar="CONDITION",
        help="A value within limits: 'pIC50_predicted>7', 'mw=300:450', 'score>=0.8'. _computed, _predicted or _measured says which "
        "value is meant where there are several. Repeatable.",
    ),
]  # fmt: skip
Status = Annotated[
    list[str] | None,
    make_option(
        WHICH, "--status", metavar="STATUS",
        help="proposed, shortlisted, ordered, made, measured or rejected; each of several when repeated.",
    ),
]  # fmt: skip
OfRun = Annotated[
    str | None, make_option(WHICH, "--run", metavar="RUN", help="Proposed by this run: its id, name, or latest.")
]
Since = Annotated[
    str | None, make_option(WHICH, "--since", metavar="DATE", help="Proposed in this night or later, e.g. 2026-11-01.")
]
Sort = Annotated[
    str | None,
    make_option(
        ORDER,
        "--sort",
        metavar="NAME",
        help="score, hit_probability, date, id, similarity or a value; the highest first.",
    ),
]
Ascending = Annotated[bool, make_option(ORDER, "--ascending", help="The lowest first.")]
Json = Annotated[bool, make_option(HOW, "--json", help="Print JSON with all columns.")]
Who = Annotated[
    str | None, make_option(HOW, "--by", metavar="NAME", help="Who does this; your user name when not given.")
]


@contextmanager
def _open(workspace: Path, address: str | None) -> Iterator[CandidateLibrary]:
    """Open the library and record the runs of the workspace that are missing in it."""
    from pipeline.library import open_library  # here: loads sqlalchemy and pandas
    from pipeline.workflows.known_molecules import warn_of_late_records

    with open_library(workspace, address) as library:
        warn_of_late_records(library.add_missing_runs())
        yield library


def _make_query(**asked: Any) -> LibraryQuery:
    """Make a query of the values of options."""
    from pipeline.library.fields import Range  # here: loads sqlalchemy
    from pipeline.library.queries import LibraryQuery

    ranges = tuple(Range.parse(text) for text in asked.pop("ranges") or ())
    since = asked.pop("since")
    try:
        night = None if since is None else date.fromisoformat(since)
    except ValueError:
        raise UserError(f"--since {since} is no date: write it as 2026-11-01") from None
    return LibraryQuery(ranges=ranges, status=tuple(asked.pop("status") or ()), since=night, **asked)


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
        for recorded in found:
            if recorded is None:
                print(f"{run}: in the library already")
                continue
            lost = f", {recorded.unreadable:,} cannot be read" if recorded.unreadable else ""
            print(f"{recorded.run}: {recorded.candidates:,} candidates, {recorded.new:,} new to the library{lost}")
        print(f"{opened.count():,} molecules in {opened.address}")
    suggest_command(f"chem-vae library top{name_workspace(workspace)}")


@command(app, name="list")
def list_(
    workspace: Path,
    library: Address = None,
    smarts: Smarts = None,
    similar_to: SimilarTo = None,
    min_similarity: MinSimilarity = 0.4,
    ranges: Ranges = None,
    status: Status = None,
    run: OfRun = None,
    since: Since = None,
    sort: Sort = None,
    ascending: Ascending = False,
    limit: Annotated[int, make_option(ORDER, "--limit", "-n", metavar="INT", help="Molecules of a page.")] = 20,
    page: Annotated[int, make_option(ORDER, "--page", metavar="INT", help="The page, from 1 on.")] = 1,
    offset: Annotated[
        int | None, make_option(ORDER, "--offset", metavar="INT", help="Or: how many molecules to pass over.")
    ] = None,
    count: Annotated[
        bool, make_option(ORDER, "--count", help="Only count all that match; slow for a frequent substructure.")
    ] = False,
    json_: Json = False,
) -> None:
    """List molecules of the library, page by page. All conditions must hold.

    chem-vae library list --range "logp_computed=2:3" --status shortlisted --sort qed

    chem-vae library list --smarts c1ccncc1 --similar-to 'CC(=O)Nc1ccccn1' --min-similarity 0.3
    """
    if page < 1 or limit < 1 or (offset or 0) < 0:
        raise UserError("--page and --limit are 1 or more, and --offset is 0 or more")
    query = _make_query(
        smarts=smarts, similar_to=similar_to, min_similarity=min_similarity, ranges=ranges, status=status, run=run, since=since,
        sort=sort, ascending=ascending, limit=limit, offset=(page - 1) * limit if offset is None else offset,
    )  # fmt: skip
    with _open(workspace, library) as opened:
        if count:
            print(opened.count_matches(query))
            return
        found = opened.query(query)
        total = opened.count()
    _print_rows(found.rows, [*(r.name for r in query.ranges), sort or ""], json_)
    if not found.rows:
        note("no molecule matches" if total else f"no molecules in the library of {workspace} yet")
    elif found.more:
        note(f"more molecules follow: --page {query.offset // limit + 2}")
    first = found.rows[0]["id"] if found.rows else None
    suggest_command(
        f"chem-vae library show {first}{name_workspace(workspace)}"
        if first
        else f"chem-vae library list{name_workspace(workspace)}"
        if total
        else "chem-vae run --data moses-sample --target logp=2.5"
    )


command(app, name="query")(list_)


@command(app)
def top(
    workspace: Path,
    library: Address = None,
    by: Annotated[
        str, make_option(ORDER, "--by", metavar="NAME", help="What to sort by, as in list --sort.")
    ] = "score",
    run: OfRun = None,
    limit: Annotated[int, make_option(ORDER, "--limit", "-n", metavar="INT", help="How many molecules.")] = 10,
    ascending: Ascending = False,
    json_: Json = False,
) -> None:
    """List the best molecules of all runs, or of one.

    chem-vae library top -n 20 --run latest
    """
    query = _make_query(ranges=None, since=None, status=None, run=run, sort=by, ascending=ascending, limit=limit)
    with _open(workspace, library) as opened:
        found = opened.query(query)
    _print_rows(found.rows, [by], json_)
    first = found.rows[0]["id"] if found.rows else "ID"
    suggest_command(f"chem-vae library set-status {first} --status shortlisted{name_workspace(workspace)}")


@command(app)
def show(molecule: str, workspace: Path, library: Address = None, json_: Json = False) -> None:
    """Show one molecule with its whole history: proposals, values by model, statuses and measurements.

    chem-vae library show CV-000001

    Args:
        molecule: Its id, InChIKey or SMILES.
    """
    with _open(workspace, library) as opened:
        found = opened.describe(molecule)
    if json_:
        print(format_json(found), end="")
        return
    print(
        f"{found['id']}  {found['smiles']}\n{found['inchikey']}  status: {found['status']}  scaffold: {found['scaffold'] or 'none'}"
    )
    if found["other_ids"]:
        print("also known as " + ", ".join(found["other_ids"]))
    for title, key, columns in (
        ("values", "values", ("property", "basis", "value", "std", "unit", "model_name", "is_current")),
        ("proposed by", "proposals", ("run", "night", "rank", "score", "hit_probability", "origin", "parent")),
        ("statuses", "statuses", ("when", "status", "who", "why")),
        ("measurements", "measurements", ("property", "cell", "unit", "assay", "measured_on", "file", "row", "who")),
    ):
        if found[key]:
            print(f"\n{title}\n{format_table([[row[c] for c in columns] for row in found[key]], columns)}")
    suggest_command(f"chem-vae library list --similar-to '{found['smiles']}'{name_workspace(workspace)}")


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
    with _open(workspace, library) as opened:
        ids = opened.set_status(molecules, status, why=why, who=by)
    print(f"{', '.join(ids)}: {status}")
    suggest_command(f"chem-vae library list --status {status}{name_workspace(workspace)}")


@command(app, name="import-measurements")
def import_measurements(
    file: Path,
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
    unmatched: Path | None = None,
    by: Who = None,
) -> None:  # fmt: skip
    """Import measurements (CSV, XLSX and others); a row belongs to the molecule that its id, InChIKey or SMILES says.

    Bounds (<5, >10000), errors (6.1 ± 0.2) and units are read as for training. Rows that match nothing are listed and kept; a file
    that is imported again changes nothing.

    chem-vae library import-measurements measured.csv --property pIC50

    Args:
        file: The file, as it came from the laboratory.
        id_column: The column of ids, InChIKeys or SMILES; found by its name when not given.
        smiles_column: The column of SMILES; found by its name when not given.
        assay: The assay, where no column says it.
        decimal: The decimal mark, where the numbers do not tell: , or .
        delimiter: What stands between the cells of a text file; found when not given.
        encoding: The encoding of a text file; found when not given.
        sheet: The sheet of a workbook; the first that holds molecules when not given.
        add_unknown: Also add molecules that no run has proposed, where the row has their SMILES.
        unmatched: Write the rows that match nothing to this .csv or .xlsx file.
    """
    from pipeline.library.measurement_files import FileOptions  # here: loads rdkit and pandas

    named = [text.partition("=") for text in property_ or ()]
    options = FileOptions(
        {name: unit for name, _, unit in named}, id_column, smiles_column, assay, decimal, delimiter, encoding, sheet
    )
    with _open(workspace, library) as opened:
        made = opened.import_measurements(file, options, add_unknown=add_unknown, who=by)
        kept = opened.list_unmatched()
    for text in made.notes:
        note(f"note: {text}")
    added = f", {made.new_molecules:,} molecules added" if made.new_molecules else ""
    print(
        f"{made.rows:,} rows of {file.name}: {made.matched:,} belong to molecules of the library{added}, {len(made.unmatched):,} do not\n"
        f"{made.added:,} measurements of {made.molecules:,} molecules are new, {made.repeated:,} were there already"
    )
    if made.contradictions:
        print(
            "\ncontradictions (all are kept; the median counts)\n"
            + "\n".join(f"  {text}" for text in made.contradictions)
        )
    if made.unmatched:
        print("\n" + format_table(made.unmatched[:20], ("row", "molecule", "reason")))
        if len(made.unmatched) > 20:
            note(f"{len(made.unmatched) - 20:,} more rows match nothing: --unmatched FILE writes all")
    if unmatched is not None:
        from pipeline.datasets.exports import write_table_file  # here: loads pandas and pyarrow

        write_table_file(kept, unmatched)
        print(f"rows that match nothing, of all files: {unmatched}")
    suggest_command(f"chem-vae update latest --data library{name_workspace(workspace)}")


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

        check_table_file(file)
        with _open(workspace, library) as opened:
            table = opened.read_labels()
        write_table_file(table, file)
        print(f"{len(table):,} measurements: {file}")
        suggest_command(f"chem-vae update latest --data {file}{name_workspace(workspace)}")
        return
    query = _make_query(
        smarts=smarts, similar_to=similar_to, min_similarity=min_similarity, ranges=ranges, status=status, run=run, since=since,
        sort=sort, ascending=ascending,
    )  # fmt: skip
    with _open(workspace, library) as opened:
        number, dictionary = opened.export(query, file)
    print(f"{number:,} molecules: {file}" + ("" if dictionary is None else f"\ntheir columns: {dictionary}"))
    suggest_command(f"chem-vae library set-status ID --status ordered{name_workspace(workspace)}")


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
    with _open(workspace, library) as opened, open_library(Path(other).parent, other) as theirs:
        made = opened.merge(theirs)
    print(
        f"{made.molecules:,} molecules of {other}: {made.new_molecules:,} are new here, with {made.new_runs:,} runs and "
        f"{made.new_measurements:,} measurements"
    )
    suggest_command(f"chem-vae library top{name_workspace(workspace)}")


def _print_rows(rows: Sequence[Mapping[str, Any]], first: Sequence[str], json_: bool) -> None:
    """Print molecules as JSON, or as a table with the values that were asked for and some others, SMILES last."""
    if json_:
        print(format_json([dict(row) for row in rows]), end="")
        return
    if not rows:
        return
    own = ["id", "status", *(["similarity"] if any("similarity" in row for row in rows) else []), "score"]
    own += [name for name in ("hit_probability", "proposed") if any(row.get(name) is not None for row in rows)]
    known = {*own, "smiles", "inchikey", "run", "scaffold", "hit_probability", "proposed", "similarity"}
    values = list(dict.fromkeys(n for row in rows for n in row if n not in known and not n.endswith("_std")))
    values.sort(key=lambda name: not any(asked and name.startswith(asked) for asked in first))
    names = [*own, *values[:SHOWN_VALUES], "smiles"]
    print(format_table([[row.get(name) for name in names] for row in rows], names))

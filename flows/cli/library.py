"""The group `library`: what all runs proposed, and what became of it. Here are the commands that look into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from chem_vae.errors import UserError
from flows.cli import library_changes
from flows.cli.command import command, new_group
from flows.cli.json_output import answer
from flows.cli.library_options import (
    ORDER,
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
    make_query,
    open_with_runs,
)
from flows.cli.options import make_option
from flows.terminal import format_table, note, suggest_command

app = new_group("The candidate library: what all runs proposed, and what became of it. Try: chem-vae library top")
SHOWN_VALUES = 5
"""Columns of values that a table on the terminal shows; --json and export give all."""


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
) -> None:
    """List molecules of the library, page by page. All conditions must hold.

    chem-vae library list --range "logp_computed=2:3" --status shortlisted --sort qed

    chem-vae library list --smarts c1ccncc1 --similar-to 'CC(=O)Nc1ccccn1' --min-similarity 0.3
    """
    if page < 1 or (offset or 0) < 0:
        raise UserError("--page is 1 or more, and --offset is 0 or more")
    query = make_query(
        smarts=smarts, similar_to=similar_to, min_similarity=min_similarity, ranges=ranges, status=status, run=run, since=since,
        sort=sort, ascending=ascending, limit=limit, offset=(page - 1) * limit if offset is None else offset,
    )  # fmt: skip
    with open_with_runs(workspace, library) as opened:
        if count:
            matches = opened.count_matches(query)
            answer(lambda: matches)
            print(matches)
            return
        found = opened.query(query)
        total = opened.count()
    _print_rows(found.rows, [*(r.name for r in query.ranges), sort or ""])
    if not found.rows:
        note("no molecule matches" if total else f"no molecules in the library of {workspace} yet")
    elif found.more:
        note(f"more molecules follow: --page {query.offset // limit + 2}")
    if found.rows:
        suggest_command("chem-vae library show {}", found.rows[0]["id"], workspace=workspace)
    elif total:
        suggest_command("chem-vae library list", workspace=workspace)
    else:
        suggest_command("chem-vae run --data moses-sample --target logp=2.5")


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
) -> None:
    """List the best molecules of all runs, or of one.

    chem-vae library top -n 20 --run latest
    """
    query = make_query(ranges=None, since=None, status=None, run=run, sort=by, ascending=ascending, limit=limit)
    with open_with_runs(workspace, library) as opened:
        found = opened.query(query)
    _print_rows(found.rows, [by])
    first = found.rows[0]["id"] if found.rows else "ID"
    suggest_command("chem-vae library set-status {} --status shortlisted", first, workspace=workspace)


@command(app)
def show(molecule: str, workspace: Path, library: Address = None) -> None:
    """Show one molecule with its whole history: proposals, values by model, statuses and measurements.

    chem-vae library show CV-000001

    Args:
        molecule: Its id, InChIKey or SMILES.
    """
    with open_with_runs(workspace, library) as opened:
        found = opened.describe(molecule)
    answer(lambda: found)
    print(
        f"{found['id']}  {found['smiles']}\n{found['inchikey']}  status: {found['status']}  scaffold: {found['scaffold'] or 'none'}"
    )
    if found["other_ids"]:
        print("also known as " + ", ".join(found["other_ids"]))
    for title, key, columns in (
        ("values", "values", ("property", "basis", "value", "std", "unit", "model_name", "is_current")),
        ("proposed by", "proposals", ("run", "night", "rank", "score", "hit_probability", "origin", "parent")),
        ("statuses", "statuses", ("when", "status", "who", "why")),
        (
            "measurements",
            "measurements",
            ("property", "measured", "unit", "cell", "assay", "measured_on", "file", "row", "who"),
        ),
    ):
        if found[key]:
            print(f"\n{title}\n{format_table([[row[c] for c in columns] for row in found[key]], columns)}")
    suggest_command("chem-vae library list --similar-to {}", found["smiles"], workspace=workspace)


app.add_typer(library_changes.app)


def _print_rows(rows: Sequence[Mapping[str, Any]], first: Sequence[str]) -> None:
    """Print molecules as a table with the values that were asked for and some others, SMILES last; --json gives all of them."""
    answer(lambda: rows)
    if not rows:
        return
    own = ["id", "status", *(["similarity"] if any("similarity" in row for row in rows) else []), "score"]
    own += [name for name in ("hit_probability", "proposed") if any(row.get(name) is not None for row in rows)]
    known = {*own, "smiles", "inchikey", "run", "scaffold", "hit_probability", "proposed", "similarity"}
    values = list(dict.fromkeys(n for row in rows for n in row if n not in known and not n.endswith("_std")))
    values.sort(key=lambda name: not any(asked and name.startswith(asked) for asked in first))
    names = [*own, *values[:SHOWN_VALUES], "smiles"]
    print(format_table([[row.get(name) for name in names] for row in rows], names))

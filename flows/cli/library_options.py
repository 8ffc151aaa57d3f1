"""The options of the commands of the candidate library, and how they open and query it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from chem_vae.errors import UserError
from flows.cli.options import HOW, make_option

if TYPE_CHECKING:
    from pipeline.library import CandidateLibrary
    from pipeline.library.search.queries import LibraryQuery

WHICH, ORDER = "Which molecules", "In which order"

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
Who = Annotated[
    str | None, make_option(HOW, "--by", metavar="NAME", help="Who does this; your user name when not given.")
]


@contextmanager
def open_with_runs(workspace: Path, address: str | None) -> Iterator[CandidateLibrary]:
    """Open the library and record the runs of the workspace that are missing in it."""
    from pipeline.library import open_library  # here: loads sqlalchemy and pandas
    from pipeline.workflows.records.known_molecules import warn_of_late_records

    with open_library(workspace, address) as library:
        warn_of_late_records(library.add_missing_runs())
        yield library


def make_query(**asked: Any) -> LibraryQuery:
    """Make a query of the values of options."""
    from pipeline.library.search.fields import Range  # here: loads sqlalchemy
    from pipeline.library.search.queries import LibraryQuery

    ranges = tuple(Range.parse(text) for text in asked.pop("ranges") or ())
    since = asked.pop("since")
    try:
        night = None if since is None else date.fromisoformat(since)
    except ValueError:
        raise UserError(f"--since {since} is no date: write it as 2026-11-01") from None
    if asked.get("limit", 1) < 1:
        raise UserError(f"--limit (-n) is 1 or more, not {asked['limit']}")
    return LibraryQuery(ranges=ranges, status=tuple(asked.pop("status") or ()), since=night, **asked)

"""Counts what each move or center of a search found, and traces candidates back to their parents."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

from pipeline.report.facts.search_facts import Ancestor, Origin, OriginShares

BEST_OF = 100  # calls by score
LINEAGES, ANCESTORS = 3, 8


def count_origins(calls: pd.DataFrame, candidates: pd.DataFrame) -> list[Origin]:
    """Count for each move or center its calls, and its molecules among the best hundred calls and the candidates.

    Returns:
        One row for each origin, the one with most calls first.
    """
    best = set(calls.nlargest(BEST_OF, "score")["smiles"])
    chosen = set(candidates["smiles"])
    rows = []
    for name, part in calls.groupby("origin", sort=False):
        scored = part["score"].dropna()
        row = Origin(
            origin=str(name),
            asked=len(part),
            of=len(calls),
            scored=len(scored),
            mean=float(scored.mean()) if len(scored) else None,
            best=float(scored.max()) if len(scored) else None,
            among_best=int(part["smiles"].isin(best).sum()),
            best_of=len(best),
            candidates=int(part["smiles"].isin(chosen).sum()),
            candidates_of=len(chosen),
        )
        rows.append((-len(part), row))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def measure_shares(calls: pd.DataFrame, parts: int = 20, most: int = 5) -> OriginShares:
    """Measure each move's share of the calls, around whichever center, in `parts` consecutive parts of the run.

    The moves with fewest calls beyond `most` count together as "others".
    """
    move = calls["origin"].str.replace(r", center \d+$", "", regex=True)
    named = move.value_counts().index[:most].tolist()
    origin = move.where(move.isin(named), "others")
    cuts = [int(v) for v in np.linspace(0, len(calls), min(parts, max(len(calls), 1)) + 1)]
    names = named + (["others"] if (origin == "others").any() else [])
    pieces = [origin.iloc[start:stop] for start, stop in itertools.pairwise(cuts) if stop > start]
    shares = [[float((piece == name).mean()) for name in names] for piece in pieces]
    return OriginShares(origins=names, edges=cuts, shares=shares)


def trace_lineages(calls: pd.DataFrame, candidates: pd.DataFrame) -> list[list[Ancestor]]:
    """Trace some of the best candidates back to their parents' parents; the oldest is first in each lineage.

    A candidate that is in the family of an earlier one is passed over.
    """
    known = {row["smiles"]: row for row in calls.to_dict("records")}
    found: list[list[Ancestor]] = []
    shown: set[str] = set()
    for smiles in candidates["smiles"]:
        chain: list[Ancestor] = []
        members: list[str] = []
        at: Any = smiles
        while isinstance(at, str) and at and len(chain) < ANCESTORS and at not in members:
            members.append(at)
            row = known.get(at)
            if row is None:
                chain.append(Ancestor(smiles=at, score=None, call=None, origin=""))
                break
            chain.append(Ancestor(smiles=at, score=row["score"], call=int(row["order"]) + 1, origin=row["origin"]))
            at = row["parent"]
        if len(chain) > 1 and not shown & set(members[:3]):
            shown |= set(members)
            found.append(chain[::-1])
        if len(found) == LINEAGES:
            break
    return found

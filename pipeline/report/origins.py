"""Which move or center of a search found what, and from which parent."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

BEST_OF = 100  # of the calls by score
LINEAGES, ANCESTORS = 3, 8


def origins(calls: pd.DataFrame, candidates: pd.DataFrame) -> list[dict[str, Any]]:
    """What each move or center asked, scored, and has among the best hundred calls and the candidates; most asked first."""
    best = set(calls.nlargest(BEST_OF, "score")["smiles"])
    chosen = set(candidates["smiles"])
    rows = []
    for name, part in calls.groupby("origin", sort=False):
        scored = part["score"].dropna()
        rows.append(
            {
                "origin": name,
                "asked": len(part),
                "of": len(calls),
                "scored": len(scored),
                "mean": float(scored.mean()) if len(scored) else None,
                "best": float(scored.max()) if len(scored) else None,
                "among_best": int(part["smiles"].isin(best).sum()),
                "best_of": len(best),
                "candidates": int(part["smiles"].isin(chosen).sum()),
                "candidates_of": len(chosen),
            }
        )
    return sorted(rows, key=lambda row: -row["asked"])


def shares(calls: pd.DataFrame, parts: int = 20, most: int = 5) -> dict[str, Any]:
    """Of each twentieth of the calls, the share of each move, around whichever center; those that asked least are one."""
    move = calls["origin"].str.replace(r", center \d+$", "", regex=True)
    named = move.value_counts().index[:most].tolist()
    origin = move.where(move.isin(named), "others")
    cuts = [int(v) for v in np.linspace(0, len(calls), min(parts, max(len(calls), 1)) + 1)]
    names = named + (["others"] if (origin == "others").any() else [])
    rows = []
    for start, stop in itertools.pairwise(cuts):
        part = origin.iloc[start:stop]
        if len(part):
            rows.append([float((part == name).mean()) for name in names])
    return {"origins": names, "edges": cuts, "shares": rows}


def lineages(calls: pd.DataFrame, candidates: pd.DataFrame) -> list[list[dict[str, Any]]]:
    """The best candidates with their parents' parents, the oldest first; as far as it goes back."""
    known = {row["smiles"]: row for row in calls.to_dict("records")}
    found: list[list[dict[str, Any]]] = []
    told: set[str] = set()
    for smiles in candidates["smiles"]:
        chain: list[dict[str, Any]] = []
        at: Any = smiles
        while isinstance(at, str) and at and len(chain) < ANCESTORS and at not in {c["smiles"] for c in chain}:
            row = known.get(at)
            chain.append(
                {
                    "smiles": at,
                    "score": None if row is None else row["score"],
                    "call": None if row is None else int(row["order"]) + 1,
                    "origin": "" if row is None else row["origin"],
                }
            )
            at = None if row is None else row["parent"]
        if len(chain) > 1 and not told & {c["smiles"] for c in chain[:3]}:  # no second one of the same family
            told |= {c["smiles"] for c in chain}
            found.append(chain[::-1])
        if len(found) == LINEAGES:
            break
    return found

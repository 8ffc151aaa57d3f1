"""Finds systematic losses of rows: one reason for more than half of them, or all rows of one kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow.compute as pc
from pyarrow import parquet

_FEWEST = 3  # rejected rows of a kind that are worth a warning where none was accepted
_KINDS = {
    "several parts (salts, mixtures)": r"\.",
    "stereo (@, / or \\)": r"[@/\\]",
    "charges": r"\[[^\]]*[+-]",
    "isotopes": r"\[\d",
}
"""Kinds of SMILES, each with a regular expression that finds it in the text."""
_ADVICE = {
    "fragment": "look at --set ingest.standardize.largest_fragment and ingest.standardize.inorganic",
    "elements": "--set ingest.standardize.elements says which elements are allowed",
    "size": "--set ingest.standardize.max_heavy_atoms and ingest.standardize.min_heavy_atoms say which sizes are allowed",
    "radical": "--set ingest.standardize.radicals=true accepts them",
    "charge": "--set ingest.standardize.max_charge says which charges are allowed",
    "read": "check --smiles-column, and that each row has a SMILES",
    "parse": "name the column of SMILES by --smiles-column",
    "split": "name the column of train, validation and test by --split-column",
}
"""The option to look at, by stage."""


def describe_losses(rejections: Path, shards: Sequence[Path], rows: int, has_smiles: bool) -> list[str]:
    """Describe systematic losses of rows in sentences, each with the reason and the option that may help.

    Args:
        rejections: The file of all rejections (row, input, stage, reason).
        shards: The files of the accepted molecules.
        rows: The number of rows of the source.
        has_smiles: Whether the inputs are SMILES, so that their kind can be read off their text.
    """
    table = parquet.read_table(rejections, columns=["input", "stage", "reason"])
    if not table.num_rows:
        return []
    pairs = list(zip(table["stage"].to_pylist(), table["reason"].to_pylist(), strict=True))
    told = _describe_majority(pairs, rows)
    if has_smiles:
        accepted = dict.fromkeys(_KINDS, False)
        for shard in shards:
            inputs = parquet.read_table(shard, columns=["input"])["input"]
            for kind in (kind for kind, is_there in accepted.items() if not is_there):
                accepted[kind] = bool(pc.any(pc.match_substring_regex(inputs, _KINDS[kind])).as_py())
        for kind in (kind for kind, is_there in accepted.items() if not is_there):
            mask = pc.match_substring_regex(table["input"], _KINDS[kind]).to_pylist()
            lost = [
                pair for pair, is_kind in zip(pairs, mask, strict=True) if is_kind and pair[0] not in ("read", "parse")
            ]
            if len(lost) >= _FEWEST:
                stage, reason = Counter(lost).most_common(1)[0][0]
                told.append(f"all {len(lost):,} rows with {kind} were rejected, such as: {reason}{_advise(stage)}")
    return told


def _describe_majority(pairs: Sequence[tuple[str, str]], rows: int) -> list[str]:
    """Say that more than half of the rows were rejected, and for which reason where it is mostly one."""
    if len(pairs) <= rows / 2:
        return []
    kinds = Counter((stage, _generalize(reason)) for stage, reason in pairs)
    (stage, kind), count = kinds.most_common(1)[0]
    start = f"more than half of the rows were rejected: {len(pairs):,} of {rows:,}"
    if count <= len(pairs) / 2:
        stages = Counter(stage for stage, _ in pairs)
        return [f"{start} ({', '.join(f'{stage} {n:,}' for stage, n in stages.most_common())})"]
    example = next(reason for s, reason in pairs if (s, _generalize(reason)) == (stage, kind))
    return [f"{start}, {count:,} of them for one reason: {example}{_advise(stage)}"]


def _advise(stage: str) -> str:
    return f"; {_ADVICE[stage]}" if stage in _ADVICE else ""


def _generalize(reason: str) -> str:
    """Take the numbers and the quoted texts out of a reason, so that equal kinds are equal."""
    return re.sub(r"'[^']*'|\([^)]*\)|\d[\d,.]*", "…", reason)

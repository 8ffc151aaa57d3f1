"""Finds molecules of the library page by page: by structure, ranges of values, status, run and date, in any order."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ARRAY, ColumnElement, Connection, Integer, Select, any_, func, literal, select

from chem_vae.errors import UserError, unknown_name
from pipeline.chemistry.molecule import parse_mol
from pipeline.library.database import is_sqlite
from pipeline.library.schema import MoleculeRecord, ProposalRecord, RunRecord, ValueRecord
from pipeline.library.search.fields import Field, Range, find_field
from pipeline.library.search.structure_index import Numbers, StructureIndex
from pipeline.library.statuses import spell_status
from pipeline.library.structures import ECFP4_2048, Substructure, pack

FEW = 5_000
"""Molecules up to which a condition is looked up first and the rest is sorted; a condition that more molecules meet is checked while
the molecules are gone through in order."""
AT_ONCE = 2_000
"""Molecules that are looked up, or matched with a substructure, at once."""
SIMILARITY = "similarity"
LEAST_SIMILARITY = 0.4


@dataclass(frozen=True)
class LibraryQuery:
    """What to list of the library; every condition must hold."""

    smarts: str | None = None
    """A substructure as SMARTS."""
    similar_to: str | None = None
    """A molecule as SMILES; those with at least `min_similarity` are listed."""
    min_similarity: float = LEAST_SIMILARITY
    """The least Tanimoto similarity (ECFP4, 2048 bits) to `similar_to`, in 0..1."""
    ranges: tuple[Range, ...] = ()
    status: tuple[str, ...] = ()
    run: str | None = None
    """The id or the name of a run, or "latest"."""
    since: date | None = None
    """The first night on which the molecules were proposed last."""
    sort: str | None = None
    """What to sort by; the similarity where one is asked for, else the score, the highest first."""
    ascending: bool = False
    limit: int = 20
    offset: int = 0


@dataclass(frozen=True)
class _Condition:
    """A condition in its two forms: a list of the ids that meet it, and a check of one molecule."""

    ids: Select[Any]
    check: ColumnElement[bool]
    known: list[int] | None = None
    """The ids, where they are known without the database."""


def find_page(
    connection: Connection, query: LibraryQuery, index_folder: Path
) -> tuple[list[int], dict[int, float], bool]:
    """Find the ids of a page of molecules, in order.

    Returns:
        The ids, the similarities by id where one is asked for, and whether there are more.

    Raises:
        UserError: A condition cannot be read, or names what is not there.
    """
    ids, similarities = _Search(connection, query, index_folder).find(query.offset, query.limit + 1)
    return ids[: query.limit], similarities, len(ids) > query.limit


def count(connection: Connection, query: LibraryQuery, index_folder: Path) -> int:
    """Count all molecules that meet the conditions; a substructure is then matched against each that the screen lets pass."""
    return _Search(connection, query, index_folder).count()


class _Search:
    """One query on its way."""

    def __init__(self, connection: Connection, query: LibraryQuery, index_folder: Path) -> None:
        self.connection, self.query = connection, query
        self.conditions = list(_list_conditions(connection, query))
        self.substructure = Substructure(query.smarts) if query.smarts is not None else None
        self.masks: list[NDArray[np.bool_]] = []
        self.similar: Numbers | None = None
        self.similarity = np.zeros(0)
        if query.smarts is None and query.similar_to is None:
            return
        index = StructureIndex(connection, index_folder)
        if query.similar_to is not None:
            found = index.find_similar(_read_fingerprint(query.similar_to), query.min_similarity)
            self.similar, self.similarity = (found[0][::-1], found[1][::-1]) if query.ascending else found
            if not self._sorts_by_similarity:
                self._limit_to(self.similar, index.newest)
        if self.substructure is not None:
            self._limit_to(index.screen(self.substructure.pattern), index.newest)

    @property
    def _sorts_by_similarity(self) -> bool:
        return self.query.similar_to is not None and self.query.sort in (None, SIMILARITY)

    def _limit_to(self, ids: Numbers, newest: int) -> None:
        """Let only some molecules pass."""
        if len(ids) <= FEW and not self._sorts_by_similarity:
            chosen = _choose_ids(self.connection, ids.tolist())
            self.conditions.append(_Condition(select(MoleculeRecord.id).where(chosen), chosen, ids.tolist()))
            return
        mask = np.zeros(newest + 1, dtype=bool)
        mask[ids] = True
        self.masks.append(mask)

    def find(self, offset: int, number: int) -> tuple[list[int], dict[int, float]]:
        """Find the ids from a place on, and the similarities."""
        if self._sorts_by_similarity or self.masks or self.substructure is not None:
            ids = list(itertools.islice(self._walk(), offset, offset + number))
        else:
            ids = self._find_by_database(offset, number)
        if self.similar is None:
            return ids, {}
        at = np.flatnonzero(np.isin(self.similar, ids))
        return ids, dict(zip(self.similar[at].tolist(), self.similarity[at].tolist(), strict=True))

    def count(self) -> int:
        if self._sorts_by_similarity or self.masks or self.substructure is not None:
            return sum(1 for _ in self._walk())
        ids = select(MoleculeRecord.id).where(*(c.check for c in self.conditions)).subquery()
        return int(self.connection.execute(select(func.count()).select_from(ids)).scalar_one())

    def _walk(self) -> Iterator[int]:
        """Go through the molecules in order and yield those that meet every condition."""
        checked = False
        if self.similar is not None and self._sorts_by_similarity:
            found: Iterator[int] = iter(self.similar.tolist())
        else:  # with a mask the conditions are checked of what passes it alone
            first = self._choose_first_condition()
            checked = first is not None or not self.masks
            found = itertools.chain.from_iterable(map(self._stream, self._list_statements(first, checked)))
        passing = (i for i in found if all(i < len(mask) and mask[i] for mask in self.masks))
        conditions = [] if checked else [condition.check for condition in self.conditions]
        return self._check_in_order(passing, conditions) if conditions or self.substructure is not None else passing

    def _find_by_database(self, offset: int, number: int) -> list[int]:
        found: list[int] = []
        for statement in self._list_statements(self._choose_first_condition()):
            page = statement.limit(number - len(found)).offset(offset)
            found += self.connection.execute(page).scalars()
            if len(found) >= number:
                break
            if found:
                offset = 0
            else:
                offset -= int(
                    self.connection.execute(
                        select(func.count()).select_from(statement.order_by(None).subquery())
                    ).scalar_one()
                )
        return found

    def _stream(self, statement: Select[Any]) -> Iterator[int]:
        yield from self.connection.execute(statement, execution_options={"yield_per": 1000}).scalars()

    def _check_in_order(self, ids: Iterator[int], conditions: Sequence[ColumnElement[bool]]) -> Iterator[int]:
        """Yield those of some molecules that meet conditions of the database and have the substructure, in the order given."""
        size = 50 if self.masks or conditions else 250  # a page is often found among the first
        while part := list(itertools.islice(ids, size)):
            chosen = _choose_ids(self.connection, part)
            query = select(MoleculeRecord.id, MoleculeRecord.smiles).where(chosen, *conditions)
            smiles = dict(self.connection.execute(query).tuples().all())
            part = [i for i in part if i in smiles]
            if self.substructure is None:
                yield from part
            else:
                yield from itertools.compress(part, self.substructure.find_in([smiles[i] for i in part]))
            size = min(2 * size, AT_ONCE)

    def _list_statements(self, first: _Condition | None, checks: bool = True) -> list[Select[Any]]:
        """List the statements whose molecules, one after the other, are the answer in order: those with a value, then those without.

        Args:
            first: The condition that is looked up; the molecules that meet it are sorted.
            checks: Whether the statements check the conditions, too.
        """
        query = self.query
        name = query.sort or "score"
        if name == SIMILARITY:
            raise UserError("--sort similarity needs a molecule: give --similar-to SMILES")
        others = [c.check for c in self.conditions if c is not first and checks]
        if first is not None:  # looked up by the condition, then sorted: the order's index would be the longer way
            ids = first.known if first.known is not None else list(self.connection.execute(first.ids).scalars())
            others.append(_choose_ids(self.connection, ids))  # a subquery may be planned the longer way
        if name == "id":
            return [select(MoleculeRecord.id).where(*others).order_by(_order(MoleculeRecord.id, query.ascending))]
        field = find_field(self.connection, name)
        number = MoleculeRecord.id
        column = field.column if first is None else func.coalesce(field.column, field.column)
        if field.property_id is None:
            if first is not None and not query.ascending:  # a few, sorted in one statement
                order = (column.is_(None), column.desc(), number.desc())
                return [select(number).where(*others).order_by(*order)]
            with_value = select(MoleculeRecord.id).where(field.column.is_not(None), *others)
        else:
            joined = select(MoleculeRecord.id).join(ValueRecord, ValueRecord.molecule_id == MoleculeRecord.id)
            with_value = joined.where(*field.choose(), *others)
            if not others:  # the index of the values alone says it
                with_value, number = select(ValueRecord.molecule_id).where(*field.choose()), ValueRecord.molecule_id
        orders = [_order(column, query.ascending), _order(number, query.ascending)]
        without = (
            select(MoleculeRecord.id).where(_lacks_value(field), *others).order_by(_order(MoleculeRecord.id, False))
        )
        return [with_value.order_by(*orders), without]

    def _choose_first_condition(self) -> _Condition | None:
        """Choose the condition that the fewest molecules meet; None where all are met by many."""
        best: tuple[int, _Condition] | None = None
        for condition in self.conditions:
            if condition.known is not None:
                number = len(condition.known)
            else:
                some = condition.ids.limit(FEW + 1).subquery()
                number = int(self.connection.execute(select(func.count()).select_from(some)).scalar_one())
            if number <= FEW and (best is None or number < best[0]):
                best = number, condition
        return None if best is None else best[1]


def _lacks_value(field: Field) -> ColumnElement[bool]:
    if field.property_id is None:
        return field.column.is_(None)
    return ~field.check([])


def _order(column: Any, ascending: bool) -> Any:
    return column.asc() if ascending else column.desc()


def _choose_ids(connection: Connection, ids: Sequence[int]) -> ColumnElement[bool]:
    """Choose molecules by their ids, of which there may be thousands."""
    if is_sqlite(connection):
        return MoleculeRecord.id.in_(select(func.json_each(json.dumps(list(ids))).table_valued("value").c.value))
    return MoleculeRecord.id == any_(literal(list(ids), ARRAY(Integer)))


def _list_conditions(connection: Connection, query: LibraryQuery) -> Iterator[_Condition]:
    for asked in query.ranges:
        field = find_field(connection, asked.name)
        limits = asked.limit(field.column)
        yield _Condition(field.list_ids(limits), field.check(limits))
    if query.status:
        statuses = [spell_status(status) for status in query.status]
        chosen = MoleculeRecord.status.in_(statuses)
        yield _Condition(
            select(MoleculeRecord.id).where(chosen), func.coalesce(MoleculeRecord.status, "").in_(statuses)
        )
    if query.run is not None:
        runs = find_runs(connection, query.run)
        of_runs = ProposalRecord.run_id.in_(runs)
        own = ProposalRecord.molecule_id == MoleculeRecord.id
        check = select(1).select_from(ProposalRecord).where(own, of_runs).correlate(MoleculeRecord).exists()
        yield _Condition(select(ProposalRecord.molecule_id).where(of_runs).distinct(), check)
    if query.since is not None:
        later = MoleculeRecord.proposed >= query.since
        yield _Condition(
            select(MoleculeRecord.id).where(later), func.coalesce(MoleculeRecord.proposed, date.min) >= query.since
        )


def find_runs(connection: Connection, asked: str) -> list[int]:
    """Find the runs of the library that an id, a name or "latest" means.

    Raises:
        UserError: There is none.
    """
    order = (RunRecord.night.desc(), RunRecord.finished.desc(), RunRecord.id.desc())
    if asked == "latest":
        found = list(connection.execute(select(RunRecord.id).order_by(*order).limit(1)).scalars())
        if not found:
            raise UserError("no run is in the library yet: chem-vae library add all records those of the workspace")
        return found
    name = asked.rstrip("/").rpartition("/")[2]  # a run's folder
    for column in (RunRecord.run, RunRecord.name):
        if found := list(connection.execute(select(RunRecord.id).where(column == name)).scalars()):
            return found
    known = connection.execute(select(RunRecord.run).order_by(*order).limit(20)).scalars()
    raise unknown_name("run of the library", asked, known)


def _read_fingerprint(smiles: str) -> bytes:
    mol = parse_mol(smiles)
    if mol is None:
        raise UserError(f"{smiles!r} is no SMILES of a molecule")
    return pack(ECFP4_2048.bits(mol))

"""Tables of molecules that draw themselves in a notebook, and are written to files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import pandas as pd

from chem_vae.errors import UserError, unknown_name
from pipeline.chemistry.output.drawings import draw_alone, render_grid
from pipeline.chemistry.output.saving import save
from pipeline.workspace.presentation.formatting import count_things, format_number, is_number
from pipeline.workspace.presentation.notebook_card import Card, Described, Drawing, Picture
from pipeline.workspace.presentation.plot_style import PAPER, open_figure, render_picture
from pipeline.workspace.presentation.value_columns import split_value_column

SHOWN = 12
"""Molecules that a card draws."""
_LINES = 10
"""Molecules that a card lists in text."""
_ROWS, _COLUMNS = 6, 10
"""Rows and columns of the table below the drawings."""
_BASES = ("computed", "predicted", "measured")
_FIRST = ("similarity", "distance", "anomaly", "hit_probability", "score")
_VALUES = 3
"""Values in the caption of a drawing."""
OWN_COLUMNS = "own columns"
"""The attribute of a table that lists the columns of a catalogue's own, whose names say nothing of what is in them."""


class MoleculeTable(pd.DataFrame):
    """A table with a column of SMILES: a DataFrame that shows drawings, and can be saved as SDF or as a picture.

    What pandas makes of it (a selection of rows, a sorted table) is a MoleculeTable too.
    """

    @property
    def _constructor(self) -> type[MoleculeTable]:
        return MoleculeTable

    def grid(self, n: int = SHOWN, columns: int = 4, captions: Sequence[str] | None = None) -> Picture:
        """Draw the first n molecules, each over its values.

        Args:
            n: How many molecules.
            columns: Molecules in a row.
            captions: A text for each molecule; its values when not given.
        """
        return draw_table(self, n, columns, captions)

    def scatter(self, x: str | None = None, y: str | None = None) -> Picture:
        """Plot one column of numbers against another; the first two of properties when not given."""
        return plot_table(self, x, y)

    def save(self, path: str | Path) -> Path:
        """Write the table as .csv, .sdf or .smi, or draw it as .png or .svg, whole or not at all.

        Raises:
            UserError: The name has another ending.
        """
        return save_table(self, path)

    def to_sdf(self, path: str | Path) -> Path:
        """Write the molecules with all their values as an SD file."""
        return save_table(self, require_ending(path, ".sdf"))

    def _repr_html_(self) -> str:
        table = self.to_html(max_rows=_ROWS, max_cols=_COLUMNS, notebook=True)
        return table if find_structures(self) is None else make_table_card(self).to_html() + table


class HasCandidates(Described):
    """Lets a result be shown, counted, gone through, drawn, plotted and saved by its table of candidates."""

    def to_frame(self) -> MoleculeTable:
        """Return the candidates, one per row, best first."""
        raise NotImplementedError

    def __len__(self) -> int:
        """Count the candidates."""
        return len(self.to_frame())

    def __bool__(self) -> bool:
        """Say yes: a result without candidates is a result, too."""
        return True

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Go through the candidates, best first, each as a dictionary by column."""
        return iter(cast("list[dict[str, Any]]", self.to_frame().to_dict("records")))

    def grid(self, n: int = SHOWN, columns: int = 4, captions: Sequence[str] | None = None) -> Picture:
        """Draw the first n candidates, each over its values.

        Args:
            n: How many candidates.
            columns: Candidates in a row.
            captions: A text for each candidate; its values when not given.
        """
        return draw_table(self.to_frame(), n, columns, captions, self._list_values())

    def plot(self, x: str | None = None, y: str | None = None) -> Picture:
        """Plot one column of the candidates against another.

        Args:
            x: The column, or the name of a property; what was asked for when not given.
            y: The same for the other axis; the score where only one property was asked for.
        """
        return plot_table(self.to_frame(), x, y, self._list_values())

    def save(self, path: str | Path) -> Path:
        """Write the candidates as .csv, .sdf or .smi, or draw them as .png or .svg, whole or not at all.

        Raises:
            UserError: The name has another ending.
        """
        return save_table(self.to_frame(), path, self._list_values())

    def to_csv(self, path: str | Path) -> Path:
        """Write the candidates as a CSV file that is safe to open in a spreadsheet."""
        return save_table(self.to_frame(), require_ending(path, ".csv"))

    def to_sdf(self, path: str | Path) -> Path:
        """Write the candidates with all their values as an SD file."""
        return save_table(self.to_frame(), require_ending(path, ".sdf"))

    def _list_values(self) -> list[str]:
        """List the columns of values that matter most."""
        return []


def find_structures(table: pd.DataFrame) -> str | None:
    """Find the column of molecules to draw: smiles, or the first whose name ends so; None where there is none."""
    names = [str(name) for name in table.columns]
    if "smiles" in names:
        return "smiles"
    return next((name for name in names if name.endswith("smiles")), None)


def list_values(table: pd.DataFrame, first: Sequence[str] = ()) -> list[str]:
    """List the columns of numbers about the molecules, those of `first` before the others."""
    own = table.attrs.get(OWN_COLUMNS, ())
    names = [str(name) for name in table.columns if name not in own]
    found = [name for name in (*first, *_FIRST) if name in names]
    found += [name for name in names if split_value_column(name, _BASES)[1]]
    return [name for name in dict.fromkeys(found) if pd.api.types.is_numeric_dtype(table[name])]


def name_value(column: str) -> str:
    """Write the name of a column of values for a person: only what is not computed from the structure says how it is known."""
    name, basis = split_value_column(column, _BASES)
    if basis == "computed":
        return name
    return f"{name} ({basis})" if basis else column.replace("_", " ")


def write_value(record: dict[Any, Any], column: str) -> str:
    """Write a value with its name, and its standard deviation where it has one; "" where it is missing."""
    value = record.get(column)
    if not is_number(value):
        return ""
    spread = record.get(f"{column}_std")
    error = f" ± {format_number(spread)}" if is_number(spread) else ""
    name, basis = split_value_column(column, _BASES)
    if basis == "predicted":
        return f"{name} {format_number(value)}{error} predicted"
    return f"{name_value(column)} {format_number(value)}{error}"


def make_captions(table: pd.DataFrame, first: Sequence[str] = (), separator: str = "\n") -> list[str]:
    """Make a caption for each row: its rank and its most important values."""
    columns, found = list_values(table, first), []
    for record in cast("list[dict[Any, Any]]", table.to_dict("records")):
        rank = [f"{int(record['rank'])}"] if is_number(record.get("rank")) else []
        values = [text for text in (write_value(record, column) for column in columns) if text][:_VALUES]
        found.append(separator.join([*rank, *values]))
    return found


def list_drawings(table: pd.DataFrame, first: Sequence[str] = (), n: int = SHOWN) -> list[Drawing]:
    """Draw the first n molecules of a table, for a card."""
    column = find_structures(table)
    if column is None:
        return []
    head = table.head(n)
    drawings = []
    for smiles, caption in zip(head[column], make_captions(head, first), strict=True):
        svg = draw_alone(smiles) if isinstance(smiles, str) else None
        if svg is not None:
            drawings.append(Drawing(svg, caption, str(smiles)))
    return drawings


def list_lines(table: pd.DataFrame, first: Sequence[str] = (), n: int = _LINES) -> list[str]:
    """Write the first n molecules of a table, one in a line."""
    column, head = find_structures(table), table.head(n)
    if column is None:
        return []
    texts = make_captions(head, first, "  ")
    lines = [f"{text}  {smiles}" for text, smiles in zip(texts, head[column], strict=True)]
    return lines + ([f"and {len(table) - n:,} more"] if len(table) > n else [])


def make_table_card(table: pd.DataFrame) -> Card:
    """Describe a table of molecules: how many, its columns, the first of them drawn."""
    facts = []
    if isinstance(given := table.attrs.get("given"), str):
        facts.append(("given", given))
    if "reason" in table and (failed := [r for r in table["reason"] if isinstance(r, str) and r]):
        told = "; ".join(dict.fromkeys(failed[:3]))
        facts.append(("with a reason", f"{len(failed):,} of {len(table):,}: {told}"))
    facts.append(("columns", ", ".join(map(str, table.columns))))
    hint = f"{len(table) - SHOWN:,} more are not drawn: .grid(n={len(table)})" if len(table) > SHOWN else ""
    title = count_things(len(table), "molecule")
    return Card(title, facts, (), list_drawings(table), list_lines(table), hint)


def draw_table(
    table: pd.DataFrame,
    n: int = SHOWN,
    columns: int = 4,
    captions: Sequence[str] | None = None,
    first: Sequence[str] = (),
) -> Picture:
    """Draw the first n molecules of a table as `MoleculeTable.grid` does; the values of `first` come first."""
    column = find_structures(table)
    if column is None:
        raise UserError("the table has no column of SMILES: there is nothing to draw")
    head = table.head(n)
    given = [captions] if isinstance(captions, str) else captions
    texts = list(given) if given is not None else make_captions(head, first, "  ")
    if len(texts) < len(head):
        raise UserError(f"there are {len(texts):,} captions for {len(head):,} molecules: give one for each")
    smiles = head[column].tolist()
    return Picture(lambda kind: render_grid(smiles, texts[: len(smiles)], kind, columns))


def plot_table(table: pd.DataFrame, x: str | None = None, y: str | None = None, first: Sequence[str] = ()) -> Picture:
    """Plot two columns of a table against each other, hits in a color of their own.

    Raises:
        UserError: A column is unknown, or there are not two columns of numbers.
    """
    usual = [name for name in list_values(table, first) if name not in (x, y)]
    chosen = [_find_column(table, name) if name is not None else "" for name in (x, y)]
    for place in (0, 1):
        if not chosen[place]:
            if not usual:
                raise UserError("there are not two columns of numbers to plot: say which, as in plot(x=..., y=...)")
            chosen[place] = usual.pop(0)
    return Picture(partial(_render_scatter, table, *chosen))


def save_table(table: pd.DataFrame, path: str | Path, first: Sequence[str] = ()) -> Path:
    """Write a table of molecules to a file, as `pipeline.chemistry.output.saving.save` does, with captions of its values."""
    return save(table, path, make_captions(table, first, "  "))


def require_ending(path: str | Path, ending: str) -> Path:
    """Return the path; raises UserError where it has another ending."""
    path = Path(path)
    if path.suffix.lower() != ending:
        raise UserError(f"cannot write {path.name}: the name must end in {ending}")
    return path


def _find_column(table: pd.DataFrame, name: str) -> str:
    """Find a column by its name, or by that of a property."""
    names = [str(column) for column in table.columns]
    for known in (name, *(f"{name}_{basis}" for basis in _BASES)):
        if known in names:
            return known
    raise unknown_name("column", name, list_values(table))


def _render_scatter(table: pd.DataFrame, x: str, y: str, kind: str) -> bytes:
    hits = next((table[name] for name in ("within_target", "hit") if name in table), None)
    with open_figure(5.2, 3.6) as figure:
        axes = figure.add_subplot()
        if hits is None:
            axes.scatter(table[x], table[y], s=18, color=PAPER.candidates)
        else:
            reached = hits.fillna(False).astype(bool)
            for chosen, color, label in (
                (~reached, PAPER.data, "beside the goal"),
                (reached, PAPER.good, "within the goal"),
            ):
                if chosen.any():
                    axes.scatter(table[x][chosen], table[y][chosen], s=18, color=color, label=label)
            axes.legend(loc="best")
        own = table.attrs.get(OWN_COLUMNS, ())
        axes.set_xlabel(x if x in own else name_value(x))
        axes.set_ylabel(y if y in own else name_value(y))
    return render_picture(figure, kind)

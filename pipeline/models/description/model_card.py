"""Describes a trained model as a short card for a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.chemistry.output.drawings import draw_alone
from pipeline.models.description.model_description import list_model_warnings
from pipeline.workspace.lookup import write_model_name
from pipeline.workspace.presentation.formatting import format_number
from pipeline.workspace.presentation.notebook_card import Card, Drawing

_DRAWN = 4


def make_model_card(folder: Path, card: Mapping[str, Any], kept_file: str) -> Card:
    """Describe a model: data, size, conditions, predictors, figures, and some of its training molecules.

    Args:
        folder: The model's folder.
        card: Its card.
        kept_file: The name of the file with the training molecules that are kept with it.
    """
    about, figures = card["dataset"], card["figures"]
    facts = [
        ("trained on", f"{about['name']}: {card['training_molecules']:,} molecules, {card['steps']:,} steps"),
        ("size", f"{card['parameters']:,} parameters, {card['latent_size']} latent dimensions"),
        ("conditions", ", ".join(card["conditions"]) or "none"),
    ]
    if base := card.get("base"):
        facts.insert(1, ("fine-tuned from", str(base["name"])))
    known = {name.replace("_", " "): value for name, value in figures.items() if value is not None}
    facts.append(("checked", ", ".join(f"{name} {format_number(value)}" for name, value in known.items())))
    told = [f"{p['property']} (R2 {p['r2']:.2f})" for p in card["predictors"] if p.get("r2") is not None]
    facts.append(("predicts", ", ".join(told) or "no property"))
    facts += [("limit", str(text)) for text in card.get("limits", [])[:3]]
    smiles = _read_first(folder / kept_file)
    drawings = [Drawing(svg, "", s) for s in smiles if (svg := draw_alone(s)) is not None]
    return Card(
        f"model {write_model_name(folder)}",
        facts,
        list_model_warnings(card),
        drawings,
        (),
        "more: print(model.summary())",
    )


def _read_first(path: Path) -> list[str]:
    """Read the first molecules of a file of SMILES; none where there is no such file."""
    try:
        with path.open(encoding="utf-8") as file:
            return [line.split()[0] for line in islice(file, _DRAWN) if line.strip()]
    except OSError:
        return []

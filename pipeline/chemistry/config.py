"""Settings of the standard form of a molecule (the TOML table [ingest.standardize]) and of a scaffold that is kept."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from pipeline.workspace.settings import Settings

ORGANIC_ELEMENTS = ("H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Se", "Br", "I")


class StandardizeOptions(Settings):
    """The options of the standard form of a molecule, which are recorded with a dataset."""

    stereo: bool = Field(True, description="Keep tetrahedral and E/Z stereo; false removes it.")
    chiral_flag: Literal["auto", "absolute", "racemic"] = Field(
        "auto",
        description="The meaning of the chiral flag 0 of mol blocks with wedges: as drawn (absolute), a racemate (racemic), "
        "or a racemate only in a file where other records set the flag (auto).",
    )
    isotopes: bool = Field(False, description="Keep isotope labels; false removes them.")
    tautomers: bool = Field(False, description="Canonicalize tautomers (slow; can erase a stereocenter).")
    uncharge: bool = Field(True, description="Neutralize where protons can be added or removed.")
    largest_fragment: bool = Field(
        True,
        description="Remove counterions, solvents and small other parts; false rejects all that has several parts.",
    )
    elements: tuple[str, ...] = Field(ORGANIC_ELEMENTS, description="Elements allowed; others are rejected.")
    min_heavy_atoms: int = Field(1, ge=1, description="Smaller molecules are rejected.")
    max_heavy_atoms: int = Field(120, ge=1, description="Larger molecules are rejected.")
    inorganic: bool = Field(False, description="Accept molecules without carbon (such as water); false rejects them.")
    radicals: bool = Field(
        False,
        description="Accept unpaired electrons (radicals, carbenes, SMARTS without hydrogens); false rejects them.",
    )
    max_charge: int = Field(4, ge=0, description="Molecules with a larger charge, of an atom or in all, are rejected.")


class ScaffoldConfig(Settings):
    """The structure that every molecule keeps; its SMILES alone says the same as `{ keep = SMILES }`.

    ```toml
    [generate.scaffold]
    keep = "O=C(N[*:1])c1ccc([*:2])cc1"
    ```
    """

    keep: str | None = Field(
        None,
        description="The scaffold as SMILES: molecules keep it and have something else at its attachment points alone ([*:1], [*:2] or "
        "*), or anywhere where it has none. Parts with one point each and dots between are linked.",
    )
    replace: str | None = Field(
        None,
        description="The fragment (SMILES or SMARTS) of `molecule` to replace by others; all the rest is kept. A ring or linker "
        "in the middle is scaffold hopping, an end of the molecule an R group.",
    )
    molecule: str | None = Field(None, description="The molecule (SMILES) whose fragment is replaced.")
    most_atoms: int | None = Field(
        None,
        ge=1,
        le=60,
        description="The most heavy atoms that are added to the scaffold in all; as many as the model's molecules have room for when "
        "not given.",
    )

    @model_validator(mode="before")
    @classmethod
    def _read_text(cls, value: Any) -> Any:
        return {"keep": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _say_one(self) -> Self:
        if self.keep is not None and (self.replace is not None or self.molecule is not None):
            raise ValueError("give a scaffold to keep, or a fragment to replace in a molecule, not both")
        if (self.replace is None) != (self.molecule is None):
            raise ValueError(
                "to replace a fragment takes both: the fragment (replace) and the molecule it is in (molecule)"
            )
        if self.keep is None and self.replace is None:
            raise ValueError("say what to keep: a scaffold (keep), or a molecule with the fragment to replace")
        return self

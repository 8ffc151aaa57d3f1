"""Settings of the standard form of a molecule: the TOML table [ingest.standardize]."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

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

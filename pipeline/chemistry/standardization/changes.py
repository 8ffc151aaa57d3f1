"""The changes that standardization makes to a structure, each with a fixed phrase and a plain sentence."""

from __future__ import annotations

from enum import StrEnum


class Change(StrEnum):
    """One change of a structure; its value is the phrase that datasets and reports keep."""

    STEREO_GROUP = "stereo of a mixture made undefined"
    METAL = "metal removed"
    SALT = "salt removed"
    SOLVENT = "solvent removed"
    PART = "smaller part removed"
    COPY = "equal parts merged"
    CLEANED = "cleaned up"
    UNCHARGED = "uncharged"
    ISOTOPES = "isotopes removed"
    STEREO = "stereo removed"
    TAUTOMER = "tautomer"
    TAUTOMER_SKIPPED = "tautomers not enumerated"
    ALIAS = "abbreviation expanded"


_SENTENCES = {
    Change.STEREO_GROUP: "The input is a racemate or another mixture of stereoisomers, or leaves a center open: "
    "the stereo of these centers and double bonds is undefined in the molecule.",
    Change.METAL: "A metal counterion (such as sodium or calcium) was removed.",
    Change.SALT: "A counterion (such as chloride, maleate or meglumine) was removed.",
    Change.SOLVENT: "A solvent (such as water or ethanol) was removed.",
    Change.PART: "A smaller molecule that is on no list of counterions and solvents was removed.",
    Change.COPY: "The input has several equal copies of the molecule; one was kept.",
    Change.CLEANED: "Functional groups were written in their usual form (such as nitro groups and azides).",
    Change.UNCHARGED: "Charges were neutralized by adding or removing protons.",
    Change.ISOTOPES: "Isotope labels were removed.",
    Change.STEREO: "All stereo was removed, as the options say.",
    Change.TAUTOMER: "The molecule was written as its canonical tautomer.",
    Change.TAUTOMER_SKIPPED: "The molecule has too many tautomers to enumerate, so that none could be chosen; it was kept as it is.",
    Change.ALIAS: "Abbreviations of groups (such as COOEt) were expanded to their atoms.",
}


def describe(change: str) -> str:
    """Return one plain sentence for users about a change; a phrase that is not known is returned as it is."""
    return _SENTENCES[Change(change)] if change in _SENTENCES else str(change)

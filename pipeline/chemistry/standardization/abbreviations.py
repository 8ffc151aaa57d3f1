"""The groups that drawing programs write as one atom with a text ("COOEt", "Boc"), and what each text stands for.

The base groups are those of RDKit's `rdAbbreviations` and of the list "Standard Abbreviations and Acronyms" of the Journal of
Organic Chemistry; ethers, amines, esters, amides and sulfones are composed of them. Left out on purpose, since people mean
different groups by them: C3H7, iPent, NC, Ns, OCN, TFA, Z, Ar, R, X.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

# Substituents with one free bond, the atom that is bonded first.
_CARBON = {
    "Me": "C", "CH3": "C", "H3C": "C", "Et": "CC", "C2H5": "CC", "H5C2": "CC", "CH2CH3": "CC", "H3CH2C": "CC",
    "Pr": "CCC", "nPr": "CCC", "iPr": "C(C)C", "CH(CH3)2": "C(C)C", "CHMe2": "C(C)C",
    "cPr": "C9CC9", "cPent": "C9CCCC9", "cHex": "C9CCCCC9", "Cy": "C9CCCCC9", "cBu": "C9CCC9",
    "Bu": "CCCC", "nBu": "CCCC", "iBu": "CC(C)C", "sBu": "C(C)CC", "tBu": "C(C)(C)C",
    "C(CH3)3": "C(C)(C)C", "CMe3": "C(C)(C)C", "nPent": "CCCCC", "nHex": "CCCCCC", "nHept": "CCCCCCC",
    "nOct": "CCCCCCCC", "nNon": "CCCCCCCCC", "nDec": "CCCCCCCCCC", "Allyl": "CC=C", "Vinyl": "C=C",
    "CH=CH2": "C=C", "H2C=CH": "C=C", "CCH": "C#C", "Ph": "c9ccccc9", "C6H5": "c9ccccc9", "H5C6": "c9ccccc9",
    "Bn": "Cc9ccccc9", "Bzl": "Cc9ccccc9", "PMB": "Cc9ccc(OC)cc9", "Trt": "C(c7ccccc7)(c8ccccc8)c9ccccc9",
    "CF3": "C(F)(F)F", "F3C": "C(F)(F)F", "CCl3": "C(Cl)(Cl)Cl", "Cl3C": "C(Cl)(Cl)Cl", "CBr3": "C(Br)(Br)Br",
    "CHF2": "C(F)F", "F2HC": "C(F)F", "CH2F": "CF", "FH2C": "CF", "CH2Cl": "CCl", "CH2Br": "CBr", "CHCl2": "C(Cl)Cl",
    "C2F5": "C(F)(F)C(F)(F)F", "CF2CF3": "C(F)(F)C(F)(F)F", "CH2CF3": "CC(F)(F)F", "MOM": "COC", "MEM": "COCCOC",
    "SEM": "COCC[Si](C)(C)C", "THP": "C9CCCCO9", "1-Naph": "c9cccc8ccccc89", "2-Naph": "c9ccc8ccccc8c9",
}  # fmt: skip
_ACYL = {
    "Ac": "C(C)=O", "Bz": "C(=O)c9ccccc9", "Piv": "C(=O)C(C)(C)C", "Boc": "C(=O)OC(C)(C)C", "BOC": "C(=O)OC(C)(C)C",
    "Cbz": "C(=O)OCc9ccccc9", "CBZ": "C(=O)OCc9ccccc9", "Fmoc": "C(=O)OCC9c8ccccc8c7ccccc79",
    "FMOC": "C(=O)OCC9c8ccccc8c7ccccc79", "Alloc": "C(=O)OCC=C", "Troc": "C(=O)OCC(Cl)(Cl)Cl",
    "Ms": "S(C)(=O)=O", "Ts": "S(=O)(=O)c9ccc(C)cc9", "Tos": "S(=O)(=O)c9ccc(C)cc9", "Tf": "S(=O)(=O)C(F)(F)F",
    "TMS": "[Si](C)(C)C", "SiMe3": "[Si](C)(C)C", "TES": "[Si](CC)(CC)CC", "TBS": "[Si](C)(C)C(C)(C)C",
    "TBDMS": "[Si](C)(C)C(C)(C)C", "TBDPS": "[Si](c7ccccc7)(c8ccccc8)C(C)(C)C",
    "TIPS": "[Si](C(C)C)(C(C)C)C(C)C",
}  # fmt: skip
_OTHER = {
    "CN": "C#N", "CHO": "C=O", "OHC": "C=O", "CO2H": "C(=O)O", "COOH": "C(=O)O", "HO2C": "C(=O)O", "HOOC": "C(=O)O",
    "C(O)OH": "C(=O)O", "CO2-": "C(=O)[O-]", "COO-": "C(=O)[O-]", "CONH2": "C(N)=O", "H2NOC": "C(N)=O",
    "C(O)NH2": "C(N)=O", "COCl": "C(Cl)=O", "NO2": "[N+](=O)[O-]", "O2N": "[N+](=O)[O-]", "NO": "N=O", "ON": "N=O",
    "N3": "N=[N+]=[N-]", "NCO": "N=C=O", "NCS": "N=C=S", "SCN": "SC#N", "NHOH": "NO", "NHNH2": "NN", "H2NHN": "NN",
    "ONH2": "ON", "SO3H": "S(=O)(=O)O", "HO3S": "S(=O)(=O)O", "SO3-": "S(=O)(=O)[O-]", "SO2NH2": "S(N)(=O)=O",
    "H2NO2S": "S(N)(=O)=O", "SO2Cl": "S(=O)(=O)Cl", "SO2F": "S(=O)(=O)F", "SF5": "S(F)(F)(F)(F)F",
    "F5S": "S(F)(F)(F)(F)F", "PO3H2": "P(=O)(O)O", "H2O3P": "P(=O)(O)O", "OPO3H2": "OP(=O)(O)O", "OSO3H": "OS(=O)(=O)O",
    "B(OH)2": "B(O)O", "(HO)2B": "B(O)O", "Bpin": "B9OC(C)(C)C(C)(C)O9", "CH2OH": "CO", "HOH2C": "CO", "CH2NH2": "CN",
    "H2NH2C": "CN", "CH2CN": "CC#N", "CH2CO2H": "CC(=O)O", "CH2COOH": "CC(=O)O", "NMe3+": "[N+](C)(C)C",
    "C(NH)NH2": "C(=N)N", "NHC(NH)NH2": "NC(=N)N", "NHCONH2": "NC(N)=O",
}  # fmt: skip
# Groups with two free bonds at one atom.
_BRIDGES = {
    "CO": "C(=O)", "C=O": "C(=O)", "C(O)": "C(=O)", "SO2": "S(=O)(=O)", "O2S": "S(=O)(=O)", "SO": "S(=O)",
    "CF2": "C(F)(F)", "F2C": "C(F)(F)", "CMe2": "C(C)(C)", "C(CH3)2": "C(C)(C)", "CHOH": "C(O)", "C=S": "C(=S)",
    "SiMe2": "[Si](C)(C)",
}  # fmt: skip
# Patterns of composed groups; G is a carbon group or an acyl, sulfonyl or silyl group.
_COMPOSED = {
    "O{G}": "O{s}", "{G}O": "O{s}", "NH{G}": "N{s}", "HN{G}": "N{s}", "{G}HN": "N{s}", "N{G}2": "N({s}){s}",
    "N({G})2": "N({s}){s}", "{G}2N": "N({s}){s}", "S{G}": "S{s}", "{G}S": "S{s}", "CH2O{G}": "CO{s}",
    "CH2NH{G}": "CN{s}", "OCH2{G}": "OC{s}", "CH2{G}": "C{s}",
}  # fmt: skip
_OF_CARBON = {
    "CO2{G}": "C(=O)O{s}", "COO{G}": "C(=O)O{s}", "C(O)O{G}": "C(=O)O{s}", "{G}O2C": "C(=O)O{s}", "{G}OOC": "C(=O)O{s}",
    "CO{G}": "C(=O){s}", "C(O){G}": "C(=O){s}", "{G}OC": "C(=O){s}", "OCO{G}": "OC(=O){s}", "CH2CO2{G}": "CC(=O)O{s}",
    "CH2COO{G}": "CC(=O)O{s}", "CONH{G}": "C(=O)N{s}", "C(O)NH{G}": "C(=O)N{s}", "{G}HNOC": "C(=O)N{s}",
    "CON{G}2": "C(=O)N({s}){s}", "{G}2NOC": "C(=O)N({s}){s}", "NHCO{G}": "NC(=O){s}", "NHC(O){G}": "NC(=O){s}",
    "NHCO2{G}": "NC(=O)O{s}", "NHCOO{G}": "NC(=O)O{s}", "SO2{G}": "S(=O)(=O){s}", "{G}O2S": "S(=O)(=O){s}",
    "SO{G}": "S(=O){s}", "NHSO2{G}": "NS(=O)(=O){s}", "SO2NH{G}": "S(=O)(=O)N{s}", "SO2N{G}2": "S(=O)(=O)N({s}){s}",
    "PO(O{G})2": "P(=O)(O{s})O{s}", "P(O)(O{G})2": "P(=O)(O{s})O{s}", "OSO2{G}": "OS(=O)(=O){s}",
}  # fmt: skip
_LETTER_HYPHEN = re.compile(r"(?<![a-z])(?:([nistc])-|(sec|tert|iso|cyclo)-?)(?=[A-Z])")
_ONE_ATOM = re.compile(r"(?:H(\d?))?(C|N|O|S|P|B|Si|Se|F|Cl|Br|I)(?:H(\d?))?(?:(\d?)([+-])|([+-])(\d))?")


def find_group(label: str, bonds: int) -> str | None:
    """Find the group that the text of an atom stands for.

    Args:
        label: The text, such as "COOEt".
        bonds: The number of single bonds of the atom.

    Returns:
        Its SMILES, which begins with the atom that has the bonds; None where the text is not known with so many bonds.
    """
    return _list_groups().get((clean_label(label), bonds))


def read_one_atom(label: str) -> tuple[str, int | None, int] | None:
    """Read the text of a single atom, such as "NH2", "HO" or "N+".

    Returns:
        The element, the number of hydrogens (None where the text has none) and the charge; None for any other text.
    """
    match = _ONE_ATOM.fullmatch(clean_label(label))
    if match is None:
        return None
    before, symbol, after, size, sign, sign_first, size_last = match.groups()
    if before is not None and after is not None:
        return None
    given = before if before is not None else after
    hydrogens = None if given is None else int(given or 1)
    charge = int(size or size_last or 1) * (-1 if (sign or sign_first) == "-" else 1) if sign or sign_first else 0
    return symbol, hydrogens, charge


def clean_label(label: str) -> str:
    """Write a text as the list has it: subscripts as digits, "t-Bu" as "tBu", without spaces."""
    text = unicodedata.normalize("NFKC", label).replace("\u2212", "-").replace("\u2013", "-")
    text = re.sub(r"</?su[bp]>|\s", "", text)
    return _LETTER_HYPHEN.sub(lambda match: match[1] or match[2][0], text)


@lru_cache(1)
def _list_groups() -> dict[tuple[str, int], str]:
    groups = {(label, 1): smiles for label, smiles in _compose()}
    groups |= {(label, 1): smiles for label, smiles in (_CARBON | _ACYL | _OTHER).items()}
    groups |= {(label, 2): smiles for label, smiles in _BRIDGES.items()}
    groups |= {(f"N{name}", 2): f"N({smiles})" for name, smiles in (_CARBON | _ACYL).items()}
    return groups


def _compose() -> Iterator[tuple[str, str]]:
    for patterns, groups in ((_COMPOSED, _CARBON | _ACYL), (_OF_CARBON, _CARBON)):
        for name, smiles in groups.items():
            for pattern, composed in patterns.items():
                yield pattern.format(G=name), composed.format(s=smiles)

"""The nasty file: every kind of bad row, each with the stage that must answer for it (None: accepted)."""

from __future__ import annotations

# (SMILES cell, what it becomes or None, stage of the rejection or None)
ROWS: list[tuple[str, str | None, str | None]] = [
    ("CCO", "CCO", None),
    ("OCC", None, "duplicate"),
    ("CC(=O)[O-].[Na+]", "CC(=O)O", None),  # salt, charge
    ("C[NH3+].[Cl-]", "CN", None),
    ("C[N+](C)(C)CC(=O)[O-]", "C[N+](C)(C)CC(=O)[O-]", None),  # a zwitterion keeps its charges
    ("N[C@@H](C)C(=O)O", "C[C@H](N)C(=O)O", None),  # stereo
    ("F/C=C/F", "F/C=C/F", None),
    ("[13CH3]C#N", "CC#N", None),  # isotope
    ("[2H]C([2H])([2H])S", "CS", None),
    ("CS(=O)c1ccccc1", "CS(=O)c1ccccc1", None),
    ("C[S+]([O-])c1ccccc1", None, "duplicate"),
    ("CN(=O)=O", "C[N+](=O)[O-]", None),
    ("[CH3:7]CCC", "CCCC", None),  # atom map
    ("C->[Pt]", "C", None),  # dative bond to a metal: disconnected
    ("CN(C)(C)->BC", None, "bonds"),  # dative bond that stays
    ("*CC", None, "elements"),  # wildcard
    ("[R1]CC", None, "parse"),
    ("[Fe]", None, "elements"),
    ("OCl(=O)(=O)=O", "[O-][Cl+3]([O-])([O-])O", None),  # perchloric acid, as RDKit writes it
    ("C[NH3+].[O-]Cl(=O)(=O)=O", None, "duplicate"),
    ("CC~C", None, "bonds"),
    ("CC(=O)OI(OC(C)=O)c1ccccc1", None, "encode"),  # hypervalent iodine
    ("C" * 10_000, None, "read"),
    ("C" * 130, None, "size"),
    ("[H][H]", None, "size"),
    ("C1CC", None, "parse"),
    ("c1cccc1", None, "parse"),
    ("CC(C)(C)(C)C", None, "parse"),
    ("not a molecule", None, "parse"),
    ("Ünsinn", None, "read"),
    ("\x00\x01\x02", None, "read"),
    ("", None, "read"),
    ("NaN", None, "read"),
    ("None", None, "parse"),
    ("NA", None, "parse"),
    ("   CCN   ", "CCN", None),
]

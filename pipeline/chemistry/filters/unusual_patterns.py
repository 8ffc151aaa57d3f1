"""Lists patterns (SMARTS) of structures that the rules of valence allow, but that chemists hardly make: what reacts at once, or falls apart.

They stand beside the counts of atom environments (`pipeline.chemistry.filters.structure_counts`), which do not see what every atom for itself
makes look usual. Each pattern leaves out the ordinary relatives: an enol of a 1,3-dicarbonyl compound, the enamine of a
dihydropyridine, the aminal of an amide.
"""

from __future__ import annotations

from collections.abc import Iterator

from rdkit import Chem
from rdkit.Chem import Mol

_SHORT = {
    "{acceptor}": "[$([C,S,N,P;!a]=[O,N,S]),$(C#N),$([N+](=O)[O-]),$(C(F)(F)F),$([#6]=,:[N+]),$(c[n,o])]",
    "{amine}": "[NX3;!$(N[C,S,P]=[O,S,N]);!$(N[C;!a]#N);!$(N[N,O])]",
}
"""A group that takes up electrons, and so keeps an enol or an enamine next to it; and an amine that is no amide, amidine or hydrazine."""

_FREE = "!$([#6]={acceptor});!$(C{acceptor});!$([#6]=[#6]{acceptor});!$([#6]=[#6][#6]=[#6]{acceptor})"

GROUPS: dict[str, dict[str, str]] = {
    "C=C": {
        "double bond at a ring of three": "[C;r3]=[C;!r3]",
        "polyene": "[C;!R]=[C;!R][C;!R]=[C;!R][C;!R]=[C;!R]",
        "cross-conjugated polyene": "[CX3;!R]=[C;!R]([C;!R]=[C;!R])[C;!R]=[C;!R]",
        "cyclopentadiene": "[C;r5]1=[C;r5][C;r5]=[C;r5][C;r5;!$(C=[O,N])]1",
        "carbocyclic diene that would become aromatic": "[$([C;r6;!H0;X4]1[C;r6]=[C;r6][C;r6]=[C;r6][C;r6;!H0;X4]1),"
        "$([C;r6;!H0;X4]1[C;r6]=[C;r6][C;r6;!H0;X4][C;r6]=[C;r6]1)]",
        "ketone that would become a phenol": "[$([CX3]1(=O)[C;r6]=[C;r6][C;r6]=[C;r6][C;r6;X4;!H0]1),"
        "$([CX3]1(=O)[C;r6]=[C;r6][C;r6;X4;!H0][C;r6]=[C;r6]1),$([CX3]1(=O)[C;r6;X4;!H0][C;r6]=[C;r6][C;r6]=[C;r6]1)]",
        "quinodimethane": "[$([CX3;!R]=[C;r6]1[C;r6]=[C;r6][C;r6](=[CX3;!R])[C;r6]=[C;r6]1),"
        "$([CX3;!R]=[C;r6]1[C;r6]=[C;r6][C;r6]=[C;r6][C;r6]1=[CX3;!R])]",
        "diene in a ring of seven or eight": "[$([C;r7]=[C;r7]~[r7]~[C;r7]=[C;r7]),$([C;r7]=[C;r7][C;r7]=[C;r7]),"
        "$([C;r8]=[C;r8]~[r8]~[r8]~[C;r8]=[C;r8]),$([C;r8]=[C;r8]~[r8]~[C;r8]=[C;r8]),$([C;r8]=[C;r8][C;r8]=[C;r8])]",
    },
    "[#7,#8,#16]C=C": {
        "diene in a ring with a heteroatom": "[O,N,S;r6]1[C;r6]=[C;r6;!$(C{acceptor})][C;r6]=[C;r6;!$(C{acceptor})][C,N;r6;!$(*=*)]1",
        "primary enamine": f"[NX3;H2][C;{_FREE}]=[CX3]",
        "secondary enamine": f"[NX3;H1;!$(N[C,S,P]=[O,S,N]);!$(N[N,O])][C;!R;{_FREE}]=[CX3]",
        "enamine outside a ring": f"[$({{amine}});H0][C;!R;{_FREE}]=[CX3;!R]",
        "enol": f"[OX2;H1][C;{_FREE}]=[CX3]",
        "vinyl ether": f"[OX2;H0;!R;!$(O[C,S,P]=O)][C;!R;{_FREE}]=[CX3;!R]",
        "ketene acetal": "[OX2,NX3,SX2;!R][C;!R](=[CX3;!$(C{acceptor})])[OX2,NX3,SX2]",
        "vinyl thioether": f"[SX2;!R][C;{_FREE}]=[CX3]",
        "enethiol": "[SX2;H1][C]=[CX3]",
    },
    "[#6;X2]": {
        "acyl cyanide": "O=[CX3]([#6,#1])C#N",
        "allene in a ring": "[R]=[R]=[R]",
        "allene or cumulene": "[#6]=[#6;X2]=[#6]",
        "heterocumulene": "[!#6;!#1;+0]=[C;!R]=[C,N;!R]",
        "cyanate": "[$(N#C[O,N;H0,H1;!$(N[#6]=[N,O,S]);!$(N=C)]C#N),$(N#CO),$(C(C#N)(C#N)C#N)]",
        "alkyne of phosphorus": "[#6]#[#15]",
        "alkyne in a ring": "[R]#[R]",
        "ynamine": "[#7]C#C",
        "ynol ether": "[O,S,P]C#C",
        "halogen at an alkyne": "[F,Cl,Br]C#C",
        "three alkynes in a row": "[C,N]#CC#CC#[C,N]",
        "diyne with hydrogen": "[CX2;H1]#CC#C",
    },
    "*=[#7,S;X1,X2]": {
        "imine of ammonia": "[$([NX2;H1]=[C;!$(C[N,O,S,n]);!$(C=[N+])]),$([NX2;H1]=[CX3;H1])]",
        "methylene imine": "[CX3;H2]=[NX2;!$(N[N,O])]",
        "imine of an alkyl aldehyde or ketone": "[$([CX3;H1][CX4]),$([CX3]([CX4])[CX4])]=[NX2;!R;!$(N[N,O,S])]",
        "azacyclopentadiene": "[$([C;r5]=[N;r5][C;r5]=[C;r5][C;r5;X4]),$([C;r5]=[N;r5][C;r5;X4][C;r5]=[C;r5])]",
        "2-azadiene": "[CX3;!R]=[CX3;!R;!$(C{acceptor})][NX2;!R]=[CX3;!R]",
        "imidic acid": "[OX2;H1][C;!R]=[NX2;!R;!$(N[N,O])]",
        "imidothioic acid": "[SX2;H1][C;!R]=[NX2;!R;!$(N[N,O])]",
        "thioketone": "[SX1]=[CX3;!$(C[#7,#8,#16]);!$(C=C)]",
        "alkyl azo group": "[CX4;!R]N=[N;!R;!$(N[#7])]",
        "diazene": "[NX2;H1]=N",
        "triazene of an alkyl group": "[CX4;!R][$(N=NN),$([NX3]N=[N;!$(Nc)])]",
        "diazo group": "[N-]=[N+]=[#6]",
        "sulfur-nitrogen double bond": "[SX3,SX2]=[NX2]",
    },
    "[#7,#8,#16v2;!a]~[#7,#8,#16;!a;X1,X2,X3]": {
        "peroxide": "[O;X2;!r6]-[O;X2]",
        "three nitrogens in a row": "[#7;X3]-[#7;X3;!R]-[#7;X3]",
        "three single-bonded nitrogens": "[NX3]-[NX3]-[NX3]",
        "chain of sulfur": "[S;X2][S;X2]~[S,O]",
        "hydrodisulfide": "[SX2;H1][#7,#8,#16]",
        "sulfenate": "[SX2]-[OX2]",
        "two oxygens at a nitrogen": "[OX2]-[NX3]-[OX2]",
        "two nitrogens at an oxygen": "[NX3;!$(N=*)]-[OX2]-[NX3]",
        "nitroso group": "[#6,#7;!$([#6]=N)]-[N;X2]=[OX1]",
        "nitrite": "O-[NX2]=O",
        "diazonium": "[#6][N+]#N",
    },
    "[F,Cl,Br,I]": {
        "halogen on another atom than carbon": "[F,Cl,Br,I]-[!#6;!$(S(F)(F)(F)(F)F)]",
        "acyl halide": "[F,Cl,Br,I]C=[O,S]",
        "imidoyl halide": "[F,Cl,Br,I][C;!R]=[NX2;!$(NO)]",
    },
    "[F,Cl,Br,I][CX4][#7,#8,#16]": {
        "halogen beside a heteroatom": "[$([Cl,Br,I][CX4;!$(C(F)F);!$(C(Cl)(Cl)Cl)][NX3,OX2,SX2]),$(F[CX4;!H2;!$(C(F)F)][NX3,OX2;!R])]",
    },
    "N-[SX2]": {
        "sulfenamide": "[#7]-;!@[SX2]",
        "sulfenamide in a ring": "[NX3;R;!$(NC=O)]-;@[SX2;!$(SC=C);!$(Sc)]",
    },
    "[#5,Si,#15]": {
        "borane without oxygen or nitrogen": "[#5;+0;!$([#5]~[O,N,P,o,n])]",
        "silicon with hydrogen": "[Si;!H0]",
        "phosphorus with hydrogen": "[#15;!H0]",
        "phosphorus of oxidation state three": "[P;X3;v3;!$(P(c)(c)[#6])]",
        "double bond of phosphorus with carbon": "[P,p]=,#,:[#6]",
    },
    "[S;!$([SX4;H0](=O)=O)]": {
        "double bond of sulfur with carbon": "[#6]=[SX2,SX3,SX4]",
        "hydrogen on oxidized sulfur": "[S;!v2;!H0]",
        "two heteroatoms beside a thiol": "[SX2;H1][CX4][OX2,NX3,SX2]",
        "thioacid": "[SX2;H1]C=[O,S;!$([S,O]~[N,O])]",
    },
    "[CX4]([#7,#8,#16])[#7,#8,#16]": {
        "geminal diol": "[OX2;H1][CX4;!$(C(F)(F)F);!$(CC(F)(F))][OX2;H1]",
        "hemiaminal": "[$([OX2;H1][CX4;!R][NX3;!$(N=*)]),$([OX2;H1][CX4;R]!@[NX3]),$([OX2;H1][CX4;R]@{amine})]",
        "hemiacetal outside a ring": "[OX2;H1][CX4;!R][$([OX2;H0]),$([SX2;H0])]",
        "two primary amines at a carbon": "[NX3;H2][CX4][NX3,OX2,SX2;!$([NX3]C=[O,N,S])]",
        "aminal outside a ring": "{amine}[CX4;!R]{amine}",
        "O,N-acetal outside a ring": "{amine}[CX4;!R][OX2,SX2;!R;!$(OC=O)]",
        "orthoester outside a ring": "[OX2,NX3,SX2][CX4;!R]([OX2,NX3,SX2])[OX2,NX3,SX2]",
    },
    "[r3,r4]": {
        "double bond in a ring of three or four": "[r3,r4]=[r3,r4]",
        "aromatic ring of three": "[a;r3]",
        "aromatic ring of four": "[a;r4]-[a;r4]",
    },
    "[CX3;H1]=O": {"aldehyde beside a ketone": "[CX3;H1](=O)[CX3;!$(C[N,O])]=O"},
    "[CX3](=O)[O,F,Cl,Br,I,S]": {
        "formate ester": "[CX3;H1](=O)[OX2;H0]",
        "anhydride outside a ring": "[CX3,SX4](=O)[OX2;!R][CX3,SX4]=O",
        "carbonic or carbamic acid": "[OX2;H1][CX3](=O)[O,N,n]",
    },
}
"""Patterns by name, in groups: a molecule that lacks what the key of a group describes has none of its patterns."""

EVERYWHERE = {
    "radical": "[#6v3+0,#6v2+0,#7v2+0,#7v1+0,#8v1+0,#16v1+0]",
    "long chain": "".join(["[CH2;!R]"] * 9),
}
"""Patterns that are looked for in every molecule."""


def _read(smarts: str) -> Mol:
    for _ in range(2):  # an abbreviation may hold another
        for short, long in _SHORT.items():
            smarts = smarts.replace(short, long)
    return Chem.MolFromSmarts(smarts)


PATTERNS: dict[str, Mol] = {
    name: _read(smarts) for group in (*GROUPS.values(), EVERYWHERE) for name, smarts in group.items()
}
"""All patterns, by name."""

_ROOTS: list[tuple[Mol | None, list[tuple[str, Mol]]]] = [
    (_read(root), [(name, PATTERNS[name]) for name in group]) for root, group in GROUPS.items()
]
_ROOTS.append((None, [(name, PATTERNS[name]) for name in EVERYWHERE]))


def find_patterns(mol: Mol) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the names of the patterns that a molecule has, and the atoms of all places of each, sorted."""
    for root, group in _ROOTS:
        if root is None or mol.HasSubstructMatch(root):
            for name, pattern in group:
                if matches := mol.GetSubstructMatches(pattern):
                    yield name, tuple(sorted({atom for match in matches for atom in match}))

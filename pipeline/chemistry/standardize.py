"""Turns any string into a molecule in its standard form, or into a rejection that says at which stage and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rdkit import Chem, rdBase
from rdkit.Chem import Mol
from rdkit.Chem.MolStandardize import rdMolStandardize

from chem_vae.errors import UserError
from pipeline.chemistry.config import StandardizeOptions
from pipeline.chemistry.molblock import parse_molblock
from pipeline.chemistry.molecule import Molecule, Structure
from pipeline.chemistry.refusal import Refused, list_problems

LONGEST_INPUT = 2_000  # characters; longer strings are refused before they are parsed, which takes time without bound
_SHOWN = 500  # characters of an input that a rejection keeps

# An atom that RDKit's clean-up, fragment choice and uncharge might touch: anything but a neutral nonmetal in an
# ordinary valence (so: charges, radicals, metals, wildcards).
_ORDINARY = "#5&v3,#6&v4,#7&v3,#8&v2,#14&v4,#15&v3,#15&v5,#16&v2,#16&v4,#16&v6,#9&v1,#17&v1,#35&v1,#53&v1"
_UNUSUAL_ATOM = Chem.MolFromSmarts(f"[!+0,!$([{_ORDINARY}])]")
# The rules of RDKit's Normalizer that match neutral molecules (not the sulfoxide rule, which is undone anyway).
_NEUTRAL_RULES = Chem.MolFromSmarts(
    "[$([N,P;X3](=[O,S,Se])=[O,S,Se]),$([nH0]=[OH0]),$([N](*)=[N]#[N]),$([N](=*)#[N]),$([C]([OH1;D1])=;!@[N]),"
    "$([F,Cl,Br,I;X0])]"
)
_UNUSUAL_BOND = Chem.MolFromSmarts("*!-&!=&!#&!:*")  # dative, zero-order, quadruple
_LABELED = Chem.MolFromSmarts("[!0*]")
_SEPARATED_SULFOXIDE = Chem.MolFromSmarts("[S,s;X3;+1]-[O;X1;-1]")


@dataclass(frozen=True)
class Rejection:
    """A row that did not become a molecule.

    Args:
        row: Its number, from 0.
        input: Its content, cut where it is long.
        stage: The stage that refused it.
        reason: The reason, for a person.
    """

    row: int
    input: str
    stage: str
    reason: str

    def __post_init__(self) -> None:
        text = self.input.encode("utf-8", "replace").decode("utf-8")
        object.__setattr__(self, "input", text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
        object.__setattr__(self, "reason", self.reason.encode("utf-8", "replace").decode("utf-8"))


class Standardizer:
    """Brings molecules to their standard form; what cannot be is a Rejection, never an exception.

    The stages are, in order: read (empty, too long, not text), parse, clean-up (`cleanup`), largest organic fragment (`fragment`), uncharging,
    isotopes and stereo as the options say, tautomer, `elements`, `bonds`, `size`, canonical SMILES, `inchi`. A neutral
    single-fragment molecule without metals, dative bonds or radicals is left as it is by clean-up, fragment and
    uncharge, so these are skipped: they would take longer than all the rest. Sulfoxides are written `S=O`, not `[S+][O-]`
    as RDKit's Normalizer does, and so stay without charged symbols.

    >>> Standardizer()("C[S+](C)[O-].Cl").smiles
    'CS(C)=O'
    """

    def __init__(self, options: StandardizeOptions | None = None) -> None:
        self.options = options or StandardizeOptions()
        allowed = sorted({read_atomic_number(symbol) for symbol in self.options.elements})
        self._forbidden = Chem.MolFromSmarts("[" + ";".join(f"!#{number}" for number in allowed) + "]")
        self._fragments = rdMolStandardize.LargestFragmentChooser(preferOrganic=True)
        self._uncharger = rdMolStandardize.Uncharger(canonicalOrder=True)
        self._tautomers = rdMolStandardize.TautomerEnumerator() if self.options.tautomers else None

    def __call__(self, structure: Structure, row: int = 0) -> Molecule | Rejection:
        """Standardize a SMILES string, or a molecule, which is not parsed again.

        Args:
            structure: The SMILES, or the molecule.
            row: The row of the input that a rejection names, counted from 0.
        """
        if isinstance(structure, Molecule):
            molecule = structure
            return self._run(lambda: molecule.mol, structure.smiles, row, molecule)
        text = structure
        return self._run(lambda: _parse(text), text, row)

    def from_molblock(self, block: str, row: int = 0) -> Molecule | Rejection:
        """Standardize a record of an SDF file (its mol block, V2000 or V3000)."""
        return self._run(lambda: parse_molblock(block), block, row)

    def _run(
        self, parse: Callable[[], Mol], shown: str, row: int, given: Molecule | None = None
    ) -> Molecule | Rejection:
        try:
            with rdBase.BlockLogs():
                return self._standardize(parse(), given)
        except Refused as refused:
            return Rejection(row, shown, refused.stage, refused.reason)
        except Exception as error:  # RDKit raises many kinds; one bad row must not stop the others
            return Rejection(row, shown, "cleanup", f"RDKit failed: {_read_first_line(error)}")

    def _standardize(self, mol: Mol, given: Molecule | None = None) -> Molecule:
        plain = is_plain(mol)
        mol, changes = self._apply_options(*((mol, []) if plain else self._clean(mol)))
        self._check(mol)
        smiles = Chem.MolToSmiles(mol)
        if changes or not plain or "@" in smiles or "/" in smiles:
            mol, smiles = self._settle(mol, smiles)
        if given is not None and not changes and smiles == given.smiles and given.inchikey:
            return given  # with its InChIKey, which takes longer than all the rest
        inchikey: str = Chem.MolToInchiKey(mol)
        if not inchikey:
            raise Refused("inchi", "InChI cannot name it, so it cannot be told apart from others")
        return Molecule(smiles, inchikey, tuple(changes), mol=mol)

    def _settle(self, mol: Mol, smiles: str) -> tuple[Mol, str]:
        """Parse what was written until it reads back as itself, which after changes of structure may take a second round."""
        for _ in range(4):
            again = Chem.MolFromSmiles(smiles)
            if again is None:
                raise Refused("cleanup", "its standard form cannot be read back")
            again, _ = self._apply_options(*((again, []) if is_plain(again) else self._clean(again)))
            self._check(again)
            before, smiles, mol = smiles, Chem.MolToSmiles(again), again
            if smiles == before:
                return mol, smiles
        raise Refused("cleanup", "its standard form does not settle: each reading gives another SMILES")

    def _clean(self, mol: Mol) -> tuple[Mol, list[str]]:
        options = self.options
        changes: list[str] = []
        start = Chem.MolToSmiles(mol)
        try:
            cleaned = _join_sulfoxides(rdMolStandardize.Cleanup(mol))
        except Exception as error:
            raise Refused("cleanup", f"RDKit cannot clean it up: {_read_first_line(error)}") from None
        smiles = Chem.MolToSmiles(cleaned)
        if smiles != start:
            changes.append("cleaned up")
        if "." in smiles:
            if not options.largest_fragment:
                raise Refused("fragment", "it is a mixture or a salt, and `largest_fragment` is off")
            cleaned = self._fragments.choose(cleaned)
            changes.append("largest fragment")
        if options.uncharge and any(atom.GetFormalCharge() for atom in cleaned.GetAtoms()):
            start = Chem.MolToSmiles(cleaned)
            cleaned = self._uncharger.uncharge(cleaned)
            if Chem.MolToSmiles(cleaned) != start:
                changes.append("uncharged")
        return cleaned, changes

    def _apply_options(self, mol: Mol, changes: list[str]) -> tuple[Mol, list[str]]:
        options = self.options
        if not options.isotopes and mol.HasSubstructMatch(_LABELED):
            mol = Chem.Mol(mol)
            for atom in mol.GetAtoms():
                atom.SetIsotope(0)
            mol = Chem.RemoveHs(mol)
            Chem.AssignStereochemistry(mol, cleanIt=True, force=True)  # a center may have been one by its isotope alone
            changes.append("isotopes removed")
        if not options.stereo and _has_stereo(mol):
            mol = Chem.Mol(mol)
            Chem.RemoveStereochemistry(mol)
            changes.append("stereo removed")
        if self._tautomers is not None:
            canonical = self._tautomers.Canonicalize(mol)
            if Chem.MolToSmiles(canonical) != Chem.MolToSmiles(mol):
                mol = canonical
                changes.append("tautomer")
        return mol, changes

    def _check(self, mol: Mol) -> None:
        heavy = mol.GetNumHeavyAtoms()
        strange = {mol.GetAtomWithIdx(i).GetSymbol() for (i,) in mol.GetSubstructMatches(self._forbidden)}
        if "*" in strange:
            raise Refused("elements", "it holds a wildcard atom (*): it stands for many molecules")
        if strange:
            raise Refused("elements", f"it holds {', '.join(sorted(strange))}, which `elements` does not allow")
        if mol.HasSubstructMatch(_UNUSUAL_BOND):
            raise Refused(
                "bonds", "it holds a dative, zero-order or quadruple bond, which InChI and SELFIES cannot write"
            )
        if heavy < self.options.min_heavy_atoms:
            raise Refused("size", f"{heavy} heavy atoms, `min_heavy_atoms` is {self.options.min_heavy_atoms}")
        if heavy > self.options.max_heavy_atoms:
            raise Refused("size", f"{heavy} heavy atoms, `max_heavy_atoms` is {self.options.max_heavy_atoms}")


def is_plain(mol: Mol) -> bool:
    """Whether clean-up, largest fragment and uncharge leave the molecule as it is; a test compares with them."""
    return not (
        mol.HasSubstructMatch(_UNUSUAL_ATOM)
        or mol.GetRingInfo().NumRings() != mol.GetNumBonds() - mol.GetNumAtoms() + 1  # more than one fragment
        or mol.HasSubstructMatch(_NEUTRAL_RULES)
        or mol.HasSubstructMatch(_UNUSUAL_BOND)
    )


def read_atomic_number(symbol: str) -> int:
    """Return the atomic number of an element.

    Raises:
        UserError: If there is no such element.
    """
    try:
        with rdBase.BlockLogs():
            number = int(Chem.GetPeriodicTable().GetAtomicNumber(symbol))
    except RuntimeError:
        number = 0
    if number <= 0:
        raise UserError(f"{symbol!r} in `elements` is no chemical element; write symbols such as C, N, Cl")
    return number


def _parse(smiles: str) -> Mol:
    if not isinstance(smiles, str):
        raise Refused("read", "no SMILES: the cell is empty")
    text = smiles.strip()
    if not text or text.casefold() == "nan":
        raise Refused("read", "no SMILES: the cell is empty")
    if len(text) > LONGEST_INPUT:
        raise Refused(
            "read", f"{len(text):,} characters, more than the {LONGEST_INPUT:,} that are read as one molecule"
        )
    if not text.isascii() or not text.isprintable():
        raise Refused("read", "not a SMILES: it holds binary data or characters beyond ASCII")
    if " " in text:
        raise Refused("parse", "not a SMILES: it holds a space")
    mol = Chem.MolFromSmiles(text)
    if mol is not None and ":" in text:  # aromatic bonds, or atom maps: labels of a reaction, no part of the molecule
        for atom in mol.GetAtoms():
            atom.SetAtomMapNum(0)
    if mol is None:
        raise Refused("parse", _explain_parse(text))
    if mol.GetNumAtoms() == 0:
        raise Refused("parse", "it has no atoms")
    return mol


def _explain_parse(smiles: str) -> str:
    parameters = Chem.SmilesParserParams()
    parameters.sanitize = False  # type: ignore[assignment]  # the stubs take it for another type
    rough = Chem.MolFromSmiles(smiles, parameters)
    if rough is None:
        return "not a SMILES: RDKit cannot parse it (unknown symbol, or an open bracket, branch or ring)"
    return list_problems(rough)


def _join_sulfoxides(mol: Mol) -> Mol:
    """Write [S+][O-] as S=O; stereo stays, since the neighbors of the atoms keep their order."""
    matches = mol.GetSubstructMatches(_SEPARATED_SULFOXIDE)
    if not matches:
        return mol
    joined = Chem.RWMol(mol)
    for sulfur, oxygen in matches:
        joined.GetAtomWithIdx(sulfur).SetFormalCharge(0)
        joined.GetAtomWithIdx(oxygen).SetFormalCharge(0)
        joined.GetBondBetweenAtoms(sulfur, oxygen).SetBondType(Chem.BondType.DOUBLE)
    plain = joined.GetMol()
    try:
        Chem.SanitizeMol(plain)
    except Chem.MolSanitizeException:
        return mol  # the charges were needed
    return plain


def _has_stereo(mol: Mol) -> bool:
    return any(atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED for atom in mol.GetAtoms()) or any(
        bond.GetStereo() != Chem.BondStereo.STEREONONE or bond.GetBondDir() != Chem.BondDir.NONE
        for bond in mol.GetBonds()
    )


def _read_first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]

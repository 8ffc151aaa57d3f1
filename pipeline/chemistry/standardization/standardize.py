"""Turns any string into a molecule in its standard form, or into a rejection that says at which stage and why."""

from __future__ import annotations

from collections.abc import Callable

from rdkit import Chem, rdBase
from rdkit.Chem import Mol, rdqueries
from rdkit.Chem.MolStandardize import rdMolStandardize

from chem_vae.errors import UserError
from pipeline.chemistry.config import StandardizeOptions
from pipeline.chemistry.molecule import Molecule, Structure
from pipeline.chemistry.standardization.changes import Change
from pipeline.chemistry.standardization.cleanup import UNUSUAL_BOND, is_plain, tidy
from pipeline.chemistry.standardization.metals import cut_salt_bonds, has_metal, refuse_metals
from pipeline.chemistry.standardization.molblock import EXPANDED, has_chiral_flag_zero, parse_molblock
from pipeline.chemistry.standardization.refusal import Refused
from pipeline.chemistry.standardization.refusal import Rejection as Rejection  # where the other rooms look for it
from pipeline.chemistry.standardization.salts import choose_parent
from pipeline.chemistry.standardization.smiles_text import LONGEST_INPUT as LONGEST_INPUT
from pipeline.chemistry.standardization.smiles_text import parse_text
from pipeline.chemistry.standardization.stereo_groups import (
    clear_all_stereo,
    merge_stereoisomers,
    undefine_stereo_groups,
)

LARGEST_TAUTOMER = 60  # heavy atoms; a larger molecule has too many tautomers to enumerate

_CARBON = Chem.MolFromSmarts("[#6]")
_CHARGED_CARBON = Chem.MolFromSmarts("[c;!+0]")
_CHARGED = Chem.MolFromSmarts("[!+0]")
_RADICAL = rdqueries.NumRadicalElectronsGreaterQueryAtom(0)
_LABELED = Chem.MolFromSmarts("[!0*]")


class Standardizer:
    """Brings molecules to their standard form; what cannot be is a Rejection, never an exception.

    The stages are, in order: read (empty, too long, not text), parse, metals (`metal`), the part that the record is about (`fragment`), clean-up
    (`cleanup`), uncharging, isotopes and stereo as the options say, tautomer, `elements`, `bonds`, `size`, canonical SMILES, `inchi`. A neutral
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
        self._metals = frozenset(allowed)
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
            return self._run(lambda: (molecule.mol, []), structure.smiles, row, molecule)
        text = structure
        return self._run(lambda: parse_text(text), text, row)

    def from_molblock(self, block: str, row: int = 0) -> Molecule | Rejection:
        """Standardize a record of an SDF file (its mol block, V2000 or V3000)."""
        return self._run(lambda: _parse_molblock(block, self.options.chiral_flag == "racemic"), block, row)

    def _run(
        self, parse: Callable[[], tuple[Mol, list[Change]]], shown: str, row: int, given: Molecule | None = None
    ) -> Molecule | Rejection:
        try:
            with rdBase.BlockLogs():
                return self._standardize(*parse(), given)
        except Refused as refused:
            return Rejection(row, shown, refused.stage, refused.reason)
        except Exception as error:  # RDKit raises many kinds; one bad row must not stop the others
            return Rejection(row, shown, "cleanup", f"RDKit failed: {_read_first_line(error)}")

    def _standardize(self, mol: Mol, changes: list[Change], given: Molecule | None = None) -> Molecule:
        plain = is_plain(mol)
        if not plain:
            mol, cleaning = self._clean(mol)
            changes = [*changes, *cleaning]
        mol, changes = self._apply_options(mol, changes)
        self._check(mol, plain)
        smiles = Chem.MolToSmiles(mol)
        if changes or not plain or "@" in smiles or "/" in smiles:
            mol, smiles = self._settle(smiles)
        if given is not None and not changes and smiles == given.smiles and given.inchikey:
            return given  # with its InChIKey, which takes longer than all the rest
        inchikey: str = Chem.MolToInchiKey(mol)
        if not inchikey:
            raise Refused("inchi", "InChI cannot name it, so it cannot be told apart from others")
        return Molecule(smiles, inchikey, tuple(dict.fromkeys(changes)), mol=mol)

    def _settle(self, smiles: str) -> tuple[Mol, str]:
        """Parse what was written until it reads back as itself, which after changes of structure may take a second round."""
        for _ in range(4):
            parsed = Chem.MolFromSmiles(smiles)
            if parsed is None:
                raise Refused("cleanup", "its standard form cannot be read back")
            plain = is_plain(parsed)
            again, _ = self._apply_options(*((parsed, []) if plain else self._clean(parsed)))
            self._check(again, plain)
            before, smiles = smiles, Chem.MolToSmiles(again)
            if smiles == before:
                return parsed, smiles  # not the cleaned copy, which does not know which centers are undefined
        raise Refused("cleanup", "its standard form does not settle: each reading gives another SMILES")

    def _clean(self, mol: Mol) -> tuple[Mol, list[Change]]:
        """Clean up what is not plain: refuse metals, choose one part, write groups in the usual form, uncharge."""
        changes: list[Change] = []
        start = Chem.MolToSmiles(mol)
        if metal := has_metal(mol):
            mol = cut_salt_bonds(mol)
            refuse_metals(mol, self._metals)
            start = Chem.MolToSmiles(mol)
        if "." in start:
            if not self.options.largest_fragment:
                raise Refused("fragment", "it is a mixture or a salt, and `largest_fragment` is off")
            mol, changes = self._choose_part(start)
            start = Chem.MolToSmiles(mol)
        cleaned, smiles = tidy(mol, start, metal and has_metal(mol))
        if smiles != start:
            changes.append(Change.CLEANED)
        if self.options.uncharge and cleaned.HasSubstructMatch(_CHARGED):
            neutral = self._uncharger.uncharge(cleaned)
            written = Chem.MolToSmiles(neutral)
            if written != smiles and (
                not cleaned.HasSubstructMatch(_CHARGED_CARBON) or Chem.MolFromSmiles(written) is not None
            ):  # an aromatic ring may need its charge to be one
                cleaned = neutral
                changes.append(Change.UNCHARGED)
        return cleaned, changes

    def _choose_part(self, smiles: str) -> tuple[Mol, list[Change]]:
        texts, changes = choose_parent(smiles, self.options.inorganic)
        mols = [Chem.MolFromSmiles(text) for text in texts]
        if None in mols:
            raise Refused("cleanup", "a part of it cannot be read back")
        if len(mols) == 1:
            return mols[0], changes
        return merge_stereoisomers(mols), [Change.STEREO_GROUP, *changes]

    def _apply_options(self, mol: Mol, changes: list[Change]) -> tuple[Mol, list[Change]]:
        options = self.options
        if not options.isotopes and mol.HasSubstructMatch(_LABELED):
            mol = Chem.Mol(mol)
            for atom in mol.GetAtoms():
                atom.SetIsotope(0)
            mol = Chem.RemoveHs(mol)
            Chem.AssignStereochemistry(mol, cleanIt=True, force=True)  # a center may have been one by its isotope alone
            changes.append(Change.ISOTOPES)
        if not options.stereo and _has_stereo(mol):
            mol = Chem.Mol(mol)
            Chem.RemoveStereochemistry(mol)
            changes.append(Change.STEREO)
        if self._tautomers is not None:
            self._check_size(mol)
            if mol.GetNumHeavyAtoms() > LARGEST_TAUTOMER:
                return mol, [*changes, Change.TAUTOMER_SKIPPED]
            found = self._tautomers.Enumerate(mol)
            if (
                found.status != rdMolStandardize.TautomerEnumeratorStatus.Completed
            ):  # the choice would hang on the input
                return mol, [*changes, Change.TAUTOMER_SKIPPED]
            canonical = self._tautomers.PickCanonical(found)
            if Chem.MolToSmiles(canonical) != Chem.MolToSmiles(mol):
                mol = canonical
                changes.append(Change.TAUTOMER)
        return mol, changes

    def _check(self, mol: Mol, plain: bool) -> None:
        """Check what the options allow; a plain molecule has neither radicals nor charges."""
        strange = {mol.GetAtomWithIdx(i).GetSymbol() for (i,) in mol.GetSubstructMatches(self._forbidden)}
        if "*" in strange:
            raise Refused("elements", "it holds a wildcard atom (*): it stands for many molecules")
        if strange:
            raise Refused("elements", f"it holds {', '.join(sorted(strange))}, which `elements` does not allow")
        if not plain:
            self._check_electrons(mol)
            if mol.HasSubstructMatch(UNUSUAL_BOND):
                raise Refused(
                    "bonds", "it holds a dative, zero-order or quadruple bond, which InChI and SELFIES cannot write"
                )
        self._check_size(mol)
        if not self.options.inorganic and not mol.HasSubstructMatch(_CARBON):
            raise Refused("elements", "it is inorganic: it has no carbon atom; `inorganic` set to true accepts it")

    def _check_electrons(self, mol: Mol) -> None:
        if not self.options.radicals and len(mol.GetAtomsMatchingQuery(_RADICAL)):
            raise Refused(
                "radical",
                "it has unpaired electrons: a radical, a carbene, or a pattern (SMARTS) without hydrogens; "
                "`radicals` set to true accepts it",
            )
        charges = [mol.GetAtomWithIdx(i).GetFormalCharge() for (i,) in mol.GetSubstructMatches(_CHARGED)]
        largest = max(abs(sum(charges)), *map(abs, charges), 0)
        if largest > self.options.max_charge:
            raise Refused("charge", f"a charge of {largest}, `max_charge` is {self.options.max_charge}")

    def _check_size(self, mol: Mol) -> None:
        heavy = mol.GetNumHeavyAtoms()
        if heavy < self.options.min_heavy_atoms:
            raise Refused("size", f"{heavy} heavy atoms, `min_heavy_atoms` is {self.options.min_heavy_atoms}")
        if heavy > self.options.max_heavy_atoms:
            raise Refused("size", f"{heavy} heavy atoms, `max_heavy_atoms` is {self.options.max_heavy_atoms}")


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


def _parse_molblock(block: str, racemic: bool) -> tuple[Mol, list[Change]]:
    """Parse a mol block; stereo that is not one configuration is undefined.

    Args:
        block: The mol block.
        racemic: Whether the chiral flag 0 means a racemate.
    """
    mol = parse_molblock(block)
    changes = [Change.ALIAS] if mol.HasProp(EXPANDED) else []
    if racemic and has_chiral_flag_zero(mol):
        mol, undefined = clear_all_stereo(mol)
    else:
        mol, undefined = undefine_stereo_groups(mol)
    return mol, [Change.STEREO_GROUP, *changes] if undefined else changes


def write_molblock(block: str) -> str:
    """Write the molecule of a mol block as it is given, before anything is changed, as SMILES with its stereo groups (CXSMILES).

    Raises:
        Refused: If it does not describe exactly one molecule.
    """
    with rdBase.BlockLogs():
        mol = parse_molblock(block)
        return str(Chem.MolToCXSmiles(mol, Chem.SmilesWriteParams(), Chem.CXSmilesFields.CX_ENHANCEDSTEREO.real))


def _has_stereo(mol: Mol) -> bool:
    return any(atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED for atom in mol.GetAtoms()) or any(
        bond.GetStereo() != Chem.BondStereo.STEREONONE or bond.GetBondDir() != Chem.BondDir.NONE
        for bond in mol.GetBonds()
    )


def _read_first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]

"""SelfiesVocabulary: SELFIES symbols, and learned merges of symbols, as integers.

Byte-pair merging (Sennrich et al. 2016, arXiv:1508.07909) joins symbols that often stand together into one id. A MOSES
molecule then takes 11 ids instead of 34, so a recurrent net takes a third of the steps; and since any sequence of
SELFIES symbols is a molecule (Krenn et al. 2020, doi:10.1088/2632-2153/aba947), so is any sequence of merged ids.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import selfies

from chem_vae.errors import CheckpointError, VocabularyError

START, END, MASK = 0, 1, 2  # every vocabulary begins with these three ids
SPECIALS = ("[start]", "[end]", "[mask]")
_FIRST_CHARACTER = 0xE000  # private use area: each SELFIES symbol is one character to the tokenizer
_MOST_SYMBOLS = 0xF8FF - _FIRST_CHARACTER
_LONGEST_SYMBOL = 100  # characters
_MOST_IDS = 1 << 16  # tokens have 16 bits
_MOST_EXPANDED = 1 << 21  # symbols that all merges stand for together: merges of merges could double at each step

_PARTS = re.compile(r"\[(?P<bond>[=#/\\-]{0,2})\d*(?P<what>[A-Z][a-z]?|Ring\d|Branch\d)@{0,2}(?:H\d)?(?:[+-]\d)?\]")
_SYMBOL = re.compile(r"\[[^\[\]\s]+\]|\.")

_constraints_lock = threading.RLock()


@contextmanager
def use_bond_constraints(constraints: Mapping[str, int]) -> Iterator[None]:
    """Use these SELFIES bond constraints within the context, then the former ones again.

    selfies keeps them in a process-wide global, and the same SELFIES string decodes differently under another set; so
    they are saved with the vocabulary and held, under a lock, while strings are encoded or decoded.
    """
    with _constraints_lock:
        before = selfies.get_semantic_constraints()
        if before == dict(constraints):
            yield
            return
        selfies.set_semantic_constraints(dict(constraints))
        try:
            yield
        finally:
            selfies.set_semantic_constraints(before)


def get_default_constraints() -> dict[str, int]:
    """Return the bond constraints of the installed selfies release ("default" preset)."""
    return dict(selfies.get_preset_constraints("default"))


def find_relative(symbol: str, known: Container[str]) -> str | None:
    """Find a known symbol of the same element and bond that lacks only stereo, charge, isotope or hydrogens.

    >>> find_relative("[C@@H1]", {"[C]"}), find_relative("[=N+1]", {"[N]", "[=N]"}), find_relative("[Xe]", {"[C]"})
    ('[C]', '[=N]', None)

    Args:
        symbol: A SELFIES symbol.
        known: The known symbols.

    Returns:
        The known symbol; None where there is none.
    """
    found = _PARTS.fullmatch(symbol)
    if found is None:
        return None
    bonds = (found["bond"], "") if found["bond"] else ("",)
    return next((name for bond in bonds if (name := f"[{bond}{found['what']}]") in known), None)


class SelfiesVocabulary:
    """Ids of SELFIES symbols and of merges of them, with the bond constraints under which the strings are meant.

    Ids 0, 1, 2 are [start], [end], [mask]; then come the symbols; then the merges, in the order they were learned.

    Args:
        symbols: Distinct SELFIES symbols.
        merges: Pairs of ids, each pair of lower ids than its own.
        constraints: Bond constraints; the installed release's by default.

    Raises:
        VocabularyError: If a symbol is listed twice, there are too many, or a merge names an id that does not exist yet.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        merges: Sequence[tuple[int, int]] = (),
        constraints: Mapping[str, int] | None = None,
    ) -> None:
        if len(set(symbols)) != len(symbols):
            raise VocabularyError("a vocabulary lists a symbol twice")
        if len(symbols) > _MOST_SYMBOLS:
            raise VocabularyError(f"{len(symbols)} symbols are more than the {_MOST_SYMBOLS} a vocabulary holds")
        self.symbols = tuple(symbols)
        self.merges = tuple((int(a), int(b)) for a, b in merges)
        self.constraints = dict(get_default_constraints() if constraints is None else constraints)
        self._id_of = {symbol: i for i, symbol in enumerate(self.symbols, start=len(SPECIALS))}
        expansion: list[tuple[str, ...]] = [()] * len(SPECIALS) + [(s,) for s in self.symbols]
        expanded = 0
        for left, right in self.merges:
            if not len(SPECIALS) <= min(left, right) <= max(left, right) < len(expansion):
                raise VocabularyError(f"merge ({left}, {right}) names an id that does not exist yet")
            expanded += len(expansion[left]) + len(expansion[right])
            if expanded > _MOST_EXPANDED or len(expansion) >= _MOST_IDS:
                raise VocabularyError(
                    f"the merges stand for more than the {_MOST_EXPANDED:,} symbols a vocabulary holds"
                )
            expansion.append(expansion[left] + expansion[right])
        self._expansion = expansion
        self._text = ["".join(e) for e in expansion]
        self._tokenizer = self._build_tokenizer() if self.merges else None

    # -- learning ------------------------------------------------------------------------------------------------

    @classmethod
    def learn(
        cls, strings: Iterable[str], merges: int = 200, constraints: Mapping[str, int] | None = None
    ) -> SelfiesVocabulary:
        """Learn from SELFIES strings: every symbol that occurs, then `merges` merges by frequency (ties by spelling)."""
        strings = list(strings)
        return cls.learn_merges(sorted(selfies.get_alphabet_from_selfies(strings)), strings, merges, constraints)

    @classmethod
    def learn_merges(
        cls,
        symbols: Sequence[str],
        strings: Iterable[str],
        merges: int,
        constraints: Mapping[str, int] | None = None,
    ) -> SelfiesVocabulary:
        """Learn merges over a known alphabet, by Hugging Face's `tokenizers`.

        Args:
            symbols: The alphabet.
            strings: A sample of SELFIES strings.
            merges: The most merges.
            constraints: Bond constraints of the vocabulary.

        Returns:
            The vocabulary.
        """
        plain = cls(symbols, (), constraints)
        if merges <= 0:
            return plain
        from tokenizers import Tokenizer, models, trainers  # here: loads tokenizers

        tokenizer = Tokenizer(models.BPE())
        # The characters are passed as special tokens' opposite, an initial alphabet: a symbol that the sample lacks stays.
        trainer = trainers.BpeTrainer(
            vocab_size=len(symbols) + merges,
            min_frequency=2,
            show_progress=False,
            initial_alphabet=[plain._character(i) for i in range(len(SPECIALS), len(plain))],
        )
        tokenizer.train_from_iterator((plain._characters(s) for s in strings), trainer=trainer)
        ids = {plain._character(i): i for i in range(len(SPECIALS), len(plain))}
        learned: list[tuple[int, int]] = []
        for left, right in json.loads(tokenizer.to_str())["model"]["merges"]:
            learned.append((ids[left], ids[right]))
            ids.setdefault(left + right, len(plain) + len(learned) - 1)
        return cls(symbols, learned, constraints)

    def extended(self, symbols: Iterable[str]) -> SelfiesVocabulary:
        """Return this vocabulary with more symbols, each new one once, sorted.

        Symbols and merges keep their order, so an id stays the same up to the last old symbol and moves up by the number of new
        ones after it.

        >>> SelfiesVocabulary(["[C]", "[O]"], [(3, 4)]).extended(["[N]", "[C]"]).symbols
        ('[C]', '[O]', '[N]')
        """
        new = sorted(set(symbols) - set(self.symbols))
        first_merge = len(SPECIALS) + len(self.symbols)
        merges = [tuple(i + len(new) if i >= first_merge else i for i in pair) for pair in self.merges]
        return SelfiesVocabulary([*self.symbols, *new], [(a, b) for a, b in merges], self.constraints)

    # -- encode and decode ---------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._expansion)

    def encode(self, string: str) -> list[int]:
        """Encode one SELFIES string as ids, without [start] and [end].

        >>> SelfiesVocabulary(["[C]", "[O]"]).encode("[C][O]")
        [3, 4]

        Raises:
            VocabularyError: If symbols are not in the vocabulary; names them.
        """
        if self._tokenizer is None:
            return self._symbol_ids(string)
        return list(self._tokenizer.encode(self._characters(string)).ids)

    def encode_batch(self, strings: Sequence[str]) -> list[list[int]]:
        """Encode many strings as `encode` does, on all threads that the tokenizer may use."""
        if self._tokenizer is None:
            return [self._symbol_ids(s) for s in strings]
        return [e.ids for e in self._tokenizer.encode_batch([self._characters(s) for s in strings])]

    def decode(self, ids: Iterable[int]) -> str:
        """Decode a sequence of ids into a SELFIES string; stops at [end], passes over [start] and [mask]."""
        parts = []
        for i in ids:
            if i == END:
                break
            parts.append(self._text[i])
        return "".join(parts)

    def expand_token(self, token: int) -> tuple[str, ...]:
        """Return the SELFIES symbols that one id stands for; none for [start], [end] and [mask]."""
        return self._expansion[token]

    def find_missing(self, string: str) -> list[str]:
        """Return the symbols of a SELFIES string that the vocabulary does not know, in order, each once.

        >>> SelfiesVocabulary(["[C]"]).find_missing("[C][Xe][C]")
        ['[Xe]']
        """
        return list(dict.fromkeys(s for s in selfies.split_selfies(string) if s not in self._id_of))

    # -- SMILES under the vocabulary's bond constraints ------------------------------------------------------------

    def to_smiles(self, string: str) -> str:
        """Convert a SELFIES string to SMILES under the vocabulary's constraints; not canonical, "" for an empty molecule."""
        with use_bond_constraints(self.constraints):
            return selfies.decoder(string)

    def from_smiles(self, smiles: str) -> str:
        """Convert a canonical SMILES to SELFIES under the vocabulary's constraints.

        Raises:
            VocabularyError: If SELFIES cannot say it; with the reason.
        """
        with use_bond_constraints(self.constraints):
            return smiles_to_selfies(smiles)

    # -- saving --------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return the vocabulary as plain JSON types, for `from_dict`."""
        return {
            "symbols": list(self.symbols),
            "merges": [list(m) for m in self.merges],
            "constraints": self.constraints,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SelfiesVocabulary:
        """Make the vocabulary that `to_dict` described.

        Raises:
            CheckpointError: If the data is not a vocabulary.
        """
        try:
            merges = [(int(a), int(b)) for a, b in data["merges"]]
            symbols = [str(s) for s in data["symbols"]]
            if strange := [s for s in symbols if not _SYMBOL.fullmatch(s) or len(s) > _LONGEST_SYMBOL]:
                raise ValueError(f"{strange[0][:40]!r} is no SELFIES symbol")
            constraints = {str(k): int(v) for k, v in data["constraints"].items()}
            with use_bond_constraints(constraints):  # selfies refuses what it cannot use
                return cls(symbols, merges, constraints)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise CheckpointError(f"the vocabulary is damaged: {error}") from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SelfiesVocabulary) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.symbols, self.merges))

    def __repr__(self) -> str:
        return f"SelfiesVocabulary({len(self.symbols)} symbols, {len(self.merges)} merges)"

    # -- inside --------------------------------------------------------------------------------------------------

    @staticmethod
    def _character(token: int) -> str:
        return chr(_FIRST_CHARACTER + token)

    def _symbol_ids(self, string: str) -> list[int]:
        try:
            return [self._id_of[s] for s in selfies.split_selfies(string)]
        except KeyError:
            missing = self.find_missing(string)
            raise VocabularyError(
                f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not in the vocabulary of "
                f"{len(self.symbols)} symbols"
            ) from None
        except ValueError as error:  # selfies: a malformed string
            raise VocabularyError(f"not a SELFIES string: {error}") from error

    def _characters(self, string: str) -> str:
        return "".join(map(self._character, self._symbol_ids(string)))

    def _build_tokenizer(self) -> Any:
        from tokenizers import Tokenizer, models  # here: loads tokenizers

        spelled = [""] * len(SPECIALS) + [
            self._character(i) for i in range(len(SPECIALS), len(SPECIALS) + len(self.symbols))
        ]
        ids = {c: i for i, c in enumerate(spelled) if c}
        pairs = []
        for token, (left, right) in enumerate(self.merges, start=len(spelled)):
            pairs.append((spelled[left], spelled[right]))
            spelled.append(spelled[left] + spelled[right])
            ids.setdefault(spelled[token], token)
        return Tokenizer(models.BPE(vocab=ids, merges=pairs))


def smiles_to_selfies(smiles: str) -> str:
    """Convert a canonical SMILES to SELFIES under the bond constraints now in force.

    Raises:
        VocabularyError: If SELFIES cannot say it (hypervalent iodine, wildcards, dative bonds); with the first line of the
            reason that selfies gives.
    """
    try:
        return selfies.encoder(smiles)
    except selfies.EncoderError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise VocabularyError(f"SELFIES cannot encode it: {' '.join(lines)[:300]}") from error
    except (ValueError, RecursionError, KeyError, IndexError, AttributeError, AssertionError) as error:
        raise VocabularyError(f"SELFIES cannot encode it: {type(error).__name__}: {str(error)[:200]}") from error

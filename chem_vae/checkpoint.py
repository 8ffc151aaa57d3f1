"""Save and load models: weights as safetensors, all else as JSON, never a pickle.

A checkpoint folder is enough by itself: `model.safetensors` holds the weights; `model.json` the architecture, the
vocabulary with its bond constraints, the properties with their scales, and a card of where the model comes from.
"""

from __future__ import annotations

import errno
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from chem_vae.atomic_files import read_json, write_json, write_whole
from chem_vae.checkpoint_checks import check_scale, check_sizes, read_config, read_max_length
from chem_vae.data import TokenDataset
from chem_vae.decoding import decode_ids
from chem_vae.errors import CheckpointError, UserError, unknown_name
from chem_vae.model import ChemVAE, Posterior
from chem_vae.tensor_files import read_tensors
from chem_vae.vocabulary import SPECIALS, SelfiesVocabulary, find_relative

FORMAT, FORMAT_VERSION = "chem-vae model", 1
RELATIVES_SHARE = 0.05
"""How likely all new symbols of an element together are at first, as a share of the known symbol that they start from."""


@dataclass(frozen=True)
class ConditionScale:
    """A property that the model is conditioned on, with its mean and deviation over the training split."""

    name: str
    unit: str = ""
    mean: float = 0.0
    std: float = 1.0

    @classmethod
    def fit(cls, name: str, unit: str, values: np.ndarray) -> ConditionScale:
        """Fit the scale of raw values (n,), NaN where unmeasured; a property without spread keeps a deviation of 1."""
        measured = values[np.isfinite(values)].astype(np.float64)
        if len(measured) == 0:
            return cls(name, unit)
        mean, std = float(measured.mean()), float(measured.std())
        return cls(name, unit, mean, std if std > 1e-6 * abs(mean) and std > 0 else 1.0)  # in any unit


@dataclass
class Checkpoint:
    """A model with all that is needed to use it; callers give and get SELFIES strings and raw property units."""

    model: ChemVAE
    vocabulary: SelfiesVocabulary
    scales: tuple[ConditionScale, ...]
    max_length: int
    """Ids after which decoding gives up: more than the longest training molecule has."""
    card: dict[str, Any] = field(default_factory=dict)
    """Where the model comes from: data hash, training time, figures, versions."""

    # -- use -----------------------------------------------------------------------------------------------------

    @property
    def conditions(self) -> list[str]:
        """Names of the properties that the model is conditioned on."""
        return [s.name for s in self.scales]

    def standardize_values(self, values: np.ndarray | Tensor) -> Tensor:
        """Standardize raw property values (n, P), on the model's device; NaN stays NaN."""
        raw = torch.as_tensor(values, dtype=torch.float32, device=self.model.device)
        mean = torch.tensor([s.mean for s in self.scales], device=raw.device)
        std = torch.tensor([s.std for s in self.scales], device=raw.device)
        return (raw - mean) / std

    def make_target(self, wanted: Mapping[str, float], n: int) -> Tensor:
        """Make conditions that ask for some values and leave the others unknown.

        Args:
            wanted: Raw values by the names of properties.
            n: Number of equal rows.

        Returns:
            (n, P) standardized conditions.

        Raises:
            UserError: If the model was not conditioned on a property.
        """
        row = np.full(len(self.scales), np.nan, dtype=np.float32)
        for name, value in wanted.items():
            if name not in self.conditions:
                raise unknown_name("condition of this model", name, self.conditions)
            row[self.conditions.index(name)] = value
        return self.standardize_values(np.tile(row, (n, 1)))

    def encode(self, selfies: Sequence[str], batch_size: int = 512) -> Posterior:
        """Encode SELFIES strings, conditions unknown.

        Args:
            selfies: n strings.
            batch_size: Molecules at a time.

        Returns:
            The posterior (n, D), on the CPU.

        Raises:
            VocabularyError: If a symbol is not in the vocabulary.
        """
        return self.encode_dataset(TokenDataset.from_lists(self.vocabulary.encode_batch(selfies)), batch_size)

    @torch.no_grad()
    def log_likelihood(self, selfies: Sequence[str], conditions: Tensor | None = None, batch_size: int = 512) -> Tensor:
        """Compute log p(x | c) of SELFIES strings, without z.

        Args:
            selfies: n strings.
            conditions: (n, P) standardized, NaN or None unknown.
            batch_size: Molecules at a time.

        Returns:
            (n,) nats, on the CPU.

        Raises:
            VocabularyError: If a symbol is not in the vocabulary.
        """
        self.model.eval()
        data = TokenDataset.from_lists(self.vocabulary.encode_batch(selfies))
        nats = torch.empty(len(data))
        for items, batch in data.iterate_batches(batch_size):
            given = None if conditions is None else conditions[items].to(self.model.device)
            nats[items] = self.model.log_likelihood(batch.tokens.to(self.model.device), None, given).cpu()
        return nats

    @torch.no_grad()
    def encode_dataset(self, data: TokenDataset, batch_size: int = 512) -> Posterior:
        """Encode the molecules of a dataset, conditions unknown; returns the posterior (N, D) on the CPU."""
        self.model.eval()
        mu = torch.empty(len(data), self.model.latent_size)
        logvar = torch.empty_like(mu)
        for items, batch in data.iterate_batches(batch_size):
            posterior = self.model.encode(batch.tokens.to(self.model.device))
            mu[items], logvar[items] = posterior.mu.cpu(), posterior.logvar.cpu()
        return Posterior(mu, logvar)

    def decode(
        self,
        z: Tensor,
        conditions: Tensor | None = None,
        *,
        temperature: float = 0.0,
        guidance: float = 0.0,
        seed: int | None = None,
        batch_size: int = 512,
        prefixes: Sequence[str] | None = None,
    ) -> list[str | None]:
        """Decode latent points into SELFIES strings; see `chem_vae.decoding.decode_ids`.

        Args:
            z: (n, D); rows of NaN are decoded without z.
            conditions: (n, P) standardized, NaN or None unknown.
            temperature: 0 is greedy.
            guidance: How much more closely than it learned the decoder follows the conditions.
            seed: Repeats what is drawn; None draws from torch's own generator.
            batch_size: Molecules at a time.
            prefixes: n SELFIES strings that the molecules begin with; the decoder goes on from there.

        Returns:
            n strings, row i for row i; None where a molecule did not end within `max_length` ids.
        """
        generator = torch.Generator().manual_seed(seed) if seed is not None else None
        begun = self.vocabulary.encode_batch(prefixes) if prefixes is not None else None
        strings: list[str | None] = []
        for start in range(0, len(z), batch_size):
            rows = slice(start, start + batch_size)
            ids = decode_ids(
                self.model,
                z[rows].to(self.model.device),
                None if conditions is None else conditions[rows].to(self.model.device),
                temperature=temperature,
                guidance=guidance,
                max_length=self.max_length,
                generator=generator,
                prefixes=None if begun is None else begun[rows],
            )
            strings += [None if i is None else self.vocabulary.decode(i) for i in ids]
        return strings

    # -- fine-tuning ---------------------------------------------------------------------------------------------

    @torch.no_grad()
    def extended(self, symbols: Sequence[str], scales: Sequence[ConditionScale]) -> Checkpoint:
        """Return a copy for fine-tuning, with further symbols and conditions.

        What was learned is kept: without a new symbol and with the new conditions unknown, a molecule has the z that it had, and the
        likelihood but for the little that the new symbols take.

        Args:
            symbols: SELFIES symbols; those that the vocabulary knows are passed over.
            scales: Properties; those that the model knows are passed over, since their values must go on to mean the same.

        Returns:
            The copy.
        """
        vocabulary = self.vocabulary.extended(symbols)
        known = {s.name for s in self.scales}
        every = (*self.scales, *(s for s in scales if s.name not in known))
        old, new = self.model, ChemVAE(self.model.config, len(vocabulary), len(every)).to(self.model.device)
        first_merge, added = len(SPECIALS) + len(self.vocabulary.symbols), len(vocabulary) - len(self.vocabulary)
        ids = torch.arange(len(self.vocabulary))
        ids[first_merge:] += added
        state, fresh = dict(old.state_dict()), new.state_dict()
        output, bias = state["decoder.to_symbols.weight"], state["decoder.to_symbols.bias"]
        fresh["decoder.to_symbols.weight"][:] = output.mean(dim=0)
        fresh["decoder.to_symbols.bias"][:] = bias[len(SPECIALS) :].min()  # as rare as the rarest symbol
        self._start_like_relatives(vocabulary, state, fresh)
        for name in ("embedding.weight", "decoder.to_symbols.weight", "decoder.to_symbols.bias"):
            fresh[name][ids] = state[name]
            state[name] = fresh[name]
        n = len(self.scales)
        fresh["conditions.unknown"].zero_()
        for name in ("conditions.unknown", "property_head.weight", "property_head.bias"):
            fresh[name][:n] = state[name]
            state[name] = fresh[name]
        value = state["conditions.value.weight"]
        fresh["conditions.value.weight"][:, : value.shape[1]] = value
        state["conditions.value.weight"] = fresh["conditions.value.weight"]
        new.load_state_dict(state)
        return Checkpoint(new.eval(), vocabulary, every, self.max_length, dict(self.card))

    def _start_like_relatives(
        self, vocabulary: SelfiesVocabulary, state: Mapping[str, Tensor], fresh: Mapping[str, Tensor]
    ) -> None:
        """Give each new symbol the weights of a known symbol of the same element, as [C] for [C@H1].

        All new symbols of one relative together begin as likely as RELATIVES_SHARE of it.
        """
        known = {symbol: len(SPECIALS) + i for i, symbol in enumerate(self.vocabulary.symbols)}
        first = len(SPECIALS) + len(known)
        relatives = {
            first + i: known[name]
            for i, symbol in enumerate(vocabulary.symbols[len(known) :])
            if (name := find_relative(symbol, known)) is not None
        }
        count = Counter(relatives.values())
        for new, old in relatives.items():
            fresh["embedding.weight"][new] = state["embedding.weight"][old] + 0.1 * fresh["embedding.weight"][new]
            fresh["decoder.to_symbols.weight"][new] = state["decoder.to_symbols.weight"][old]
            rarer = math.log(RELATIVES_SHARE / count[old])
            fresh["decoder.to_symbols.bias"][new] = state["decoder.to_symbols.bias"][old] + rarer

    # -- save and load -------------------------------------------------------------------------------------------

    def save(self, folder: Path, *, half: bool = False) -> None:
        """Write `model.safetensors` and `model.json` into a folder, each whole or not at all.

        Args:
            folder: The folder; it is made where it is not there.
            half: Write weights in half precision, which takes half the space; they are read back as single precision.
        """
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self.model.state_dict().items()}
        if half:
            state = {name: tensor.half() for name, tensor in state.items()}
        write_safetensors(state, folder / "model.safetensors")
        description = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "config": asdict(self.model.config),
            "vocabulary": self.vocabulary.to_dict(),
            "conditions": [asdict(s) for s in self.scales],
            "max_length": self.max_length,
            "card": self.card,
        }
        write_json(folder / "model.json", description)

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Checkpoint:
        """Load a checkpoint folder.

        Args:
            folder: The folder.
            device: The device that the model is put on.

        Returns:
            The checkpoint, in evaluation mode.

        Raises:
            CheckpointError: If it is missing, damaged, newer than this version, or of an architecture that is not installed.
        """
        description = read_description(folder)
        try:
            vocabulary = SelfiesVocabulary.from_dict(description["vocabulary"])
            scales = tuple(ConditionScale(**check_scale(s)) for s in description["conditions"])
            config = read_config(description["config"])
            max_length, card = read_max_length(description["max_length"]), dict(description["card"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"the checkpoint {folder} is damaged: model.json: {str(error)[:300]}") from error
        state, _ = read_tensors(folder / "model.safetensors")
        try:
            check_sizes(config, len(vocabulary), state)
            model = ChemVAE(config, len(vocabulary), len(scales))
            model.load_state_dict(state)
        except UserError as error:
            raise CheckpointError(
                f"the model {folder} needs a package that is not installed here: {str(error)[:300]}"
            ) from error
        except (RuntimeError, ValueError, TypeError) as error:
            first = str(error).splitlines()[-1].strip()[:300]
            raise CheckpointError(f"the weights in {folder} do not fit its model.json: {first}") from error
        model.to(device).eval()
        return cls(model, vocabulary, scales, max_length, card)


def read_description(folder: Path) -> dict[str, Any]:
    """Read `model.json`.

    Raises:
        CheckpointError: If it is missing, damaged, or of a format that this version does not read.
    """
    try:
        description = read_json(folder / "model.json")
    except FileNotFoundError:
        raise CheckpointError(f"{folder} is not a model: it has no model.json") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"the checkpoint {folder} is damaged: model.json: {error}") from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise CheckpointError(f"{folder}/model.json does not describe a {FORMAT}")
    if description.get("format_version") != FORMAT_VERSION:
        raise CheckpointError(
            f"{folder} is in format {str(description.get('format_version'))[:80]} and this version reads format {FORMAT_VERSION}; "
            "train again, or use the version that wrote it"
        )
    return description


def write_safetensors(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors to a safetensors file that appears whole.

    Args:
        tensors: The tensors by name.
        path: The file.
        metadata: Strings for its header.

    Raises:
        OSError: If the disk is full or fails.
    """
    try:
        with write_whole(path) as partial:
            save_file(dict(tensors), str(partial), metadata=dict(metadata) if metadata else None)
    except SafetensorError as error:  # its own word for an OSError
        full = "No space" in str(error) or "os error 28" in str(error)
        raise OSError(errno.ENOSPC if full else errno.EIO, f"cannot write {path.name}: {error}") from error

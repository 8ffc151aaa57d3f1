"""The molecules that a strategy goes to at once: ask, decode, validate, score, tell, and every sample accounted for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
import torch
from rdkit import Chem
from torch import Tensor

from chem_vae.errors import UserError
from chem_vae.optimizers import STRATEGIES, LatentOptimizer, Problem, create
from chem_vae.progress import Progress
from pipeline.chemistry.metrics import Share
from pipeline.chemistry.properties import compute
from pipeline.chemistry.standardize import Rejection, Standardizer
from pipeline.chemistry.validate import Candidate
from pipeline.generation.annotate import predicted
from pipeline.generation.config import GenerateConfig
from pipeline.models.sampling import draw
from pipeline.models.trained_model import TrainedModel, encode_valid
from pipeline.objectives.desirability import ResolvedObjective, score
from pipeline.objectives.latent_objective import draw_conditions, log_desirability

STALE_BATCHES = 5  # in a row without a molecule that was not there before, after which sampling stops
DIRECT = ("conditional", "gradient", "random")  # strategies that go from the model to molecules at once
COLUMNS = ["smiles", "inchikey", "score", "sample", "selfies", "strategy", "z", "within_target"]


@dataclass
class Found:
    """The distinct molecules that were found, with their values, and the counts on the way."""

    molecules: pd.DataFrame
    """COLUMNS and the objectives' values, in the order in which they were found; of a search by acquisition no selfies, but also
    acquisition, origin, parent, similarity_to_measured, in_domain."""
    counts: dict[str, int]
    """requested, decoded (not of a search), valid, unique."""
    canonical: Share = field(default_factory=lambda: Share(0, 0))
    """Of all strings decoded, drawn again or kept, those spelled canonically (`pipeline.models.sampling`)."""
    warnings: list[str] = field(default_factory=list)


def sample(
    model: TrainedModel,
    objectives: Sequence[ResolvedObjective],
    config: GenerateConfig,
    samples: int,
    progress: Progress,
) -> Found:
    """The ask/tell loop over `samples` latent points; it ends early where nothing new comes any more.

    Raises UserError for a strategy that learns from scores, or one that the model cannot follow to what is wanted.
    """
    first_seed = int(config.seed)
    optimizer = _optimizer(model, objectives, config, first_seed)
    standardizer = Standardizer(model.standardize_options)
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    counts = {"requested": samples, "decoded": 0, "valid": 0, "unique": 0}
    progress("generate", 0, samples)
    done = stale = canonical = decoded = 0
    while done < samples and stale < STALE_BATCHES:
        n = min(config.batch_size, samples - done)
        proposal = optimizer.ask(n)
        drawn = draw(
            optimizer.checkpoint,
            proposal.z,
            proposal.conditions,
            temperature=config.temperature,
            guidance=config.guidance,
            seed=first_seed * 1_000_003 + done,
            redraws=config.redraws,
        )
        canonical, decoded = canonical + drawn.canonical.count, decoded + drawn.canonical.of
        judged = [_standard(c, standardizer) for c in drawn.candidates]
        same = [a.smiles == b.smiles for a, b in zip(judged, drawn.candidates, strict=True)]
        spellings = [s if fine else None for s, fine in zip(drawn.spellings, same, strict=True)]
        smiles = [c.smiles for c in judged]
        z = encode_valid(model.checkpoint, smiles, spellings)
        values, deviations = _values(model, objectives, smiles, z)
        scores = score(objectives, values, n)
        optimizer.tell(proposal, z, torch.from_numpy(scores))
        within = [all(w.hits([values[w.about.name][i]])[0] for w in objectives) for i in range(n)]
        for i, (candidate, string) in enumerate(zip(judged, drawn.strings, strict=True)):
            counts["decoded"] += string is not None
            counts["valid"] += candidate.valid
            if candidate.inchikey is None or candidate.inchikey in seen:
                continue
            seen.add(candidate.inchikey)
            row = {"smiles": candidate.smiles, "inchikey": candidate.inchikey, "score": scores[i], "sample": done + i}
            row |= {"selfies": string, "strategy": config.strategy, "z": z[i]}
            for w in objectives:
                row[f"{w.about.name}_{w.basis}"] = values[w.about.name][i]
                if w.basis == "predicted":
                    row[f"{w.about.name}_predicted_std"] = deviations[w.about.name][i]
            rows.append(row | {"within_target": within[i]})
        done += n
        stale = stale + 1 if len(seen) == counts["unique"] else 0
        counts["unique"] = len(seen)
        progress("generate", done, samples, {"valid": counts["valid"] / done, "unique": len(seen) / done})
    if done < samples:
        counts["requested"] = done
        progress("generate", done, done)
    frame = pd.DataFrame(rows, columns=None if rows else COLUMNS)
    spelled = Share(canonical, decoded)
    return Found(frame, counts, spelled, _warnings(counts, spelled, samples, config))


def _warnings(counts: dict[str, int], canonical: Share, samples: int, config: GenerateConfig) -> list[str]:
    warnings = []
    done, unique = counts["requested"], counts["unique"]
    if config.redraws and canonical.count < 0.25 * canonical.of:
        warnings.append(
            f"only {canonical} of the strings were spelled as the training data would spell their molecules: "
            "the model is young or was trained on little; expect odd structures"
        )
    if done < samples:
        warnings.append(
            f"stopped after {done:,} of {samples:,} samples: the last {STALE_BATCHES} batches brought no molecule that was "
            f"not among the {unique:,} found before; raise the temperature (now {config.temperature:g}) or ask for less"
        )
    elif counts["valid"] and unique < 0.5 * counts["valid"]:
        warnings.append(
            f"only {unique:,} of {counts['valid']:,} valid samples are distinct: raise the temperature (now "
            f"{config.temperature:g}), or ask for less than there is"
        )
    return warnings


def _optimizer(
    model: TrainedModel, objectives: Sequence[ResolvedObjective], config: GenerateConfig, seed: int
) -> LatentOptimizer:
    """The strategy, with what it may know of the model and of what is wanted."""
    assert config.strategy is not None
    checkpoint = model.checkpoint
    if config.strategy in STRATEGIES and config.strategy not in DIRECT:
        raise UserError(
            f"the strategy {config.strategy} learns from scored molecules: use it with `chem-vae optimize`; generate takes "
            f"{' or '.join(DIRECT)}"
        )
    deaf = [w.about.name for w in objectives if w.about.name not in checkpoint.conditions]
    if config.strategy == "conditional" and deaf:
        known = ", ".join(checkpoint.conditions) or "no property"
        raise UserError(
            f"the model was not conditioned on {', '.join(deaf)} (it knows {known}); use --strategy gradient, or train "
            "with it among the conditions"
        )
    problem = Problem(
        checkpoint,
        draw_conditions(objectives, checkpoint),
        log_desirability(objectives, model.predictors),
        model.latent["mu"].float(),
    )
    return create(config.strategy, problem, seed)


def _standard(candidate: Candidate, standardizer: Standardizer) -> Candidate:
    """The candidate in the data's standard form, in which alone the two can be compared."""
    if candidate.molecule is None:
        return candidate
    molecule = standardizer(candidate.molecule, candidate.row)
    if isinstance(molecule, Rejection):  # too large, or an element that the data does not have: as it is
        return candidate
    return replace(candidate, molecule=molecule)


def _values(
    model: TrainedModel, objectives: Sequence[ResolvedObjective], smiles: Sequence[str | None], z: Tensor
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """By property the value (n,) that counts, computed where it can be and predicted where not, and the deviations."""
    values: dict[str, list[float]] = {}
    deviations: dict[str, list[float]] = {}
    mols = [Chem.MolFromSmiles(s) if s is not None else None for s in smiles]
    for w in objectives:
        name = w.about.name
        if w.basis == "computed":
            values[name] = [compute(m, [name])[0] if m is not None else math.nan for m in mols]
            continue
        if (found := predicted(model, name, smiles, z)) is None:
            raise UserError(f"there is no predictor of {name}: too few molecules were measured")
        values[name], deviations[name] = found.mean.tolist(), found.std.tolist()
    return values, deviations

"""From a model to ranked candidates: ask, decode, validate, score, tell, and the honest accounts of it."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rdkit import Chem
from torch import Tensor

from chem_vae.errors import UserError
from chem_vae.optimizers import OPTIMIZERS, Problem, create
from chem_vae.progress import Progress, silent
from pipeline.config import GenerateConfig, Objective
from pipeline.dataset import Dataset
from pipeline.describe import compared, described, novelty_warnings, with_neighbors
from pipeline.measured.batch import already, diverse
from pipeline.measured.config import ACQUISITION
from pipeline.metrics import Share
from pipeline.model import TrainedModel, encode_valid
from pipeline.objectives import Wanted, resolve, score
from pipeline.properties import PROPERTIES, compute
from pipeline.sampling import draw
from pipeline.standardize import Rejection, Standardizer
from pipeline.validate import Candidate

STALE_BATCHES = 5  # in a row without a molecule that was not there before, after which sampling stops
DIRECT = ("conditional", "gradient", "random")  # strategies that go from the model to molecules at once
LEAST_SEARCHED = 1000  # molecules that a search by acquisition looks at; predictions cost nothing but time
PER_CANDIDATE = 10  # molecules decoded for each candidate asked for, unless the user says how many


@dataclass
class GenerationReport:
    """What was generated: the ranked candidates, every valid and distinct molecule, and the counts on the way."""

    candidates: pd.DataFrame
    """Ranked, `n` at most: valid, unique and novel."""
    molecules: pd.DataFrame
    """All valid and distinct molecules, in the order they were first decoded, with the same columns but neighbors. Those
    that are neither within the target nor near the candidates' rank are not described (alerts, scaffold, other
    properties): None and NaN."""
    counts: dict[str, int]
    """requested, decoded, valid, unique, novel, novel (stereo-blind), within target, alert-free (among those); without the
    training data there is no count of novel ones."""
    wanted: list[Wanted]
    config: GenerateConfig
    samples: int
    canonical: Share
    """Of all strings decoded, drawn again or kept, those spelled canonically (`pipeline.sampling`)."""
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    report: dict[str, Any] = field(default_factory=dict)
    """report.json, where a run folder was written."""

    def to_frame(self) -> pd.DataFrame:
        """The candidates, one per row, best first."""
        return self.candidates.copy()


def generate(
    model: TrainedModel | str | Path,
    target: Mapping[str, float] | None = None,
    *,
    config: GenerateConfig | None = None,
    dataset: Dataset | None = None,
    exclude: Collection[str] = (),
    progress: Progress = silent,
    **settings: Any,
) -> GenerationReport:
    """Generate molecules with the wanted properties.

    >>> generate("workspace/models/moses-sample-1a2b3c4d", target={"logp": 2.5}, n=20, seed=0)  # doctest: +SKIP

    target: property -> value, for the common case; any other aim, tolerance or number goes into `config`, or as fields
    of GenerateConfig by name. dataset: what to compare with; found beside the model when not given. exclude: InChIKeys that are
    not to be proposed, as those of an earlier round. A measured property is searched by acquisition (`pipeline.measured`).
    Raises UserError for a property or strategy that the model does not know.
    """
    model = model if isinstance(model, TrainedModel) else TrainedModel.open(model)
    config = config or GenerateConfig()
    if target:
        settings["objectives"] = {**config.objectives, **{k: Objective(target=v) for k, v in target.items()}}
    config = GenerateConfig.model_validate({**config.model_dump(), **settings})
    if config.seed == "date":  # said in the report, so that the night can be repeated
        config = config.model_copy(update={"seed": datetime.now(UTC).date().toordinal()})
    dataset = dataset or model.dataset()
    started = time.monotonic()
    wanted, warnings = resolve(config.objectives, model.properties)
    warnings += novelty_warnings(model, dataset)
    config = config.model_copy(update={"strategy": config.strategy or usual_strategy(wanted, model)})
    samples = config.samples or PER_CANDIDATE * config.n
    if config.strategy == ACQUISITION and config.samples is None:
        samples = max(samples, LEAST_SEARCHED)
    if config.strategy == ACQUISITION:
        molecules, counts, sampling_warnings = _search(model, wanted, config, samples, dataset, progress)
        canonical = Share(0, 0)
    else:
        molecules, counts, canonical, sampling_warnings = _sample(model, wanted, config, samples, progress)
    molecules = compared(molecules, model, dataset)
    if dataset is not None and (exclude or config.strategy == ACQUISITION):
        # what was measured is known, in whichever split it is
        molecules["novel"] = ~molecules["inchikey"].isin(already(dataset, exclude))
        molecules["novel_stereo_blind"] &= molecules["novel"]  # what is known is new in no sense
    eligible = molecules  # without the data novelty is not known, but what is excluded is
    if len(molecules):
        excluded = molecules["inchikey"].isin(set(exclude))
        eligible = molecules[molecules["novel"].fillna(True).astype(bool) & ~excluded]
    new = inside = len(eligible)
    if config.strategy == ACQUISITION:
        if not config.measured.outside_domain:
            eligible = eligible[eligible["in_domain"].astype(bool)]
            counts["in domain"] = inside = len(eligible)
        molecules = molecules.join(_batch(eligible, config))
        eligible = molecules.loc[eligible.index]
    molecules = _described(molecules, eligible, model, wanted, config, progress)
    eligible = molecules.loc[eligible.index]
    if dataset is not None:
        counts["novel"] = int(molecules["novel"].sum())
        counts["novel, stereo-blind"] = int(molecules["novel_stereo_blind"].sum())
    free = eligible["alerts"] == ""
    counts["within target"] = int(eligible["within_target"].sum())
    counts["alert-free"] = int((free & eligible["within_target"]).sum())
    eligible = eligible if config.allow_alerts else eligible[free]
    candidates = _ranked(eligible, config.n)
    candidates = with_neighbors(candidates, dataset, progress)
    if len(candidates) < config.n and config.strategy == ACQUISITION:
        batch = int(molecules["batch"].notna().sum())
        warnings.append(_few_worth_measuring(len(candidates), new, inside, batch, samples, config))
    elif len(candidates) < config.n and counts["requested"] == samples:
        warnings.append(
            f"{config.n} candidates were asked for and {len(candidates)} found among {samples:,} samples; ask for more "
            f"with --samples {max(10 * samples, 1000)}"
        )
    warnings += sampling_warnings
    return GenerationReport(
        candidates,
        molecules,
        counts,
        wanted,
        config,
        counts["requested"],
        canonical,
        warnings,
        time.monotonic() - started,
    )


def usual_strategy(wanted: Sequence[Wanted], model: TrainedModel) -> str:
    """The strategy where none is asked for: of a measured property the search by acquisition, where it can be predicted."""
    measured = [w.about.name for w in wanted if w.basis == "predicted"]
    return ACQUISITION if measured and all(name in model.measured for name in measured) else "conditional"


def _search(
    model: TrainedModel,
    wanted: Sequence[Wanted],
    config: GenerateConfig,
    samples: int,
    dataset: Dataset | None,
    progress: Progress,
) -> tuple[pd.DataFrame, dict[str, int], list[str]]:
    """`pipeline.measured.search`, which only a measured property needs."""
    from pipeline.measured.search import measured_molecules, search

    if all(w.basis == "computed" for w in wanted):
        raise UserError(
            f"the strategy {ACQUISITION} chooses what to measure next: aim at a measured property, or use --strategy conditional"
        )
    known, seed = measured_molecules(dataset, wanted), int(config.seed)
    found = search(model, wanted, samples=samples, config=config.measured, known=known, seed=seed, progress=progress)
    return found.molecules, found.counts, found.warnings


def _batch(eligible: pd.DataFrame, config: GenerateConfig) -> pd.Series[float]:
    """`batch`: the place of a molecule among those that are worth most and unlike each other; NaN for the others."""
    ordered = eligible.sort_values(["acquisition", "sample"], ascending=[False, True], kind="stable")
    first = diverse(
        ordered["smiles"].tolist(),
        _most_chosen(config),
        most_similar=config.measured.most_similar,
        per_scaffold=config.measured.per_scaffold,
    )
    place = pd.Series(np.arange(len(first), dtype=float), index=ordered.index[first], name="batch")
    return place.reindex(eligible.index)


def _most_chosen(config: GenerateConfig) -> int:
    return config.n if config.allow_alerts else 3 * config.n  # some of them will have alerts


def _few_worth_measuring(found: int, new: int, inside: int, batch: int, samples: int, config: GenerateConfig) -> str:
    """Why a search by acquisition has fewer candidates than asked for: `found` of `batch` unlike each other, of `inside` in
    the domain, of `new` molecules that were not there before; and what to loosen."""
    lost, loosen = [], [f"look at more with --samples {max(10 * samples, 1000)}"]
    if new > inside:
        lost.append(f"{new - inside:,} are too unlike the measured ones for a prediction to count")
        loosen.append("lower generate.measured.min_similarity or set generate.measured.outside_domain")
    if inside > batch and batch < _most_chosen(config):
        lost.append(f"{inside - batch:,} are too much like better ones or share their scaffold with them")
        loosen.append("raise generate.measured.most_similar or generate.measured.per_scaffold")
    if batch > found:
        lost.append(f"{batch - found:,} of those chosen have structural alerts")
        loosen.append("allow alerts with generate.allow_alerts")
    return (
        f"{config.n} candidates were asked for and {found} found worth measuring among {new:,} new molecules"
        f"{': ' + ', '.join(lost) if lost else ''}; {', or '.join(loosen)}"
    )


def _sample(
    model: TrainedModel, wanted: Sequence[Wanted], config: GenerateConfig, samples: int, progress: Progress
) -> tuple[pd.DataFrame, dict[str, int], Share, list[str]]:
    """The ask/tell loop. Every sample is accounted for; each distinct molecule becomes one row."""
    checkpoint = model.checkpoint
    first_seed = int(config.seed)
    if config.strategy in OPTIMIZERS and config.strategy not in DIRECT:
        raise UserError(
            f"the strategy {config.strategy} learns from scored molecules: use it with `chem-vae optimize`; generate takes "
            f"{' or '.join(DIRECT)}"
        )
    assert config.strategy is not None
    optimizer = create(config.strategy, _problem(model, wanted, config), first_seed)
    standardizer = Standardizer(model.standardize_options)
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    counts = {"requested": samples, "decoded": 0, "valid": 0, "unique": 0}
    progress("generate", 0, samples)
    done = stale = canonical = decoded = 0
    while done < samples and stale < STALE_BATCHES:
        n = min(config.batch_size, samples - done)
        proposal = optimizer.ask(n)
        seed = first_seed * 1_000_003 + done
        drawn = draw(
            optimizer.checkpoint,
            proposal.z,
            proposal.conditions,
            temperature=config.temperature,
            guidance=config.guidance,
            seed=seed,
            redraws=config.redraws,
        )
        strings = drawn.strings
        canonical, decoded = canonical + drawn.canonical.count, decoded + drawn.canonical.of
        judged = [_standard(c, standardizer) for c in drawn.candidates]
        same = [a.smiles == b.smiles for a, b in zip(judged, drawn.candidates, strict=True)]
        spellings = [s if fine else None for s, fine in zip(drawn.spellings, same, strict=True)]
        z = encode_valid(checkpoint, [c.smiles for c in judged], spellings)
        values, predicted = _values(model, wanted, [c.smiles for c in judged], z)
        scores = score(wanted, values, n)
        optimizer.tell(proposal, z, torch.from_numpy(scores))
        for i, candidate in enumerate(judged):
            counts["decoded"] += strings[i] is not None
            counts["valid"] += candidate.valid
            if candidate.inchikey is None or candidate.inchikey in seen:
                continue
            seen.add(candidate.inchikey)
            row = {"smiles": candidate.smiles, "inchikey": candidate.inchikey, "score": scores[i], "sample": done + i}
            row |= {"selfies": strings[i], "strategy": config.strategy, "z": z[i]}
            for w in wanted:
                row[f"{w.about.name}_{w.basis}"] = values[w.about.name][i]
                if w.basis == "predicted":
                    row[f"{w.about.name}_predicted_std"] = predicted[w.about.name][i]
            row["within_target"] = bool(all(w.hits([values[w.about.name][i]])[0] for w in wanted))
            rows.append(row)
        done += n
        stale = stale + 1 if len(seen) == counts["unique"] else 0
        counts["unique"] = len(seen)
        progress("generate", done, samples, {"valid": counts["valid"] / done, "unique": len(seen) / done})
    warnings = []
    if config.redraws and canonical < 0.25 * decoded:
        warnings.append(
            f"only {Share(canonical, decoded)} of the strings were spelled as the training data would spell their molecules: "
            "the model is young or was trained on little; expect odd structures"
        )
    if done < samples:
        counts["requested"] = done
        progress("generate", done, done)
        warnings.append(
            f"stopped after {done:,} of {samples:,} samples: the last {STALE_BATCHES} batches brought no molecule that was "
            f"not among the {len(seen):,} found before; raise the temperature (now {config.temperature:g}) or ask for less"
        )
    elif counts["valid"] and counts["unique"] < 0.5 * counts["valid"]:
        warnings.append(
            f"only {counts['unique']:,} of {counts['valid']:,} valid samples are distinct: raise the temperature (now "
            f"{config.temperature:g}), or ask for less than there is"
        )
    columns = ["smiles", "inchikey", "score", "sample", "selfies", "strategy", "z", "within_target"]
    frame = pd.DataFrame(rows, columns=None if rows else columns)
    return frame, counts, Share(canonical, decoded), warnings


def _standard(candidate: Candidate, standardizer: Standardizer) -> Candidate:
    """The candidate in the data's standard form, in which alone the two can be compared."""
    if candidate.smiles is None:
        return candidate
    molecule = standardizer(candidate.smiles, candidate.row)
    if isinstance(molecule, Rejection):  # too large, or an element that the data does not have: as it is
        return candidate
    return replace(candidate, smiles=molecule.smiles, inchikey=molecule.inchikey)


def _problem(model: TrainedModel, wanted: Sequence[Wanted], config: GenerateConfig) -> Problem:
    checkpoint = model.checkpoint
    if config.strategy == "conditional":
        deaf = [w.about.name for w in wanted if w.about.name not in checkpoint.conditions]
        if deaf:
            known = ", ".join(checkpoint.conditions) or "no property"
            raise UserError(
                f"the model was not conditioned on {', '.join(deaf)} (it knows {known}); use --strategy gradient, or train "
                "with it among the conditions"
            )

    def draw_conditions(n: int, generator: torch.Generator) -> Tensor:
        raw = torch.full((n, len(checkpoint.conditions)), torch.nan)
        for w in wanted:
            if w.about.name in checkpoint.conditions:
                raw[:, checkpoint.conditions.index(w.about.name)] = w.draw(n, generator)
        return checkpoint.standardized(raw)

    predictors = {w.about.name: model.predictors.get(w.about.name) for w in wanted}
    total = sum(w.weight for w in wanted)

    def log_desirability(z: Tensor) -> Tensor:
        logs = torch.zeros(len(z))
        for w in wanted:
            predictor = predictors[w.about.name]
            assert predictor is not None
            logs = logs + w.weight / total * w.log_desirability(predictor.predict(z).mean)
        return logs

    able = bool(wanted) and all(p is not None for p in predictors.values())
    return Problem(checkpoint, draw_conditions, log_desirability if able else None, model.latent["mu"].float())


def _values(
    model: TrainedModel, wanted: Sequence[Wanted], smiles: Sequence[str | None], z: Tensor
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """By property the value (n,) that counts, computed where it can be and predicted where not, and the deviations."""
    values: dict[str, list[float]] = {}
    deviations: dict[str, list[float]] = {}
    mols = [Chem.MolFromSmiles(s) if s is not None else None for s in smiles]
    for w in wanted:
        name = w.about.name
        if w.basis == "computed":
            values[name] = [compute(m, [name])[0] if m is not None else math.nan for m in mols]
            continue
        if name in model.measured:
            found = model.measured[name].predict(smiles, z)
            values[name], deviations[name] = found.mean.tolist(), found.std.tolist()
            continue
        mean, std = torch.full((len(smiles),), torch.nan), torch.full((len(smiles),), torch.nan)
        fine = torch.isfinite(z).all(dim=1)
        predictor = model.predictors.get(name)
        if predictor is None:
            raise UserError(f"there is no predictor of {name}: too few molecules were measured")
        if fine.any():
            with torch.no_grad():
                mean[fine], std[fine] = predictor.predict(z[fine])
        values[name], deviations[name] = mean.tolist(), std.tolist()
    return values, deviations


def _described(
    molecules: pd.DataFrame,
    eligible: pd.DataFrame,
    model: TrainedModel,
    wanted: Sequence[Wanted],
    config: GenerateConfig,
    progress: Progress,
) -> pd.DataFrame:
    """`described`: the batch and the eligible molecules within the target, then the best of the others; the properties nobody aimed at."""
    aimed = {w.about.name for w in wanted}
    others = [p.name for p in model.properties if p.kind == "computed" and p.name not in aimed and p.name in PROPERTIES]
    order = eligible.index[eligible["within_target"].astype(bool)].tolist() if len(eligible) else []
    if "batch" in eligible:  # the candidates are among them, in the target or not
        order = list(dict.fromkeys([*eligible.index[eligible["batch"].notna()], *order]))
    first = set(order)
    beyond = [i for i in _ordered(eligible).index if i not in first]
    return described(molecules, order, beyond, others, n=config.n, allow_alerts=config.allow_alerts, progress=progress)


def _ranked(eligible: pd.DataFrame, n: int) -> pd.DataFrame:
    """The best n by score (in the order of sampling where nothing is wanted), with their rank."""
    if "batch" in eligible:
        eligible = eligible[eligible["batch"].notna()]
    ordered = _ordered(eligible).head(n).reset_index(drop=True).drop(columns="batch", errors="ignore")
    ordered.insert(0, "rank", np.arange(1, len(ordered) + 1))
    return ordered


def _ordered(molecules: pd.DataFrame) -> pd.DataFrame:
    if "batch" in molecules:
        return molecules.sort_values(["batch", "acquisition"], ascending=[True, False], kind="stable")
    return molecules.sort_values(["score", "sample"], ascending=[False, True], kind="stable", na_position="last")

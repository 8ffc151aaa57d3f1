"""Makes every figure and number of LATENT_SPACE.md, on the capabilities of a model's latent space.

    python benchmarks/latent_space.py --model moses

Writes benchmarks/figures/*.png, benchmarks/results/latent_space.json, and the lines of figures in LATENT_SPACE.md
between their marks. The model's dataset must be in the workspace: held-out molecules come from its test split.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import selfies
import torch
from rdkit import Chem
from steering import steering, steering_figure, steering_figures

import pipeline as mg
from chem_vae.anomaly import compute_surprise
from chem_vae.atomic_files import write_json, write_text
from chem_vae.data import TokenDataset
from chem_vae.latent import interpolate_path
from pipeline.chemistry.output.drawings import draw_grid
from pipeline.chemistry.output.saving import make_captions, save
from pipeline.chemistry.validate import validate
from pipeline.explore.anomaly import anomaly_figure, ranking
from pipeline.explore.calibration import calibration_error, calibration_figure
from pipeline.explore.inputs import tanimoto
from pipeline.explore.reconstruction import robustness_figure
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.kept_molecules import draw_held_out_molecules
from pipeline.workspace.presentation.plot_style import save_figure
from pipeline.workspace.progress.bars import show_progress
from pipeline.workspace.runs import describe_machine, list_versions

HERE = Path(__file__).resolve().parent
PROPRANOLOL, WARFARIN = "CC(C)NCC(O)COc1cccc2ccccc12", "CC(=O)CC(c1ccccc1)c1c(O)c2ccccc2oc1=O"
DRUGS = {
    "propranolol": PROPRANOLOL,
    "warfarin": WARFARIN,
    "diazepam": "CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21",
    "sulfamethoxazole": "Cc1cc(NS(=O)(=O)c2ccc(N)cc2)no1",
    "carbamazepine": "NC(=O)N1c2ccccc2C=Cc2ccccc21",
    "lidocaine": "CCN(CC)CC(=O)Nc1c(C)cccc1C",
}
RESIDUES = (
    "NCC(=O)", "NC(C)C(=O)", "NC(CO)C(=O)", "NC(CC(C)C)C(=O)", "NC(Cc1ccccc1)C(=O)", "NC(CCCCN)C(=O)", "NC(CC(=O)O)C(=O)",
    "NC(CC(N)=O)C(=O)", "NC(Cc1ccc(O)cc1)C(=O)", "NC(CCSC)C(=O)", "NC(CCCNC(=N)N)C(=O)", "NC(Cc1c[nH]c2ccccc12)C(=O)",
)  # fmt: skip
COMPLEXES = (
    "[Fe+2].c1cc[cH-]c1.c1cc[cH-]c1", "N[Pt](N)(Cl)Cl", "[Cu+2].CC(=O)[O-].CC(=O)[O-]", "CC[Hg]Sc1ccccc1C(=O)O",
    "C[Sn](C)(C)c1ccccc1", "CCCC[Sn](Cl)(CCCC)CCCC", "Cl[Pd]Cl", "C[Al](C)C", "CC[Zn]CC", "[Na]c1ccccc1",
    "c1ccc([Sb](c2ccccc2)c2ccccc2)cc1", "O=[Os](=O)(=O)=O", "C[Ge](C)(C)C", "c1ccc([Bi](c2ccccc2)c2ccccc2)cc1",
    "CC(=O)O[Pb](OC(C)=O)(OC(C)=O)OC(C)=O", "Cl[Ti](Cl)(Cl)Cl", "O=C=[Ni](=C=O)(=C=O)=C=O", "CC(C)O[Ti](OC(C)C)(OC(C)C)OC(C)C",
    "Nc1ccc(cc1)[As](=O)(O)O", "CN(C)c1ccc(cc1)[Hg]Cl",
)  # fmt: skip


def reconstruction(model: TrainedModel, figures: Path, progress: Any) -> dict[str, Any]:
    smiles = _held_out(model, 1000)
    frame = mg.reconstruct(model, smiles, progress)
    shown = frame.head(4)
    both = [*shown["canonical"], *shown["decoded"]]
    words = [f"decoded, similarity {s:.2f}" for s in shown["similarity"]]
    draw_grid(both, ["held out"] * 4 + words, figures / "reconstruction.png", columns=4)
    drugs = mg.reconstruct(model, list(DRUGS.values()))
    return {
        "exact": frame.attrs["exact"].to_dict(),
        "mean_similarity": float(frame["similarity"].mean()),
        "drugs_exact": {name: bool(e) for name, e in zip(DRUGS, drugs["exact"], strict=True)},
    }


def conditional(model: TrainedModel, figures: Path, progress: Any) -> dict[str, Any]:
    frame = steering(model, n=300, progress=progress)
    save_figure(steering_figure(frame), figures / "conditional.png", resolution=100)
    pair: dict[str, float] = {}
    about = [p for p in model.properties if p.kind == "computed" and p.name in model.conditions][:2]
    if len(about) == 2:  # any subset of the targets: two at once
        target = {p.name: p.quantiles["0.75"] for p in about}
        found = [s for s in model.sample(300, target, seed=1) if s]
        from pipeline.explore.inputs import compute_values

        values = compute_values(model, found)
        pair = {n: float(np.nanmean(np.abs(np.array(values[f"{n}_computed"]) - v))) for n, v in target.items()}
    return {"one_at_a_time": steering_figures(frame), "two_at_once_mae": pair}


def interpolation(model: TrainedModel, figures: Path, progress: Any) -> dict[str, Any]:
    frame = mg.interpolate(model, PROPRANOLOL, WARFARIN, steps=12)
    captions = make_captions(frame, ["similarity_to_start", "similarity_to_end"])
    captions = [c.replace("similarity to start", "to start").replace("similarity to end", "to end") for c in captions]
    save(frame, figures / "interpolation.png", captions, columns=4)
    strings = draw_held_out_molecules(model, 200).selfies
    z, measure = model.checkpoint.encode(strings).mu, model.measure()
    pairs = [(z[i], z[i + 1]) for i in range(0, len(z) - 1, 2)]
    middles = torch.stack([interpolate_path(a, b, 3, measure)[1] for a, b in pairs])
    straight = torch.stack([(a + b) / 2 for a, b in pairs])
    paths = torch.cat([interpolate_path(a, b, 9, measure) for a, b in pairs])
    decoded = model.decode(paths)
    rows = [decoded[i : i + 9] for i in range(0, len(decoded), 9)]
    return {
        "paths": len(pairs),
        "steps_valid": sum(s is not None for s in decoded) / len(decoded),
        "distinct_per_path_of_9": float(np.mean([len({s for s in row if s}) for row in rows])),
        "ends_come_back": list(frame.attrs["ends_come_back"]),
        "median_nats_of_midpoints": {"prior path": _nats(model, middles), "straight line": _nats(model, straight)},
        "median_nats_of_held_out": float(compute_surprise(model.checkpoint, _tokens(model, strings)).nats.median()),
    }


def around(model: TrainedModel, figures: Path, progress: Any) -> dict[str, Any]:
    new = mg.analogues(model, PROPRANOLOL, 12, progress=progress)
    save(new, figures / "analogues.png", make_captions(new, ["distance", "similarity"]))
    known = mg.neighbors(model, PROPRANOLOL, 8, progress=progress)
    save(known, figures / "neighbors.png", make_captions(known, ["distance", "similarity"]))
    generator = torch.Generator().manual_seed(0)
    sample = draw_held_out_molecules(model, 30)
    whole = sample.smiles(model)
    z = model.checkpoint.encode(sample.selfies).mu
    curve = {}
    from chem_vae.latent import sample_shell

    for radius in (0.25, 0.5, 1.0, 1.5, 2.0, 3.0):
        points = torch.cat(
            [sample_shell(p, radius * model.typical_distance, 20, model.measure().spread, generator) for p in z]
        )
        back = model.decode(points)
        curve[str(radius)] = float(np.nanmean(tanimoto(np.repeat(whole, 20).tolist(), back)))
    return {
        "analogues": {**new.attrs, "found": len(new), "mean_similarity": float(new["similarity"].mean())},
        "neighbors": {"searched": known.attrs["searched"], "mean_similarity": float(known["similarity"].mean())},
        "mean_similarity_by_distance": curve,
        "chance": float(np.nanmean(tanimoto(whole, [*whole[1:], whole[0]]))),
    }


def anomaly(model: TrainedModel, figures: Path, progress: Any) -> dict[str, Any]:
    from sklearn.metrics import roc_auc_score

    drugs = _held_out(model, 1000)
    groups = {
        "held-out molecules": drugs,
        "peptides": list(peptides(200)),
        "scrambled": list(scrambled(drugs[:500])),
        "metal complexes": list(COMPLEXES),
    }
    scorer = mg.AnomalyScorer(model, progress)
    labels = [name for name, members in groups.items() for _ in members]
    frame = scorer.score([s for members in groups.values() for s in members])
    save_figure(
        anomaly_figure(frame, scorer.reference["nats_per_symbol"], labels), figures / "anomaly.png", resolution=110
    )
    marks, order = np.array(labels), ranking(frame)
    heavy = np.array([_heavy(s) for members in groups.values() for s in members])
    scores = {"nats_per_symbol": order}
    for name in ("nats", "reconstruction_nats"):
        raw = frame[name].to_numpy(dtype=float)
        scores[name] = np.where(np.isinf(order), np.inf, raw)
    scores["heavy atoms alone"] = heavy
    out: dict[str, Any] = {"reference": len(scorer.reference["nats"]), "origin": scorer.origin, "auroc": {}}
    for name in list(groups)[1:]:
        use = ((marks == name) | (marks == "held-out molecules")) & ~np.isnan(order)
        out["auroc"][name] = {
            kind: float(roc_auc_score(marks[use] == name, np.nan_to_num(values[use], posinf=1e9)))
            for kind, values in scores.items()
        }
        out["auroc"][name]["of"] = int((marks[use] == name).sum())
    own = frame["percentile"].to_numpy(dtype=float)[marks == "held-out molecules"]
    out["held_out_above_99th_percentile"] = float((own > 99).mean())
    return out


def maps(model: TrainedModel, figures: Path, progress: Any) -> dict[str, Any]:
    out = {}
    for method in ("pca", "tsne"):
        started = time.monotonic()
        made = mg.latent_map(model, method, smiles=list(DRUGS.values()), progress=progress)
        save_figure(made.figure(), figures / f"map-{method}.png", resolution=90)
        out[method] = {"seconds": time.monotonic() - started, "explained": list(made.explained)}
    return out


def dimensions(model: TrainedModel, figures: Path, progress: Any) -> dict[str, Any]:
    frame = mg.traverse(model, PROPRANOLOL, steps=7, which=[0, 1, 2])
    draw_grid(
        frame["smiles"].tolist(),
        make_captions(frame, ["direction", "offset"]),
        figures / "traversal.png",
        7,
        (180, 150),
    )
    made = mg.disentangle(model, progress=progress)
    save_figure(made.figure(), figures / "dimensions.png", resolution=100)
    return {
        "dimensions": len(made.values),
        "molecules": made.molecules,
        "properties": made.summary().to_dict("records"),
    }


def uncertainty(model: TrainedModel, figures: Path, progress: Any) -> dict[str, Any]:
    frame = mg.calibration(model, progress=progress)
    save_figure(calibration_figure(frame), figures / "calibration.png", resolution=110)
    return {"error": calibration_error(frame), "of": int(frame["of"].max()), "origin": frame.attrs["origin"]}


def damage(model: TrainedModel, figures: Path, progress: Any) -> dict[str, Any]:
    frame = mg.robustness(model, n=1000, progress=progress)
    save_figure(robustness_figure(frame), figures / "robustness.png", resolution=110)
    return {"rows": frame.to_dict("records")}


PARTS: dict[str, Callable[[TrainedModel, Path, Any], dict[str, Any]]] = {
    "reconstruction": reconstruction,
    "conditional": conditional,
    "interpolation": interpolation,
    "around": around,
    "anomaly": anomaly,
    "maps": maps,
    "dimensions": dimensions,
    "uncertainty": uncertainty,
    "damage": damage,
}


# -- molecules that are no drugs -----------------------------------------------------------------------------------------


def peptides(n: int) -> Iterator[str]:
    """Random linear peptides of 4 to 8 residues."""
    draw = random.Random(0)
    for _ in range(n):
        yield "".join(draw.choice(RESIDUES) for _ in range(draw.randint(4, 8))) + "O"


def scrambled(smiles: list[str]) -> Iterator[str]:
    """Put the molecules' SELFIES symbols in random order: the same composition, no chemistry."""
    for number, text in enumerate(smiles):
        symbols = list(selfies.split_selfies(selfies.encoder(text)))
        random.Random(number).shuffle(symbols)
        yield selfies.decoder("".join(symbols))


# -- numbers into words ----------------------------------------------------------------------------------------------


def lines(results: dict[str, Any]) -> dict[str, str]:
    """Write the sentence of figures for each part of LATENT_SPACE.md."""
    r, i, a = results["reconstruction"], results["interpolation"], results["around"]
    exact = r["exact"]
    back = sum(r["drugs_exact"].values())
    nats = i["median_nats_of_midpoints"]
    auroc = results["anomaly"]["auroc"]
    rows = results["damage"]["rows"]
    told = [p for p in results["dimensions"]["properties"] if p["gap"] is not None and p["gap"] == p["gap"]]
    steered = "; ".join(
        f"{name}: r {f['r']:.2f}, mean absolute error {f['mae']:.3g}"
        for name, f in results["conditional"]["one_at_a_time"].items()
    )
    two = ", ".join(f"{n} {v:.3g}" for n, v in results["conditional"]["two_at_once_mae"].items())
    return {
        "reconstruction": f"{exact['count']:,} of {exact['of']:,} held-out molecules come back exactly "
        f"({exact['fraction']:.1%}); mean Tanimoto similarity {r['mean_similarity']:.2f}. Of six approved drugs {back} do.",
        "conditional": f"One property at a time: {steered}. "
        + (f"Two at once, mean absolute errors: {two}." if two else ""),
        "interpolation": f"Over {i['paths']} paths between random held-out pairs {i['steps_valid']:.1%} of the steps are "
        f"valid, and nine steps give {i['distinct_per_path_of_9']:.1f} distinct molecules. −log p(x) of what the middle "
        f"decodes to, median: {nats['prior path']:.1f} nats on this path, {nats['straight line']:.1f} on the straight line; "
        f"held-out molecules themselves: {i['median_nats_of_held_out']:.1f}.",
        "around": "Mean similarity of what is decoded at a distance from 30 held-out molecules: "
        + ", ".join(f"{s:.2f} at {d}" for d, s in a["mean_similarity_by_distance"].items())
        + f"; another molecule by chance: {a['chance']:.2f}. Propranolol: {a['analogues']['found']} analogues from "
        f"{a['analogues']['decoded']} points, {a['analogues']['valid']} of them valid.",
        "anomaly": "AUROC against held-out molecules: "
        + "; ".join(
            f"{name} ({f['of']}) {f['nats_per_symbol']:.3f}; the sum {f['nats']:.3f}, size alone {f['heavy atoms alone']:.2f}"
            for name, f in auroc.items()
        )
        + f". {results['anomaly']['held_out_above_99th_percentile']:.1%} of the held-out molecules lie above the 99th "
        f"percentile of {results['anomaly']['reference']:,} {results['anomaly']['origin']}.",
        "maps": f"The first two principal axes hold {sum(results['maps']['pca']['explained']):.1%} of the variance. "
        f"t-SNE of 3,000 molecules takes {results['maps']['tsne']['seconds']:.0f} s.",
        "dimensions": f"Of {results['dimensions']['dimensions']} dimensions, on {results['dimensions']['molecules']:,} "
        "molecules: "
        + "; ".join(
            f"{p['property']}: best {p['value']:.2f} of {p['entropy']:.2f} nats, gap {p['gap']:.3f}" for p in told
        )
        + ".",
        "uncertainty": f"Mean difference of observed and promised coverage on {results['uncertainty']['of']:,} held-out "
        "molecules: "
        + ", ".join(f"{n} {100 * e:.1f} points" for n, e in results["uncertainty"]["error"].items())
        + ".",
        "damage": "; ".join(
            f"{100 * d['masked']:.0f} % hidden: {100 * d['exact_share']:.1f} % exact, similarity {d['similarity']:.2f}"
            for d in rows
        )
        + f" (another molecule: {rows[0]['by_chance']:.2f}; {rows[0]['of']:,} held-out molecules).",
    }


def fill(page: Path, told: dict[str, str]) -> None:
    """Put each sentence between its marks in the page."""
    text = page.read_text(encoding="utf-8")
    for name, sentence in told.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        text, found = re.subn(pattern, lambda m, s=sentence: m.group(1) + s + "\n" + m.group(2), text, flags=re.DOTALL)
        if found != 1:
            raise SystemExit(f"{page.name} has no marks for {name}")
    write_text(page, text)


def _held_out(model: TrainedModel, n: int) -> list[str]:
    return [s for s in draw_held_out_molecules(model, n).smiles(model) if s]


def _tokens(model: TrainedModel, strings: list[str]) -> TokenDataset:
    return TokenDataset.from_lists(model.checkpoint.vocabulary.encode_batch(strings))


def _nats(model: TrainedModel, z: torch.Tensor) -> float:
    """Compute the median -log p(x) of the molecules that latent points decode to, written anew as the training data is."""
    vocabulary = model.checkpoint.vocabulary
    smiles = [c.smiles for c in validate(model.checkpoint.decode(z), vocabulary) if c.smiles]
    strings = [s for s in map(vocabulary.from_smiles, smiles) if not vocabulary.find_missing(s)]
    return float(compute_surprise(model.checkpoint, _tokens(model, strings)).nats.median())


def _heavy(smiles: str) -> int:
    mol = Chem.MolFromSmiles(smiles)
    return mol.GetNumHeavyAtoms() if mol is not None else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="latest")
    parser.add_argument("--workspace", type=Path, default=None)
    parser.add_argument("--figures", type=Path, default=HERE / "figures")
    parser.add_argument("--results", type=Path, default=HERE / "results" / "latent_space.json")
    parser.add_argument("--page", type=Path, default=HERE / "LATENT_SPACE.md")
    given = parser.parse_args()
    import os

    workspace = given.workspace or Path(os.environ.get("CHEM_VAE_WORKSPACE", "workspace"))
    model = mg.load_model(given.model, workspace)
    given.figures.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {
        "model": {"name": model.folder.name, "key": model.key},
        "machine": describe_machine(),
        "versions": list_versions(),
    }
    with show_progress() as progress:
        for name, part in PARTS.items():
            started = time.monotonic()
            results[name] = part(model, given.figures, progress)
            results[name]["seconds"] = round(time.monotonic() - started, 1)
    write_json(given.results, results)
    fill(given.page, lines(results))
    for picture in sorted(given.figures.glob("*.png")):
        print(f"{picture.stat().st_size / 1000:6.0f} kB  {picture}")


if __name__ == "__main__":
    main()

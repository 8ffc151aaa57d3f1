"""Measures generation around the scaffolds of twenty drugs: decoration, linking, superstructure, replacing.

    python benchmarks/scaffolds.py -m moses
    python benchmarks/scaffolds.py -m druglike --drugs 5 --modes linking

For each drug and mode 100 molecules are asked for. Quality is the share of them that are valid, distinct and drug-like
(QED >= 0.6 and SA score <= 4), as SAFE (arXiv:2310.10773) and GenMol (arXiv:2501.06158) take it; molecules that were asked for and
not found count as failed. Their drugs and fragments are others. Nothing but the scaffold is asked for: no objective, no constraint.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rdkit import Chem

from chem_vae import atomic_files
from chem_vae.progress import silent
from pipeline.chemistry.config import ScaffoldConfig
from pipeline.chemistry.filters.structure_filters import has_unusual_motif, learn_usual
from pipeline.chemistry.metrics import measure_internal_diversity
from pipeline.chemistry.properties import compute
from pipeline.chemistry.variation.fragment_cuts import find_rest
from pipeline.chemistry.variation.scaffold_request import open_scaffold
from pipeline.chemistry.variation.scaffold_variation import list_capped
from pipeline.generation.config import SCAFFOLD, GenerateConfig
from pipeline.generation.sampling.constraint_filter import make_constraints
from pipeline.generation.scaffold_search import search_scaffold
from pipeline.models.trained_model import TrainedModel, load_model
from pipeline.workspace.runs import describe_machine

PUBLISHED = {"decoration": 0.40, "linking": 0.22, "superstructure": 0.39}
"""Quality of GenMol, on other drugs."""
QED, SA = 0.6, 4.0


@dataclass(frozen=True)
class Drug:
    """A drug, and what is kept or cut of it."""

    name: str
    smiles: str
    decoration: str
    """A scaffold of it with attachment points."""
    linker: str
    """The fragment between the two parts that are to be linked."""
    superstructure: str
    """A core without attachment points."""
    replaced: str
    """A fragment to replace: an R group at an end of the molecule."""


DRUGS = tuple(
    Drug(*row)
    for row in (
        ("erlotinib", "COCCOc1cc2ncnc(Nc3cccc(C#C)c3)c2cc1OCCOC", "[*:1]Oc1cc2ncnc(N[*:3])c2cc1O[*:2]",
         "[*:1]N[*:2]", "c1ccc(Nc2ncnc3ccccc23)cc1", "C#Cc1cccc([*:1])c1"),
        ("baricitinib", "CCS(=O)(=O)N1CC(CC#N)(n2cc(-c3ncnc4[nH]ccc34)cn2)C1", "[*:1]n1cc(-c2ncnc3[nH]ccc23)cn1",
         "[*:1]n1cc([*:2])cn1", "c1ncc2cc[nH]c2n1", "CCS(=O)(=O)[*:1]"),
        ("celecoxib", "Cc1ccc(-c2cc(C(F)(F)F)nn2-c2ccc(S(N)(=O)=O)cc2)cc1", "[*:1]c1cc([*:2])n(-c2ccc(S(N)(=O)=O)cc2)n1",
         "[*:1]c1cc(C(F)(F)F)nn1[*:2]", "c1ccc(-n2cccn2)cc1", "Cc1ccc([*:1])cc1"),
        ("sitagliptin", "N[C@@H](CC(=O)N1CCn2c(C(F)(F)F)nnc2C1)Cc1cc(F)c(F)cc1F", "N[C@@H](CC(=O)N1CCn2c([*:2])nnc2C1)C[*:1]",
         "[*:1]CC(N)CC(=O)[*:2]", "c1nnc2n1CCNC2", "Fc1cc(F)c([*:1])cc1F"),
        ("rivaroxaban", "O=C(NC[C@H]1CN(c2ccc(N3CCOCC3=O)cc2)C(=O)O1)c1ccc(Cl)s1", "[*:1]NC[C@H]1CN(c2ccc([*:2])cc2)C(=O)O1",
         "[*:1]CC1CN([*:2])C(=O)O1", "O=C1OCCN1c1ccccc1", "O=C1COCCN1[*:1]"),
        ("propranolol", "CC(C)NCC(O)COc1cccc2ccccc12", "[*:1]NCC(O)CO[*:2]",
         "[*:1]OCC(O)C[*:2]", "NCC(O)COc1cccc2ccccc12", "[*:1]c1cccc2ccccc12"),
        ("losartan", "CCCCc1nc(Cl)c(CO)n1Cc1ccc(-c2ccccc2-c2nnn[nH]2)cc1", "[*:1]c1nc(Cl)c(CO)n1[*:2]",
         "[*:1]Cc1ccc([*:2])cc1", "c1ccc(-c2ccccc2-c2nnn[nH]2)cc1", "[*:1]c1nnn[nH]1"),
        ("paroxetine", "Fc1ccc([C@@H]2CCNC[C@H]2COc2ccc3OCOc3c2)cc1", "[*:1][C@@H]1CCNC[C@H]1CO[*:2]",
         "[*:1]CO[*:2]", "c1ccc(C2CCNCC2)cc1", "[*:1]c1ccc2OCOc2c1"),
        ("donepezil", "COc1cc2CC(CC3CCN(Cc4ccccc4)CC3)C(=O)c2cc1OC", "COc1cc2CC([*:1])C(=O)c2cc1O[*:2]",
         "[*:1]CC1CCN([*:2])CC1", "O=C1CCc2ccccc21", "[*:1]Cc1ccccc1"),
        ("haloperidol", "O=C(CCCN1CCC(O)(c2ccc(Cl)cc2)CC1)c1ccc(F)cc1", "OC1([*:1])CCN([*:2])CC1",
         "[*:1]C(=O)CCC[*:2]", "OC1(c2ccccc2)CCNCC1", "[*:1]c1ccc(F)cc1"),
        ("zolpidem", "Cc1ccc(-c2nc3ccc(C)cn3c2CC(=O)N(C)C)cc1", "[*:1]c1nc2ccc(C)cn2c1[*:2]",
         "[*:1]c1nc2ccc(C)cn2c1[*:2]", "c1ccn2ccnc2c1", "[*:1]CC(=O)N(C)C"),
        ("sulfamethoxazole", "Cc1cc(NS(=O)(=O)c2ccc(N)cc2)no1", "[*:1]NS(=O)(=O)c1ccc([*:2])cc1",
         "[*:1]NS(=O)(=O)[*:2]", "NS(=O)(=O)c1ccccc1", "Cc1cc([*:1])no1"),
        ("tofacitinib", "C[C@@H]1CCN(C(=O)CC#N)C[C@@H]1N(C)c1ncnc2[nH]ccc12", "[*:1]N(C)c1ncnc2[nH]ccc12",
         "CC1CCN([*:1])CC1N(C)[*:2]", "Nc1ncnc2[nH]ccc12", "[*:1]C(=O)CC#N"),
        ("ondansetron", "Cc1nccn1CC1CCc2c(c3ccccc3n2C)C1=O", "[*:1]CC1CCc2c(c3ccccc3n2[*:2])C1=O",
         "[*:1]C[*:2]", "O=C1CCCc2[nH]c3ccccc3c12", "Cc1nccn1[*:1]"),
        ("trimethoprim", "COc1cc(Cc2cnc(N)nc2N)cc(OC)c1OC", "[*:1]Oc1c(OC)cc(Cc2cnc(N)nc2N)cc1[*:2]",
         "[*:1]C[*:2]", "c1ccc(Cc2cncnc2)cc1", "COc1cc([*:1])cc(OC)c1OC"),
        ("bupivacaine", "CCCCN1CCCCC1C(=O)Nc1c(C)cccc1C", "[*:1]N1CCCCC1C(=O)N[*:2]",
         "[*:1]C(=O)N[*:2]", "O=C(Nc1ccccc1)C1CCCCN1", "Cc1cccc(C)c1[*:1]"),
        ("omeprazole", "COc1ccc2[nH]c(S(=O)Cc3ncc(C)c(OC)c3C)nc2c1", "[*:1]c1nc2cc([*:2])ccc2[nH]1",
         "[*:1]S(=O)C[*:2]", "c1ccc2[nH]cnc2c1", "Cc1cnc([*:1])c(C)c1OC"),
        ("ciprofloxacin", "O=C(O)c1cn(C2CC2)c2cc(N3CCNCC3)c(F)cc2c1=O", "O=C(O)c1cn([*:1])c2cc([*:2])c(F)cc2c1=O",
         "[*:1]n1cc(C(=O)O)c(=O)c2cc(F)c([*:2])cc12", "O=c1cc[nH]c2ccccc12", "[*:1]N1CCNCC1"),
        ("cetirizine", "OC(=O)COCCN1CCN(C(c2ccccc2)c2ccc(Cl)cc2)CC1", "[*:1]N1CCN(C([*:2])c2ccccc2)CC1",
         "[*:1]N1CCN([*:2])CC1", "C(c1ccccc1)N1CCNCC1", "[*:1]CCOCC(=O)O"),
        ("pioglitazone", "CCc1ccc(CCOc2ccc(CC3SC(=O)NC3=O)cc2)nc1", "[*:1]Oc1ccc(CC2SC(=O)NC2=O)cc1",
         "[*:1]CCO[*:2]", "O=C1CSC(=O)N1", "CCc1ccc([*:1])nc1"),
    )
)  # fmt: skip


def make_request(drug: Drug, mode: str) -> ScaffoldConfig:
    """Say what is kept of a drug in a mode."""
    if mode == "linking":
        return ScaffoldConfig(keep=find_rest(drug.smiles, drug.linker))
    if mode == "replacing":
        return ScaffoldConfig(replace=drug.replaced, molecule=drug.smiles)
    return ScaffoldConfig(keep=drug.decoration if mode == "decoration" else drug.superstructure)


MODES = ("decoration", "linking", "superstructure", "replacing")


def measure(model: TrainedModel, drug: Drug, mode: str, n: int, samples: int, seed: int) -> dict[str, Any]:
    """Generate n molecules around what is kept of a drug, and measure them."""
    request = make_request(drug, mode)
    scaffold = open_scaffold(request)
    config = GenerateConfig(scaffold=request, n=n, seed=seed, strategy=SCAFFOLD)
    started = time.monotonic()
    found = search_scaffold(model, [], config, samples, silent, make_constraints(config, model))
    smiles = found.molecules["smiles"].tolist()[:n]
    seconds = time.monotonic() - started
    mols = [Chem.MolFromSmiles(text) for text in smiles]
    kept = [mol for mol in mols if mol is not None and scaffold.is_in(mol)]
    distinct = {Chem.MolToSmiles(mol): mol for mol in kept}
    good = [compute(mol, ["qed", "sa"]) for mol in distinct.values()]
    own = learn_usual(list_capped(scaffold))
    return {
        "drug": drug.name,
        "mode": mode,
        "scaffold": scaffold.text,
        "asked": n,
        "valid": len(kept) / n,
        "unique": len(distinct) / n,
        "quality": sum(qed >= QED and sa <= SA for qed, sa in good) / n,
        "diversity": measure_internal_diversity(list(distinct)),
        "unusual": sum(has_unusual_motif(mol, own) for mol in distinct.values()) / n,
        "counts": found.counts,
        "seconds": round(seconds, 1),
    }


def summarize(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Average each figure over the drugs, by mode."""
    found = {}
    for mode in MODES:
        some = [row for row in rows if row["mode"] == mode]
        if some:
            figures = ("valid", "unique", "quality", "diversity", "unusual")
            found[mode] = {f: round(sum(row[f] or 0.0 for row in some) / len(some), 4) for f in figures}
            found[mode]["drugs"] = len(some)
            if mode in PUBLISHED:
                found[mode]["published quality"] = PUBLISHED[mode]
    return found


def main() -> None:
    """Run the benchmark and write its figures after each row; print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("-m", "--model", default="moses")
    parser.add_argument("-n", "--number", type=int, default=100)
    parser.add_argument("--samples", type=int, default=None, help="molecules put together; ten per result")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--drugs", type=int, default=len(DRUGS))
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(args.model)
    output = args.output or Path(__file__).parent / "results" / f"scaffolds-{model.folder.name}.json"
    samples = args.samples or 10 * args.number
    about = {
        "model": model.folder.name,
        "key": model.key,
        "seed": args.seed,
        "samples": samples,
        "machine": describe_machine(),
    }
    rows: list[dict[str, Any]] = []
    for drug in DRUGS[: args.drugs]:
        for mode in args.modes.split(","):
            rows.append(measure(model, drug, mode, args.number, samples, args.seed))
            print(json.dumps({k: v for k, v in rows[-1].items() if k not in ("scaffold", "counts")}), flush=True)
            atomic_files.write_text(output, json.dumps({**about, "summary": summarize(rows), "rows": rows}, indent=1))
    for mode, figures in summarize(rows).items():
        print(f"{mode:15}", "  ".join(f"{name} {value:.3g}" for name, value in figures.items()))


if __name__ == "__main__":
    main()

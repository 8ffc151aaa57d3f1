"""Holds molecules to the size of the training molecules where an oracle is asked that a larger molecule may please by size alone."""

from __future__ import annotations

from collections.abc import Sequence

from rdkit.Chem import Mol

from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.sizes import Sizes
from pipeline.objectives.config import USUAL_SIZE, Constraint
from pipeline.optimization.config import OptimizeConfig
from pipeline.oracles.base import Oracle
from pipeline.oracles.computed import ComputedOracle

SIZES = ("mw", "heavy_atoms")


def limit_sizes(
    config: OptimizeConfig, model: TrainedModel, oracle: Oracle, named: Sequence[Mol]
) -> tuple[Constraint, ...]:
    """Make the constraints on the size that hold by default.

    Docking scores and many other scores grow with the molecule, so that a search without a limit ends with ever larger ones.

    Args:
        config: The settings; `usual_size = false`, and a constraint of the user on mw or heavy_atoms, make none.
        model: Its training molecules say which sizes are usual: those of 98 % of them.
        oracle: One that computes properties makes none.
        named: Molecules that the user named: seeds, and what constraints ask for. They widen the limits.

    Returns:
        A constraint on the molecular weight and one on the number of heavy atoms, or none.
    """
    own = any(constraint.property in SIZES for constraint in config.constraints)
    if not config.usual_size or own or isinstance(oracle, ComputedOracle):
        return ()
    sizes = Sizes.measure(model)
    if sizes is None:
        return ()
    sizes = sizes.widen(named)
    return tuple(
        Constraint(property=name, at_least=low, at_most=high, name=f"{USUAL_SIZE}: {name} {low:,} to {high:,}")
        for name, (low, high) in (("mw", sizes.mw), ("heavy_atoms", sizes.heavy_atoms))
    )


def describe_size_limits(limits: Sequence[Constraint], is_widened: bool) -> str:
    """Say in a sentence which sizes molecules are held to, why, and how to change it."""
    others = " and of those that you named" if is_widened else ""
    told = " and ".join(f"{c.property} {c.at_least:,g} to {c.at_most:,g}" for c in limits)
    return (
        f"molecules are held to the sizes of the model's training molecules{others} ({told}), because many scores "
        "rise with the size alone: --within mw=:500 sets another limit, --any-size none"
    )

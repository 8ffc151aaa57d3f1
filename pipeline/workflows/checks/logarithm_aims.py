"""Answers an aim at a raw value whose logarithm is learned, or at a logarithm where the raw value is, with the right option."""

from __future__ import annotations

from chem_vae.errors import UserError
from pipeline.datasets.config import MeasuredProperty
from pipeline.datasets.labels.log_scale import LogScale
from pipeline.datasets.labels.logarithm_names import name_logarithm
from pipeline.datasets.labels.units import split_header
from pipeline.objectives.config import Objective


def compare_with_logarithm(name: str, objective: Objective, wanted: MeasuredProperty) -> None:
    """Compare a name that is asked for with a measured property.

    Args:
        name: What is asked for.
        objective: What is asked of it.
        wanted: A measured property.

    Raises:
        UserError: The name is the raw value, but its logarithm is learned, or the reverse; the message has the option.
    """
    learned = name_logarithm(wanted.name, wanted.unit)
    if wanted.log and name == wanted.name:
        unit = wanted.unit or split_header(wanted.name)[1]
        scale = LogScale.choose(wanted, unit or "nM")
        if scale is not None:
            assumed = "" if unit or scale.sign > 0 else f", if {wanted.name} is in nM"
            raise UserError(
                f"{wanted.name} is learned as {learned}: ask for that, with {translate_aim(objective, learned, scale)}{assumed}"
            )
    if not wanted.log and name == learned != wanted.name:
        unit = wanted.unit or split_header(wanted.name)[1] or "nM"
        raise UserError(
            f"{learned} is asked for, but {wanted.name} is learned as it is; learn its logarithm with "
            f"--property '{wanted.name}={unit}' --log"
        )


def translate_aim(objective: Objective, learned: str, scale: LogScale) -> str:
    """Write what is asked of a raw value as the option that asks the same of its logarithm.

    >>> translate_aim(Objective(target=10), "pIC50", LogScale("IC50", "nM", -1, -9))
    "--target 'pIC50=8'"
    >>> translate_aim(Objective(range=(None, 100)), "pIC50", LogScale("IC50", "nM", -1, -9))
    "--range 'pIC50=7:'"
    """
    is_turned = scale.sign < 0
    if objective.target is not None:
        return f"--target '{learned}={scale.to_learned(objective.target):.3g}'" if objective.target > 0 else learned
    if objective.range is not None and all(end is None or end > 0 for end in objective.range):
        ends = ["" if end is None else f"{float(scale.to_learned(end)):.3g}" for end in objective.range]
        return f"--range '{learned}={':'.join(ends[::-1] if is_turned else ends)}'"
    if objective.maximize or objective.minimize:
        return f"--{'maximize' if objective.maximize is not is_turned else 'minimize'} '{learned}'"
    return learned

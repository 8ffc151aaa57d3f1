"""Settings of the MOSES benchmark."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chem_vae.errors import UserError, unknown_name

PRIORS = ("none", "ancestral", "normal")


@dataclass(frozen=True)
class BenchmarkSettings:
    """Settings of the benchmark: which parts it measures, and how large the samples are."""

    samples: int = 30_000
    """Molecules for the distribution metrics, for each seed; the published figures are of 30,000."""
    seeds: int = 3
    """How many sets of samples."""
    first_seed: int = 0
    """The seed of the first set of samples."""
    prior: str = "none"
    """Where z comes from: none (p(x), without z), ancestral, normal."""
    temperature: float = 1.0
    """The temperature of the decoder for the samples."""
    reconstructions: int = 10_000
    """Test molecules to encode and decode again."""
    targets: int = 10_000
    """Target vectors of protocol B."""
    per_value: int = 500
    """Molecules for each value of a single target."""
    target_temperature: float = 0.7
    """The temperature of the decoder for the samples with targets."""
    guidance: float = 0.0
    """How much more closely than it learned the decoder follows the targets, in protocol B and for single targets."""
    redraws: int = 4
    """How often at most a molecule is drawn again that is not spelled canonically; 0: never."""

    def __post_init__(self) -> None:
        if self.prior not in PRIORS:
            raise unknown_name("prior", self.prior, PRIORS)
        for name in ("samples", "seeds", "reconstructions", "targets", "per_value"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} should be 1 or more, not {getattr(self, name)}")
        for name in ("temperature", "target_temperature", "guidance", "redraws"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UserError(f"{name} should be 0 or more, not {getattr(self, name)}")

    def quick(self) -> BenchmarkSettings:
        """Return the settings for a try: a tenth of the samples, one seed."""
        return replace(self, samples=3_000, seeds=1, reconstructions=1_000, targets=1_000, per_value=100)

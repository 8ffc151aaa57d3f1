"""Settings of training and fine-tuning: the TOML table [train]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Self

from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from chem_vae.config import MOST_SEED, ModelConfig, TrainingConfig
from pipeline.workspace.settings import Settings

FINE_TUNING: dict[str, Any] = {
    "learning_rate": 2.5e-4,
    "batch_size": 64,
    "beta_schedule": "constant",
    "validations": 10,
}
"""Defaults of TrainingConfig that differ in fine-tuning. Epochs follow pipeline.training.finetuning.finetune.SHOWN_MOLECULES, beta the base."""
NOTHING = "nothing"
"""The value of train.start that means: no model, whatever the data are."""
VARIED = ("learning_rate", "beta", "batch_size", "latent_dropout", "condition_dropout", "decoder_size", "latent_size")
"""The settings that a sweep varies when none are named; `pipeline.training.tuning.search_space` has their ranges."""


class TrainConfig(Settings):
    """Settings of training and fine-tuning.

    With `start` it is fine-tuning: settings of `training` that are not given are taken from FINE_TUNING, and those of the architecture
    and beta from the base. Only given settings (`asks`) are dumped then. Where `start` is not given, the data decide
    (`pipeline.training.finetuning.start.choose_start`).
    """

    start: str | None = Field(
        None,
        min_length=1,
        description="A finished model to go on from, by its name (see `chem-vae models`), folder or run: better with few molecules, "
        'and sooner done. "nothing" trains on the data alone. When not given: the model of the installation that fits your molecules '
        "best, where a property is measured and the training molecules are fewer than 5,000, unless train.model says what to build; "
        "else nothing.",
    )
    replay: float = Field(
        0.5,
        ge=0,
        lt=1,
        description="Share of the base's own molecules in fine-tuning. Fewer of them teach p(x) where their shares of stereo or "
        "charges differ from the data's.",
    )
    conditions: tuple[str, ...] | None = Field(None, description="Properties to condition on; all when not given.")
    keep_molecules: bool = Field(True, description="Keep some training molecules with the model, for neighbors.")
    check_labels: bool = Field(
        True,
        description="Refuse to train on labels that cannot teach: too few, all alike, or ruined by a code for a missing value.",
    )
    tensorboard: bool = Field(
        False,
        description="Write the figures of the training for TensorBoard too, into the folder tensorboard/ of the workspace.",
    )
    go_on: bool = Field(
        True,
        description="In a campaign whose source has grown, go on from the model of the last night with the same settings; "
        "false trains from the start each time.",
    )
    enough_new: float = Field(
        0.01,
        ge=0,
        description="New training molecules (and those with another measured value or bound) that are enough for a training, as a share of "
        "the last night's; with fewer its model is used as it is. With less than a hundredth, what the model knows hardly changes; "
        "below 100 molecules each one counts. 0 trains at every change.",
    )
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    _asked: frozenset[str] = PrivateAttr(frozenset())

    @property
    def base(self) -> str | None:
        """The model to go on from; None where none is named."""
        return None if self.start == NOTHING else self.start

    def asks(self, key: str) -> bool:
        """Tell whether a setting ("training.beta") was given, be it with its default value."""
        return key in self._asked

    def start_from(self, start: str) -> TrainConfig:
        """Return the same given settings with a start, where none was named before."""
        if start == NOTHING:
            return self.model_copy(update={"start": start})
        usual = {"model": asdict(ModelConfig()), "training": asdict(TrainingConfig())}
        wishes = {
            part: {k: v for k, v in asdict(getattr(self, part)).items() if self.asks(f"{part}.{k}") or v != defaults[k]}
            for part, defaults in usual.items()
        }
        return TrainConfig.from_values(self.model_dump() | wishes | {"start": start})

    @model_validator(mode="wrap")
    @classmethod
    def _apply_fine_tuning_defaults(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Apply the defaults of fine-tuning."""
        if not isinstance(value, Mapping):
            return handler(value)
        based = value.get("start") not in (None, "", NOTHING)
        usual = {"model": asdict(ModelConfig()), "training": asdict(TrainingConfig()) | (FINE_TUNING if based else {})}
        asked = frozenset(
            f"{part}.{k}" for part in usual for k in _list_given(value.get(part, {}), usual[part], dumped=not based)
        )
        if based and isinstance(value.get("training", {}), Mapping):
            value = {**value, "training": {**FINE_TUNING, **value.get("training", {})}}
        config = handler(value)
        config._asked = asked
        return config

    @model_serializer(mode="wrap")
    def _dump_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Dump given settings alone for fine-tuning: read again, a default must not pass for a given one."""
        data: dict[str, Any] = handler(self)
        for part in {"model", "training"} & set(data) if self.base else ():
            data[part] = {k: v for k, v in data[part].items() if self.asks(f"{part}.{k}")}
        return data


class TuneConfig(Settings):
    """Settings that all trials of a study have in common."""

    epochs: int = Field(3, ge=1, description="Passes of each trial over its molecules.")
    molecules: int | None = Field(10_000, ge=1, description="Training molecules of each trial, drawn by the seed.")
    validations: int = Field(5, ge=1, description="Chances to prune a trial.")
    reconstruction_weight: float = Field(
        1.0, ge=0, description="What reconstruction counts beside generation; 0 for generation alone."
    )
    kl_price: float = Field(0.1, ge=0, description="What a nat of KL costs; the best beta will lie near it.")
    vary: tuple[str, ...] = Field(VARIED, description="Only these settings, each as NAME, NAME=LOW:HIGH or NAME=A,B,C.")
    seed: int = Field(0, ge=0, le=MOST_SEED, description="The seed of the settings that are tried.")


def _list_given(given: Any, usual: Mapping[str, Any], dumped: bool) -> list[str]:
    """List the keys of a table; for a finished configuration, and for a dumped table with every key, those that are not as usual."""
    if isinstance(given, ModelConfig | TrainingConfig):
        given, dumped = asdict(given), True
    if dumped and isinstance(given, Mapping) and given.keys() >= usual.keys():
        return [k for k in usual if given[k] != usual[k]]
    return [str(k) for k in given] if isinstance(given, Mapping) else []

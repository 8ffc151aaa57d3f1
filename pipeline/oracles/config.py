"""The settings of an oracle: which one, and how it is asked."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from pipeline.workspace.settings import Settings

OWN_COLUMNS = ("order", "smiles", "seconds", "round", "time", "reason")
"""Columns of the calls' table beside the endpoints."""

Name = Annotated[str, Field(min_length=1, max_length=100)]


class OracleConfig(Settings):
    """Describes an oracle by exactly one of property, function, program, registered.

    ```toml
    [oracle]
    program = ["python", "dock.py", "--receptor", "5ht2a.pdbqt"]
    endpoints = ["affinity"]
    timeout = 900
    parallel = 4
    ```
    """

    property: tuple[Name, ...] | None = Field(
        None, min_length=1, description="Computed properties by name, such as qed; each is an endpoint."
    )
    function: str | None = Field(
        None,
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$",
        description="A Python function as package.module:function; it takes a list of SMILES and returns for each a number, a "
        "dictionary by endpoint, or None where it failed. A module of the working folder will do.",
    )
    program: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="A program and its arguments. It reads JSON lines "
        '{"id", "smiles"} and writes {"id", "score"}, {"id", "scores": {...}} or {"id", "error"}. No shell is involved.',
    )
    registered: Name | None = Field(
        None, description="The name of an oracle that an installed package adds (see pipeline.oracles.factory.ORACLES)."
    )
    options: dict[str, Any] = Field({}, description="Settings of a registered oracle, as its package describes them.")
    name: Name | None = Field(None, description="What the log calls it; made of the above when not given.")
    endpoints: tuple[Name, ...] = Field(
        (), description="What the oracle measures, as the objectives name it; `score` when not given."
    )
    timeout: float | None = Field(
        None, gt=0, description="Seconds that a batch may take before it is stopped; without end when not given."
    )
    retries: int = Field(1, ge=0, le=20, description="Times that a batch that failed as a whole is tried again.")
    batch_size: int | None = Field(
        None,
        ge=1,
        description="Molecules that the oracle is given at once. When not given: up to 100, and of a function as many as take about "
        "ten seconds, so that a kill loses no more; give it where a function is fastest with many, as on a GPU.",
    )
    parallel: int = Field(1, ge=1, le=1000, description="Batches of the oracle at once; each has a process of its own.")

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if sum(way is not None for way in (self.property, self.function, self.program, self.registered)) != 1:
            raise ValueError("say exactly one of property, function, program, registered")
        if self.options and self.registered is None:
            raise ValueError("options go with a registered oracle")
        if self.property is not None:
            if self.endpoints and self.endpoints != self.property:
                raise ValueError("the endpoints of computed properties are their names; leave `endpoints` out")
            if self.timeout is not None:
                raise ValueError("a timeout goes with a function or a program; computed properties need none")
        if self.program is not None and not self.program[0]:
            raise ValueError("the program has no name")
        names = self.all_endpoints()
        if len(set(names)) < len(names):
            raise ValueError("two endpoints have the same name")
        if taken := set(names) & set(OWN_COLUMNS):
            raise ValueError(f"an endpoint cannot be called {sorted(taken)[0]!r}; the log has a column of that name")
        return self

    @model_serializer(mode="wrap")
    def _leave_out_unset(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what earlier versions did not know, so that a search that they began is found by the same key."""
        dumped: dict[str, Any] = handler(self)
        if self.registered is None:
            dumped = {key: value for key, value in dumped.items() if key not in ("registered", "options")}
        return dumped

    def all_endpoints(self) -> tuple[str, ...]:
        """Return the endpoints' names, in the order of the values."""
        return self.endpoints or self.property or ("score",)

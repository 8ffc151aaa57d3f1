"""A registry of named things (properties, strategies, ...) that other installed packages can add to.

A package adds to a registry by an entry point of the registry's group, which names a module (importing it registers) or a
function without arguments (calling it registers):

    [project.entry-points."chem_vae.properties"]
    my_properties = "my_package.properties"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from chem_vae.errors import ChemVAEError, UserError, match_name, unknown_name

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Maps names to registered things, those of installed plug-in packages included.

    Args:
        kind: What is registered, as messages call it ("property").
        group: The entry-point group that plug-ins use ("chem_vae.properties").
    """

    def __init__(self, kind: str, group: str) -> None:
        self.kind, self.group = kind, group
        self._entries: dict[str, T] = {}
        self._plugins_loaded = False

    def add(self, name: str, value: T) -> T:
        """Register a value and return it.

        Raises:
            UserError: If the name is taken.
        """
        if name in self._entries:
            raise UserError(f"the {self.kind} {name!r} is registered already; choose another name")
        self._entries[name] = value
        return value

    def remove(self, name: str) -> None:
        """Forget a registered value."""
        del self._entries[name]

    def find(self, name: str) -> T:
        """Return the registered value.

        Raises:
            UserError: If there is none; names the nearest ones and lists all.
        """
        try:
            return self[name]
        except KeyError:
            raise unknown_name(self.kind, name, self) from None

    def spell(self, name: str) -> str:
        """Return a name as it was registered, whatever its capitals.

        Raises:
            UserError: If there is none; names the nearest ones and lists all.
        """
        if name in self._entries:
            return name
        if (same := match_name(name, self)) is None:
            raise unknown_name(self.kind, name, self)
        return same

    def __getitem__(self, name: str) -> T:
        if name not in self._entries:
            self._load_plugins()
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        self._load_plugins()
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        self._load_plugins()
        return len(self._entries)

    def _load_plugins(self) -> None:
        """Load the group's entry points, once in each process."""
        if self._plugins_loaded:
            return
        self._plugins_loaded = True  # first: a plug-in may look into the registry while it registers
        for entry in entry_points(group=self.group):
            try:
                loaded = entry.load()
                if callable(loaded):
                    loaded()
            except Exception as error:
                package = entry.dist.name if entry.dist is not None else entry.value
                raise ChemVAEError(
                    f"the plug-in {entry.name!r} of {package} ({self.group}) cannot be loaded: "
                    f"{type(error).__name__}: {error}; mend it or uninstall it"
                ) from error

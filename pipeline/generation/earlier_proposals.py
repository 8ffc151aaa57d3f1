"""Holds the molecules that earlier runs proposed: some are left out of a run, the others are only told."""

from __future__ import annotations

from collections.abc import Collection, Container


class EarlierProposals:
    """The molecules, by their InChIKeys, that were proposed before.

    Args:
        exclude: Those of earlier rounds, which are always left out.
        library: Those that the candidate library knows; None where it was not asked.
        exclude_known: Whether those of the library are left out too.
    """

    def __init__(self, exclude: Collection[str], library: Container[str] | None, exclude_known: bool) -> None:
        self._exclude, self._library = frozenset(exclude), () if library is None else library
        self._exclude_known = exclude_known
        self.is_known = bool(exclude) or library is not None
        """Whether it is known at all what was proposed before."""

    def __contains__(self, key: object) -> bool:
        """Tell whether a molecule was proposed before."""
        in_library = key in self._library  # asked in any case: the library notes what it was asked about
        return in_library or key in self._exclude

    def is_left_out(self, key: str) -> bool:
        """Tell whether a molecule may not be proposed again."""
        return key in self and (self._exclude_known or key in self._exclude)

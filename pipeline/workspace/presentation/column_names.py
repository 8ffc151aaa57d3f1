"""Names the user's own columns beside those that a table already has."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def rename_taken(names: Sequence[str], taken: Collection[str], word: str) -> dict[str, str]:
    """Name the user's columns so that none has a name that is taken, or that another of them has.

    Args:
        names: The user's columns.
        taken: The names of the table's other columns.
        word: What stands behind a name that is taken, with a number where that is taken, too.

    Returns:
        The name in the table of each of the user's columns, in their order.

    >>> rename_taken(["price", "score", "score.source"], {"score"}, "source")
    {'price': 'price', 'score': 'score.source.2', 'score.source': 'score.source'}
    """
    named = {name: name for name in names if name not in taken}
    for name in (name for name in names if name in taken):
        shown, number = f"{name}.{word}", 1
        while shown in taken or shown in named.values():
            number += 1
            shown = f"{name}.{word}.{number}"
        named[name] = shown
    return {name: named[name] for name in names}

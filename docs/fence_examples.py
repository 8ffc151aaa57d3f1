"""A griffe extension that shows the doctest examples of docstrings as code, wherever they stand in the docstring."""

from __future__ import annotations

from typing import Any

import griffe


def fence_examples(text: str) -> str:
    r"""Put each block of lines that begins with >>> into a code block.

    >>> fence_examples("Add.\n\n>>> 1 + 1\n2\n\nMore.")
    'Add.\n\n```pycon\n>>> 1 + 1\n2\n```\n\nMore.'
    """
    lines: list[str] = []
    inside = False
    for line in text.split("\n"):
        if not inside and line.startswith(">>>"):
            inside = True
            lines.append("```pycon")
        elif inside and not line.strip():
            inside = False
            lines.append("```")
        lines.append(line)
    return "\n".join([*lines, "```"] if inside else lines)


class FenceExamples(griffe.Extension):
    """Fences the examples of every docstring before it is rendered."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Change the docstring of one object, if it has one."""
        if obj.docstring is not None:
            obj.docstring.value = fence_examples(obj.docstring.value)

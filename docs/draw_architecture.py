"""Draw the rooms of the product and the imports between them as an SVG file.

    python docs/draw_architecture.py architecture.svg

The drawing is made from the import statements alone. A room stands one floor above the highest room that it imports.
An arrow is dark where no other path leads from its start to its end, and pale where it only shortens such a path.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDTH, BOX_HEIGHT, FLOOR_HEIGHT, MARGIN = 940, 40, 92, 24
COLORS = {"flows": "#d7e3f4", "pipeline": "#e5f0dc", "chem_vae": "#f6e3cf"}

Edges = Counter[tuple[str, str]]


def room_of(module: str) -> str:
    """Return the room of a module: `flows`, `chem_vae`, or the second name of a module of `pipeline`.

    >>> room_of("pipeline.chemistry.validate"), room_of("chem_vae.model"), room_of("pipeline")
    ('pipeline.chemistry', 'chem_vae', 'pipeline')
    """
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "pipeline" else parts[0]


def read_imports(path: Path) -> Iterator[str]:
    """Yield the modules of the product that a file imports, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
            names = [f"{node.module}.{alias.name}" if "." not in node.module else node.module for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in COLORS)


def count_imports(root: Path = ROOT) -> tuple[Counter[str], Edges]:
    """Count the modules of each room and the imports from each room to each other one."""
    modules: Counter[str] = Counter()
    edges: Edges = Counter()
    for package in COLORS:
        for path in sorted((root / package).rglob("*.py")):
            room = room_of(".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"))
            if room == "pipeline":  # the public names of all rooms
                continue
            modules[room] += path.name != "__init__.py"
            edges.update((room, other) for other in map(room_of, read_imports(path)) if other not in (room, "pipeline"))
    return modules, edges


def find_floors(rooms: list[str], edges: Edges) -> dict[str, int]:
    """Return the floor of each room, 0 at the bottom.

    Raises:
        ValueError: If rooms import each other in a circle.
    """
    floors: dict[str, int] = {}

    def floor(room: str, above: tuple[str, ...]) -> int:
        if room in above:
            raise ValueError(f"the rooms {' -> '.join((*above, room))} import each other in a circle")
        if room not in floors:
            floors[room] = 1 + max((floor(b, (*above, room)) for a, b in edges if a == room), default=-1)
        return floors[room]

    for room in rooms:
        floor(room, ())
    return floors


def find_shortcuts(edges: Edges) -> set[tuple[str, str]]:
    """Return the edges whose end is also reached by a longer path."""
    below: dict[str, set[str]] = {}

    def reach(room: str) -> set[str]:
        if room not in below:
            direct = {b for a, b in edges if a == room}
            below[room] = direct.union(*(reach(b) for b in direct))
        return below[room]

    return {(a, b) for a, b in edges if any(b in reach(c) for x, c in edges if x == a and c != b)}


def draw(modules: Counter[str], edges: Edges) -> str:
    """Return the SVG text of the drawing."""
    floors = find_floors(list(modules), edges)
    shortcuts = find_shortcuts(edges)
    highest = max(floors.values())
    places: dict[str, tuple[float, float, float]] = {}  # the left end, the top and the width of each box
    for number in range(highest + 1):
        row = sorted(room for room, floor in floors.items() if floor == number)
        widths = [max(150, 9 * len(room) + 30) for room in row]
        gap = (WIDTH - sum(widths)) / (len(row) + 1)
        x = gap
        for room, width in zip(row, widths, strict=True):
            places[room] = (x, MARGIN + (highest - number) * FLOOR_HEIGHT, width)
            x += width + gap
    height = 2 * MARGIN + highest * FLOOR_HEIGHT + BOX_HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'font-family="system-ui, sans-serif" aria-label="The rooms and the imports between them">',
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#555"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for pale in (True, False):
        parts += [
            _draw_arrow(places[a], places[b], f"{a} imports {b}: {count} times", pale)
            for (a, b), count in sorted(edges.items())
            if ((a, b) in shortcuts) == pale
        ]
    for room, (x, y, width) in sorted(places.items()):
        color = COLORS[room.split(".")[0]]
        middle = x + width / 2
        parts.append(
            f'<rect x="{x:.1f}" y="{y}" width="{width}" height="{BOX_HEIGHT}" rx="6" fill="{color}" stroke="#888"/>'
            f'<text x="{middle:.1f}" y="{y + 18}" text-anchor="middle" font-size="14">{escape(room)}</text>'
            f'<text x="{middle:.1f}" y="{y + 33}" text-anchor="middle" font-size="10" fill="#555">'
            f"{modules[room]} {'module' if modules[room] == 1 else 'modules'}</text>"
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _draw_arrow(start: tuple[float, float, float], end: tuple[float, float, float], title: str, pale: bool) -> str:
    """Return a curve from the lower edge of one box to the upper edge of another."""
    x1, y1 = start[0] + start[2] / 2, start[1] + BOX_HEIGHT
    x2, y2 = end[0] + end[2] / 2, end[1]
    x1 += max(-0.4, min(0.4, (x2 - x1) / WIDTH)) * start[2]
    x2 += max(-0.4, min(0.4, (x1 - x2) / WIDTH)) * end[2]
    bend = (y2 - y1) / 2
    style = 'stroke="#ccc" stroke-width="0.8"' if pale else 'stroke="#555" stroke-width="1.4" marker-end="url(#head)"'
    curve = f"M{x1:.1f} {y1}C{x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f} {x2:.1f} {y2}"
    return f'<path d="{curve}" fill="none" {style}><title>{escape(title)}</title></path>'


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(draw(*count_imports()), encoding="utf-8")

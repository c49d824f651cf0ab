"""Draws docs/rooms.svg, the rooms of the package and their imports. `make schema` runs it."""

from itertools import pairwise
from pathlib import Path
from statistics import fmean

import grimp
from inpainting.core.files import write_text
from inpainting.core.html import render

PACKAGE = "inpainting"
PICTURE = Path(__file__).parents[1] / "rooms.svg"
COMMAND_LINE = {"cli", "completion", "command_line", "commands"}
"""Modules that are drawn as one box."""

WIDTH, HEIGHT, BESIDE, BELOW = 112, 32, 20, 36
"""Size of a box, and the gaps beside and below it, in pixels."""

SWEEPS = 20
"""How often the rows are sorted, more often than it takes until their order stays."""

SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{ width }} {{ height }}" font-family="sans-serif" \
font-size="14">
<g fill="none" stroke="#7b8794" stroke-width="1.5">
{% for line in lines %}
<path d="{{ line }}"/>
{% endfor %}
</g>
<g fill="#e3effa" stroke="#7b8794">
{% for x, y, _ in boxes %}
<rect x="{{ x }}" y="{{ y }}" width="{{ size[0] }}" height="{{ size[1] }}" rx="6"/>
{% endfor %}
</g>
<g fill="#1f2933" text-anchor="middle">
{% for x, y, name in boxes %}
<text x="{{ x + size[0] // 2 }}" y="{{ y + 21 }}">{{ name }}</text>
{% endfor %}
</g>
</svg>
"""
"""Its colours are readable on a light and on a dark page."""

Node = tuple[str, str, int]
"""(room, "", 0), or (room, what it imports, row): where a line that is longer than a row passes a row."""


def imports() -> dict[str, set[str]]:
    """The rooms that each room imports, without imports that only type checkers make. Stages are rooms of their own."""
    graph = grimp.build_graph(PACKAGE, exclude_type_checking_imports=True, cache_dir=None)
    found: dict[str, set[str]] = {}
    for module in sorted(graph.modules):
        imported = {room_of(name) for name in graph.find_modules_directly_imported_by(module)}
        found.setdefault(room_of(module), set()).update(imported)
    return {room: others - {room, ""} for room, others in found.items() if room}


def room_of(module: str) -> str:
    """The box of a module of the package; of the package itself, none."""
    parts = module.split(".")[1:]
    if parts[:1] == ["stages"]:
        return parts[1] if len(parts) > 1 else ""
    return "command line" if parts and parts[0] in COMMAND_LINE else parts[0] if parts else ""


def drawn(imported: dict[str, set[str]]) -> dict[str, set[str]]:
    """The imports without those that other arrows imply: of a room that an imported one imports as well."""

    def below(room: str) -> set[str]:
        return set().union(*(({other} | below(other)) for other in imported[room]), set())

    return {
        room: {to for to in others if not any(to in below(other) for other in others)}
        for room, others in imported.items()
    }


def layered(arrows: dict[str, set[str]]) -> tuple[list[list[Node]], list[tuple[Node, Node]]]:
    """The nodes by row, each room above all that it imports, and the lines from row to row (upper, lower node).

    Rows begin with that of the rooms that import nothing. As in K. Sugiyama et al. (1981), their order is that of the
    mean place of a node's neighbours, in the row below and the row above by turns, so that few lines cross.
    """

    def depth(room: str) -> int:
        return max((1 + depth(to) for to in arrows[room]), default=0)

    rows: list[list[Node]] = [[] for _ in range(1 + max(map(depth, arrows)))]
    links: list[tuple[Node, Node]] = []
    for room in sorted(arrows):
        rows[depth(room)].append((room, "", 0))
        for to in sorted(arrows[room]):
            between = [(room, to, row) for row in range(depth(room) - 1, depth(to), -1)]
            for node in between:
                rows[node[2]].append(node)
            links += pairwise([(room, "", 0), *between, (to, "", 0)])
    for sweep in range(SWEEPS):
        down = sweep % 2
        for row in rows[::-1][1:] if down else rows[1:]:
            place = {node: number / len(its) for its in rows for number, node in enumerate(its)}
            near = {node: [place[link[1 - down]] for link in links if link[down] == node] for node in row}
            row.sort(key=lambda node: fmean(near[node] or [place[node]]))
    return rows, links


def picture() -> str:
    """The picture, as SVG: a line leads down from a room to what it imports."""
    rows, links = layered(drawn(imports()))
    width = max(sum(_width(node) + BESIDE for node in row) for row in rows)
    corners: dict[Node, tuple[int, int]] = {}
    for number, row in enumerate(reversed(rows)):
        x = (width - sum(_width(node) + BESIDE for node in row) + BESIDE) // 2
        for node in row:
            corners[node] = (x, 1 + number * (HEIGHT + BELOW))
            x += _width(node) + BESIDE
    lines = []
    for upper, lower in links:
        (x, y), (to_x, to_y) = corners[upper], corners[lower]
        x, y, to_x = x + _width(upper) // 2, y + HEIGHT, to_x + _width(lower) // 2
        end = to_y + (HEIGHT if lower[1] else 0)
        lines.append(f"M{x} {y}C{x} {y + BELOW // 2} {to_x} {to_y - BELOW // 2} {to_x} {to_y}V{end}")
    boxes = [(*corner, node[0]) for node, corner in corners.items() if not node[1]]
    height = len(rows) * (HEIGHT + BELOW) - BELOW + 2
    return render(SVG, width=width, height=height, lines=lines, boxes=boxes, size=(WIDTH, HEIGHT))


def _width(node: Node) -> int:
    return 0 if node[1] else WIDTH


if __name__ == "__main__":
    write_text(PICTURE, picture())

"""Draws the diagram of rooms in docs/architecture.md from the package's imports. `make schema` runs it."""

import re
from pathlib import Path

import grimp
from inpainting.core.files import write_text

PACKAGE = "inpainting"
PAGE = Path(__file__).parents[1] / "architecture.md"
DIAGRAM = re.compile(r"(?<=```mermaid\n).*?(?=```)", re.DOTALL)
COMMAND_LINE = {"cli", "completion", "command_line", "commands"}
"""Modules that are drawn as one box."""


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


def diagram() -> str:
    """The diagram, as Mermaid's text: an arrow means "imports"."""
    arrows = drawn(imports())
    lines = [f"  {_box(room)} --> {' & '.join(map(_box, sorted(others)))}" for room, others in arrows.items() if others]
    return "\n".join(["graph TD", *lines, ""])


def _box(room: str) -> str:
    return f"{room.replace(' ', '_')}[{room}]" if " " in room else room


def page(text: str) -> str:
    """The text of the page with the diagram as it is now."""
    return DIAGRAM.sub(diagram(), text)


if __name__ == "__main__":
    write_text(PAGE, page(PAGE.read_text(encoding="utf-8")))

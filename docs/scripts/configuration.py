"""Writes docs/configuration.md, a reference made from the settings classes. `make schema` runs it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inpainting.config import PipelineConfig
from inpainting.core.files import write_text
from inpainting.core.settings import Settings, names_by_declaring_class, role_of

PAGE = Path(__file__).parents[1] / "configuration.md"
OPENING = """# Configuration reference

Made from the settings classes by `make schema`. The same settings are in
[config.schema.json](../workflow/schemas/config.schema.json), which editors understand, and in `inpaint <step> --help`.

A configuration is a YAML file that gives only what differs: `extends: config/cogvideox-2b.yaml` takes all values of
another file, which may extend one in turn. Unknown names and wrong types are refused with the name that was probably
meant.

**Paths.** `extends`, `experiments` and `model.base` are looked for beside the file that has them, then in the current
folder. All other paths, such as `dataset.root`, are relative to the folder in which you run Snakemake. `~` is your home
folder.

**Roles.** A changed `result` or `architecture` setting repeats what depends on it; an `execution` setting changes
speed, saving or logging, and repeats nothing ([roles](glossary.md#files-and-runs)).
"""
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def page() -> str:
    """The whole page."""
    return "\n".join([OPENING, *_section("", PipelineConfig, "The whole file: values that sections share.")])


def _section(path: str, kind: type[Settings], description: str) -> Iterator[str]:
    """The lines of a section and of those inside it. path: its keys, joined by dots."""
    nested = {name: info for name, info in kind.model_fields.items() if _is_section(info.annotation)}
    properties = kind.model_json_schema()["properties"]
    yield f"## {path or 'Top level'}\n\n{description}\n"
    groups = [
        (title, own)
        for title, names in names_by_declaring_class(kind)
        if (own := [name for name in names if name not in nested])
    ]
    for title, names in groups:
        if len(groups) > 1:
            yield f"**{title.replace(chr(10), ' ')}**\n"
        yield "| setting | default | values | role | meaning |\n|---|---|---|---|---|"
        for name in names:
            of = properties[name]
            meaning = " ".join(of["description"].split())
            cells = [
                f"`{name}`",
                _code(of.get("default")),
                _values(of),
                role_of(kind.model_fields[name]).value,
                meaning,
            ]
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
        yield ""
    for name, info in nested.items():
        section: Any = info.annotation
        yield from _section(f"{path}.{name}".lstrip("."), section, " ".join((info.description or "").split()))


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Settings)


def _values(schema: dict[str, Any]) -> str:
    """What a setting may be, in words, from its JSON schema."""
    if "anyOf" in schema:
        return " or ".join(_values(part) for part in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    bounds = [f"{sign} {schema[key]:g}" for key, sign in BOUNDS.items() if key in schema]
    if "items" in schema:
        return f"list of {_values(schema['items'])}"
    kind = schema.get("expected") or {"array": "list", "object": "names and values"}.get(schema["type"], schema["type"])
    return ", ".join([kind, *bounds])


def _code(value: object) -> str:
    return f"`{json.dumps(value)}`"


if __name__ == "__main__":
    write_text(PAGE, page())

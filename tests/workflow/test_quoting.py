"""Names from the configuration reach `inpaint` as they are, whatever a shell or Snakemake would read in them."""

import itertools
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import commands
import pytest
from inpainting.cli import main
from inpainting.config import schema
from inpainting.core.files import read_table
from inpainting.metrics.settings import WeightsSettings
from snakemake_runs import configure, run

NAME = "a 'b\" $(touch pwned) `touch pwned`; touch pwned {word} {experiment} * \\"
"""A folder's name in which a shell would find commands, and Snakemake wildcards."""

ROOT, BASE, ADAPTER, OUTPUTS, VOTES = (f"{what} {NAME}" for what in ("root", "base", "adapter", "outputs", "votes"))
RGB, MASK, TRUTH = (f"{what} {NAME}" for what in ("rgb", "mask", "truth"))

WEIGHTS = tuple(WeightsSettings.model_fields)

OPTIONS = {
    "dataset.root": ("dataset", ROOT),
    "dataset.rgb_folder": ("rgb-folder", RGB),
    "dataset.mask_folder": ("mask-folder", MASK),
    "dataset.truth_folder": ("truth-folder", TRUTH),
    "model.base": ("base", BASE),
    "model.revision": ("revision", NAME),
    "latents.prompt": ("prompt", NAME),
    "training.targets": ("targets", f"to_q,{NAME}"),
    "training.wandb_project": ("wandb-project", NAME),
    "evaluation.adapters": ("adapter", ADAPTER),
    "evaluation.external": ("outputs", OUTPUTS),
    "evaluation.preference": ("preference", VOTES),
    "evaluation.prove": ("prove", json.dumps({"theirs": NAME}, ensure_ascii=False)),
    **{f"evaluation.{name}": (name.replace("_", "-"), f"{name} {NAME}") for name in WEIGHTS},
    "report.shown": ("shown", NAME),
}
"""Settings that may hold any text, with the option that takes each and its value here."""

NOT_IN_COMMANDS = {"experiments", "extends"}
"""Settings that may hold any text and name files that the workflow itself reads."""


@pytest.fixture
def folder(tmp_path: Path, tiny_base: Path) -> Path:
    """A project whose configuration has NAME in every setting that may hold any text."""
    assert main(commands.command("sample", tmp_path / ROOT, sequences=8, frames=9, size="32x32", workers=1)) == 0
    sequences = [path for path in (tmp_path / ROOT).iterdir() if path.is_dir()]
    for sequence in sequences:
        shutil.copytree(sequence / "GT_480", tmp_path / OUTPUTS / sequence.name)
        for default, name in {"RGB_480": RGB, "MASK_480": MASK, "GT_480": TRUTH}.items():
            (sequence / default).rename(sequence / name)
    groups = "".join(f"{path.name}\t{path.name}\n" for path in sequences)
    (tmp_path / ROOT / "groups.tsv").write_text("id\tgroup\n" + groups)
    (tmp_path / BASE).symlink_to(tiny_base)
    (tmp_path / ADAPTER).mkdir()
    (tmp_path / ADAPTER / NAME).touch()
    for name in (VOTES, *(f"{weights} {NAME}" for weights in WEIGHTS)):
        (tmp_path / name).touch()
    (tmp_path / NAME).write_text("experiment\toverrides\tdescription\none\t\tas it stands\n")
    configure(
        tmp_path,
        experiments=NAME,
        model={"base": BASE, "revision": NAME, "device": "cpu"},
        windows={"window": 9},
        dataset={"root": ROOT, "frames": 9, "rgb_folder": RGB, "mask_folder": MASK, "truth_folder": TRUTH},
        latents={"prompt": NAME},
        training={"targets": ["to_q", NAME], "wandb_project": NAME},
        evaluation={
            "methods": ["telea"],
            "adapters": {"given": [ADAPTER]},
            "external": {"theirs": OUTPUTS},
            "preference": VOTES,
            "prove": {"theirs": NAME},
        },
        report={"shown": [NAME]},
    )
    return tmp_path


def free_texts(node: Any, place: str = "") -> Iterator[str]:
    """The settings below a node of the schema that may hold any text; lists and mappings count as one setting."""
    whole = schema()["$defs"]
    for part in (node, *node.get("anyOf", ()), *node.get("allOf", ())):
        if "$ref" in part:
            yield from free_texts(whole[part["$ref"].rpartition("/")[2]], place)
        for name, below in part.get("properties", {}).items():
            yield from free_texts(below, f"{place}.{name}" if place else name)
        for below in (part.get("items"), part.get("additionalProperties")):
            if isinstance(below, dict):
                yield from free_texts(below, place)
        if part.get("type") == "string" and not {"enum", "const", "pattern"} & part.keys():
            yield place


def test_every_setting_that_may_hold_any_text_is_tried() -> None:
    assert {*free_texts(schema())} == {*OPTIONS} | NOT_IN_COMMANDS


def test_every_command_has_the_names_of_the_configuration_as_they_are(folder: Path) -> None:
    configure(folder, evaluation={name: f"{name} {NAME}" for name in WEIGHTS})
    planned = run(folder, "--dry-run", "--printshellcmds")
    assert planned.returncode == 0, planned.stderr[-4000:]
    printed = re.findall(r"^Shell command: (inpaint .*) 2>&1 \| tee ", planned.stdout + planned.stderr, re.MULTILINE)
    found: dict[str, set[str]] = {}
    for _, step, *words in map(shlex.split, printed):
        if step in ("inspect", "audit"):
            found.setdefault("dataset", set()).add(words[0])
        for option, value in itertools.pairwise(words):
            if option.startswith("--"):
                found.setdefault(option.removeprefix("--"), set()).add(value)
    for setting, (option, value) in OPTIONS.items():
        own = {"results/validation/one/best"} if option == "adapter" else set()
        assert found[option] == {value} | own, setting


@pytest.mark.slow
def test_commands_in_names_are_not_run(folder: Path) -> None:
    done = run(folder, "results/evaluation/theirs.parquet")
    assert done.returncode == 0, done.stderr[-4000:]
    assert (read_table(folder / "results/evaluation/theirs.parquet")["method"] == "theirs").all()
    assert not list(folder.rglob("pwned"))

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import commands
import pytest
import yaml
from inpainting.cli import main
from inpainting.core.disk import format_bytes
from inpainting.planning.cards import CARDS
from inpainting.planning.plan import Plan, make_plan
from inpainting.planning.settings import PlanCommand
from inpainting.stages.training.memory import BESIDE_TENSORS

ATTENTION = {"targets": ["attention"], "rank": 64, "preview_every": 0}
MY_RUN = {
    "extends": "config/cogvideox-2b.yaml",
    "dataset": {"root": "/data/sequences"},
    "training": ATTENTION | {"gradient_checkpointing": True},
}


@pytest.fixture
def my_run(in_the_project: Path, tmp_path: Path) -> Path:
    """A configuration as the README shows it, for a dataset that is not there yet."""
    path = tmp_path / "my_run.yaml"
    path.write_text(yaml.safe_dump(MY_RUN))
    return path


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(commands.plan(*arguments, "--json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_40_000_sequences_of_2b_are_planned_without_dataset_gpu_and_torch(my_run: Path) -> None:
    arguments = commands.plan(my_run, "--sequences", "40000", "--card", "h100")
    code = f"import sys; from inpainting.cli import main; main({arguments!r}); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for expected in ("40,000 (given by --sequences)", "encode 200", "NVIDIA H100", "389.5 computed"):
        assert expected in done.stdout, expected


def test_a_small_dataset_gets_a_note_on_settings_that_would_start_a_job_for_a_few_sequences_each(my_run: Path) -> None:
    few, many = (make_plan(PlanCommand(configfile=my_run, sequences=number)).notes for number in (300, 40_000))
    assert "latents.shards: 200 jobs for 300 sequences; give 2." in few
    assert "dataset.audit.shards: 100 jobs for 300 sequences; give 2." in few
    assert not [note for note in many if "shards" in note]


def test_json_has_the_origin_of_every_row(my_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(capsys, str(my_run), "--sequences", "40000", "--card", "a100")
    assert {row["origin"] for row in found["hours"]} == {"assumed"}
    assert {row["origin"] for row in found["disk"]} == {"counted", "assumed"}
    assert found["card"]["vae_share"] == {"value": 0.13, "origin": "published"}
    assert found["jobs"]["validate"] == 20


def test_memory_and_hours_follow_the_settings(my_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = planned(capsys, str(my_run), "--sequences", "100", "--card", "h100")
    my_run.write_text(
        yaml.safe_dump(MY_RUN | {"training": ATTENTION | {"gradient_checkpointing": False, "processes": 4}})
    )
    after = planned(capsys, str(my_run), "--sequences", "100", "--card", "h100")
    hours, memory = ([_training(found, what) for found in (before, after)] for what in ("hours", "memory"))
    assert hours[1]["hours"] / hours[0]["hours"] == pytest.approx(289 / 389.5, rel=0.01)
    assert hours[1]["gpus"] == 4
    assert memory[1]["parts"]["activations"] > 5 * memory[0]["parts"]["activations"]


def _training(found: dict[str, Any], what: str) -> dict[str, Any]:
    row: dict[str, Any] = next(row for row in found[what] if row["stage"].startswith("train"))
    return row


def test_auto_gradient_checkpointing_is_decided_for_the_card(my_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    my_run.write_text(yaml.safe_dump(MY_RUN | {"training": ATTENTION}))
    computed = {}
    for card, decided in (("h100", "off (auto: tensors take"), ("rtx4090", "on (auto: tensors take")):
        found = planned(capsys, str(my_run), "--sequences", "100", "--card", card)
        row = _training(found, "memory")
        assert row["note"].startswith(f"training.gradient_checkpointing is {decided}")
        assert sum(row["parts"].values()) < 1e9 * found["card"]["memory_gb"]
        computed[card] = found["training_window"]["lora"][1]
    assert computed["rtx4090"] / computed["h100"] == pytest.approx(389.5 / 289, rel=0.01)


def test_the_table_of_cards_in_the_docs_is_what_the_plan_counts(in_the_project: Path) -> None:
    page = (in_the_project / "docs" / "first-run.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) GB \| (.+) \|$", page.partition("## Which settings")[2], re.MULTILINE)
    cards = {str(round(card.memory_gb)): name for name, card in CARDS.items()}
    assert {"24", "48", "80"} <= {memory for memory, _ in rows}
    for memory, cells in rows:
        command = PlanCommand(configfile=Path("config/cogvideox-2b.yaml"), sequences=40000, card=cards[memory])
        plan = make_plan(command)
        found = {row.stage: row for row in plan.memory}
        decided = (found["train lora"].note or "").split()[2]
        sizes = [format_bytes(found[stage].total) for stage in ("train lora", "encode", "validate, evaluate")]
        assert cells.split(" | ") == [decided, *sizes, f"{plan.training_window['lora'][1]:.0f}"]
        assert fits(plan, cards[memory])


def test_a_disk_or_card_that_is_too_small_is_told_with_what_helps(
    my_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {"training": ATTENTION | {"gradient_checkpointing": False}, "latents": {"windows_per_sequence": 2}}
    my_run.write_text(yaml.safe_dump(MY_RUN | changes))
    assert main(commands.plan(my_run, "--sequences", "400000000", "--card", "rtx4090")) == 0
    text = capsys.readouterr().out
    disk, memory = text.split("\nDisk:")[1].split("\nGPU memory")
    assert "DOES NOT FIT" in disk and "latents: latents.windows_per_sequence: 1; fewer" in disk
    assert "DOES NOT FIT. What helps: training.gradient_checkpointing: true" in memory


def test_the_demo_is_planned_without_options(in_the_project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan"]) == 0
    assert "(sample sequences, dataset.sample.sequences)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "dataset.root: /data/sequences does not exist; give the folder"),
        (["--configfile", "nowhere.yaml"], "--configfile: nowhere.yaml does not exist"),
        (["--configfile", "Snakefile"], "--configfile: Snakefile is not a YAML file"),
        (["--card", "k80"], '--card: "k80" was given'),
        (["--sequences", "2"], "--sequences: "),
        (["--size", "large"], "--size: "),
    ],
)
def test_a_wrong_value_gets_a_sentence(
    options: list[str], sentence: str, my_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(commands.plan(my_run, *options)) == 2
    assert sentence in capsys.readouterr().err


def test_the_table_of_bases_in_the_docs_is_what_the_plan_counts(in_the_project: Path) -> None:
    page = (in_the_project / "docs" / "bases.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (cogvideox-\S+) \| ([\d.]+ GB \| .+ h) \|$", page, re.MULTILINE)
    assert len(rows) == 5
    for name, cells in rows:
        command = PlanCommand(configfile=Path(f"config/{name}.yaml"), sequences=40000, card="h100")
        plan = make_plan(command)
        training = next(row for row in plan.memory if row.stage == "train lora")
        without, with_it = re.findall(r"take (\S+ GB) without it, (\S+ GB) with it", training.note or "")[0]
        hours = {row.stage: f"{row.hours:.0f} h" for row in plan.hours}
        assert cells.split(" | ") == [
            with_it,
            without,
            *(hours[stage] for stage in ("latents", "training", "validation")),
        ]


def planned_with(tmp_path: Path, name: str, card: str, model: dict[str, Any], **training: Any) -> Plan:
    """The plan of 40,000 sequences for a shipped configuration with changes."""
    changed = tmp_path / "changed.yaml"
    values = {"extends": f"config/{name}.yaml", "model": model, "training": training}
    changed.write_text(yaml.safe_dump(values))
    return make_plan(PlanCommand(configfile=changed, sequences=40000, card=card))


def memory_of(plan: Plan, stage: str) -> str:
    return format_bytes(next(row.total for row in plan.memory if row.stage == stage))


def test_the_table_of_quantization_and_offloading_in_the_docs_is_what_the_plan_counts(
    in_the_project: Path, tmp_path: Path
) -> None:
    page = (in_the_project / "docs" / "bases.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (cogvideox-\S+) \| (none|int8|fp8) \| (.+) \|$", page, re.MULTILINE)
    assert len(rows) == 15
    for name, quantization, cells in rows:
        model = {"quantization": None if quantization == "none" else quantization}
        plain = planned_with(tmp_path, name, "rtx4090", model)
        lean = planned_with(tmp_path, name, "rtx4090", model | {"offload": True}, preview_every=0)
        trainings = [memory_of(plan, "train lora") for plan in (plain, lean)]
        assert cells.split(" | ") == [*trainings, *(memory_of(plan, "validate, evaluate") for plan in (plain, lean))]


def test_the_table_of_bases_and_cards_in_the_docs_names_the_least_change_that_fits(
    in_the_project: Path, tmp_path: Path
) -> None:
    page = (in_the_project / "docs" / "bases.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (cogvideox-\S+) \| (.+: .+) \|$", page, re.MULTILINE)
    assert len(rows) == 5
    changes: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "as it is": ({}, {}),
        "int8": ({"quantization": "int8"}, {}),
        "int8, no previews": ({"quantization": "int8"}, {"preview_every": 0}),
    }
    for name, cells in rows:
        for card, cell in zip(("rtx4090", "l40s", "h100"), cells.split(" | "), strict=True):
            tried = ((label, planned_with(tmp_path, name, card, m, **t)) for label, (m, t) in changes.items())
            label, plan = next((label, plan) for label, plan in tried if fits(plan, card))
            hours = sum(row.hours or 0 for row in plan.hours)
            assert cell == f"{label}: {memory_of(plan, 'train lora')}, {hours:,.0f} h"


def fits(plan: Plan, card: str) -> bool:
    return all(row.total + BESIDE_TENSORS <= 1e9 * CARDS[card].memory_gb for row in plan.memory)

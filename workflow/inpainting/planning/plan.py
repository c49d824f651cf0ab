"""`inpaint plan`: put jobs, disk, memory and hours of a configuration together, and print them."""

import json
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Any

from inpainting.config import PipelineConfig, resolve
from inpainting.core.disk import free_bytes
from inpainting.core.settings import read_values
from inpainting.models.shapes import Base, read_base
from inpainting.planning.cards import CARDS, VAE_SHARE, Card, card_at_hand
from inpainting.planning.disk import DiskRow, count_base_weights, disk_help, disk_rows
from inpainting.planning.hours import Arithmetic, HoursRow, hours_rows, step_arithmetic, window_arithmetic
from inpainting.planning.memory import MemoryRow, memory_rows
from inpainting.planning.settings import PlanCommand
from inpainting.planning.text import as_text
from inpainting.planning.work import Work, count_work, jobs

GOOD_SHARD = 200
"""Sequences of a job that reads or encodes them: far fewer, and starting the jobs takes longer than their work."""


@dataclass(frozen=True)
class Plan:
    """All that is printed. Sizes are bytes, arithmetic TFLOP, times GPU hours."""

    configfile: str
    work: Work
    jobs: dict[str, int]
    base: str
    base_weights: int
    disk: list[DiskRow]
    disk_help: dict[str, str]
    free: int
    card: str | None
    memory: list[MemoryRow]
    window: Arithmetic
    training_window: dict[str, tuple[float, float]]
    """By experiment, TFLOP of a window in a training step: needed, and computed."""
    hours: list[HoursRow]
    notes: list[str]

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values, with the assumptions."""
        values = asdict(self)
        if self.card is not None:
            share, origin = CARDS[self.card].transformer_share()
            values["card"] = {
                "name": self.card,
                **asdict(CARDS[self.card]),
                "transformer_share": {"value": share, "origin": origin},
                "vae_share": {"value": VAE_SHARE, "origin": "published" if self.card == "a100" else "assumed"},
            }
        return values


def plan(settings: PlanCommand) -> None:
    """Print the plan; raises UsageError for a configuration that can't be planned."""
    made = make_plan(settings)
    print(json.dumps(made.as_json(), indent=2) if settings.as_json else as_text(made))


def make_plan(settings: PlanCommand) -> Plan:
    """Compute the plan of a configuration file."""
    config = read_config(settings.configfile)
    base = read_base(config.model.base, config.model.revision)
    work = count_work(config, base.geometry, settings.sequences, settings.size)
    name = settings.card or card_at_hand()
    card = None if name is None else CARDS[name]
    return Plan(
        configfile=str(settings.configfile),
        work=work,
        jobs=jobs(config),
        base=base.source,
        base_weights=count_base_weights(base),
        disk=disk_rows(config, base, work),
        disk_help=disk_help(config),
        free=free_bytes(settings.results),
        card=name,
        memory=memory_rows(config, base, work, card),
        window=window_arithmetic(base, work),
        training_window={
            label: step_arithmetic(config, base, work, experiment.training, card)
            for label, experiment in config.compared().items()
        },
        hours=hours_rows(config, base, work, card, settings.results),
        notes=_notes(settings.configfile, config, base, work, card),
    )


def read_config(path: Path) -> PipelineConfig:
    """The configuration of a file, checked; dataset.root may be absent."""
    return resolve(read_values(path, "--configfile"), [path.parent], root_exists=False)


def _notes(configfile: Path, config: PipelineConfig, base: Base, work: Work, card: Card | None) -> list[str]:
    """What the numbers leave out."""
    notes = [
        f"All {work.sequences:,} sequences are taken as accepted by the audit, and each as a group of its own.",
        f"Not in the hours: reading {work.pngs:,} PNGs in the audit, fills and baselines on the CPU, scoring, queues.",
    ]
    if config.compared():
        notes.append(
            f"Before anything else: snakemake --configfile {configfile} --cores all try_training (two updates)."
        )
    shards = {"dataset.audit.shards": config.dataset.audit.shards, "latents.shards": config.latents.shards}
    for setting, jobs_of_it in shards.items():
        if jobs_of_it > 1 and work.sequences < jobs_of_it * GOOD_SHARD / 4:
            enough = ceil(work.sequences / GOOD_SHARD)
            notes.append(f"{setting}: {jobs_of_it} jobs for {work.sequences:,} sequences; give {enough}.")
    if "flow_propagation" in {e.training.condition_source for e in config.compared().values()}:
        notes.append("The fill flow_propagation takes 19 to 27 s of a CPU core for 100 frames of 640x480 (measured).")
    if base.to_download:
        notes.append(f"{config.model.base} is not in the hub's cache: the shapes are CogVideoX-2b's.")
    if card is None:
        notes.append(f"No known GPU here: --card {'|'.join(CARDS)} gives hours and checks memory.")
    elif config.model.device == "cpu":
        notes.append("model.device is cpu: hours and memory are those of the GPU, were it used.")
    if any(e.training.mixed_precision == "no" for e in config.compared().values()):
        notes.append("training.mixed_precision is no: float32 runs far below the half-precision peak that is assumed.")
    return notes

"""The plan as plain text."""

from typing import TYPE_CHECKING

from inpainting.core.disk import format_bytes
from inpainting.planning.cards import ASSUMED_SHARE, CARDS, VAE_SHARE
from inpainting.planning.disk import DiskRow

if TYPE_CHECKING:
    from inpainting.planning.plan import Plan


def as_text(plan: "Plan") -> str:
    """The whole plan, for people."""
    parts = (_work(plan), _jobs(plan), _disk(plan), _memory(plan), _hours(plan), _notes(plan))
    return "\n\n".join("\n".join(part) for part in parts)


def _work(plan: "Plan") -> list[str]:
    work = plan.work
    wide, high = work.size
    return [
        f"Plan of {plan.configfile}",
        f"  sequences   {work.sequences:,} ({work.sequences_from})",
        f"  split       {work.train:,} train, {work.validation:,} validation, {work.test:,} test (expected, by shares)",
        f"  frames      {work.frames} of {wide}x{high} each ({work.size_origin}); {work.pngs:,} PNGs in the dataset",
        f"  windows     {work.windows} of {work.window} frames a sequence, {work.train_windows:,} in training",
        f"  scored      {work.validated:,} sequences a checkpoint, {work.evaluated:,} a method,"
        f" in {work.joint_windows} windows each",
        f"  base        {plan.base_weights:,} weights ({plan.base})",
    ]


def _jobs(plan: "Plan") -> list[str]:
    cells = [f"{rule} {count:,}" for rule, count in plan.jobs.items()]
    lines = [f"Snakemake jobs: {sum(plan.jobs.values()):,} (counted)"]
    for start in range(0, len(cells), 4):
        lines.append("  " + "".join(f"{cell:26}" for cell in cells[start : start + 4]).rstrip())
    return lines


def _disk(plan: "Plan") -> list[str]:
    total, files = sum(row.bytes for row in plan.disk), sum(row.files for row in plan.disk)
    lines = [f"Disk: {format_bytes(total)} in {files:,} files; {format_bytes(plan.free)} are free at results/"]
    lines += [f"  {row.stage:11} {_bytes(row):>12}  {row.what} ({row.origin})" for row in plan.disk]
    if total > plan.free:
        missing = format_bytes(total - plan.free)
        lines.append(f"  DOES NOT FIT: {missing} too much. What helps, the largest stage first:")
        stages: dict[str, int] = {}
        for row in plan.disk:
            stages[row.stage] = stages.get(row.stage, 0) + row.bytes
        largest = sorted(stages, key=lambda stage: -stages[stage])
        lines += [f"    {stage}: {plan.disk_help[stage]}" for stage in largest if stages[stage] > total / 100]
    return lines


def _bytes(row: DiskRow) -> str:
    return ("<= " if row.at_most else "") + format_bytes(row.bytes)


def _memory(plan: "Plan") -> list[str]:
    limit = None if plan.card is None else 1e9 * CARDS[plan.card].memory_gb
    beside = "" if limit is None else f"; {CARDS[plan.card or ''].title} has {format_bytes(limit)}"
    lines = [f"GPU memory of the tensors (counted; CUDA and its allocator take 1 to 4 GB more, assumed){beside}"]
    for row in plan.memory:
        parts = ", ".join(f"{what} {format_bytes(size)}" for what, size in row.parts.items() if size)
        lines.append(f"  {row.stage:22} {format_bytes(row.total):>9}  {parts}")
        if row.alternative is not None:
            lines.append(f"  {'':22} {format_bytes(row.alternative[1]):>9}  {row.alternative[0]}")
        if row.note is not None:
            lines.append(f"    {row.note}")
        if limit is not None and row.total > limit:
            lines.append(f"    DOES NOT FIT. What helps: {row.helps}")
    return lines


def _hours(plan: "Plan") -> list[str]:
    one = plan.window
    lines = [
        "Arithmetic of a window, TFLOP (counted)",
        f"  encode {one.encode:,.4g}, decode {one.decode:,.4g}, forward {one.forward:,.4g}",
        *(
            f"  training step of {name}: {needed:,.4g} needed, {computed:,.4g} computed"
            for name, (needed, computed) in plan.training_window.items()
        ),
        "",
    ]
    if plan.card is None:
        lines.append("GPU hours: only of what was measured, since no card is known")
    else:
        card = CARDS[plan.card]
        share, origin = card.transformer_share()
        why = (
            {
                "published": f"published: 50 steps of CogVideoX-2b in {card.seconds_50_steps:g} s",
                "assumed": f"assumed; no time is published for it, {ASSUMED_SHARE:.0%} is a guess",
            }[origin]
            if card.seconds_50_steps
            else "assumed"
        )
        lines += [
            f"GPU hours on {card.title}, {card.peak_tflops:g} TFLOP/s peak (data sheet)",
            f"  transformer at {share:.0%} of the peak ({why}; training is assumed to reach the same)",
            f"  VAE at {VAE_SHARE:.0%} of the peak (published of encoding on an A100; assumed elsewhere)",
        ]
    for row in plan.hours:
        hours = "-" if row.hours is None else f"{row.hours:,.2f}"
        gpus = f", {row.gpus} GPUs" if row.gpus > 1 else ""
        tflop = row.vae + row.transformer
        lines.append(f"  {row.stage:11} {row.what:18} {hours:>10} h  {tflop:>15,.0f} TFLOP ({row.origin}{gpus})")
    known = [row for row in plan.hours if row.hours is not None]
    if known:
        total, wall = sum(r.hours or 0 for r in known), sum((r.hours or 0) / r.gpus for r in known)
        lines.append(f"  {'all':30} {total:>10,.2f} h  ({wall / 24:,.1f} days of work one after the other)")
    return lines


def _notes(plan: "Plan") -> list[str]:
    return ["Notes", *(f"  - {note}" for note in plan.notes)]

"""Tools of `on_gpu.sh`: a base model of CogVideoX-2b's shapes, and `inpaint` commands with measurements.

    python benchmarks/true_size.py base OUT              random weights in the published shapes; --dry only counts them
    python benchmarks/true_size.py options CONFIG        a configuration's sections as options, for `eval` in a shell
    python benchmarks/true_size.py inpaint STEP ...      `inpaint STEP ...` with its memory and training steps recorded
    python benchmarks/true_size.py scale SHARD OUT STD   a shard of truths scaled to this standard deviation
    python benchmarks/true_size.py compare ONE OTHER     the difference between two adapters

Measurements go to the JSON file that the environment variable FACTS names. torch is imported inside functions because
the workers of `inpaint` import this file.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import shlex
import signal
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from inpainting.models.published import TRANSFORMER, VAE

if TYPE_CHECKING:
    from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel

NANO = Path(__file__).parent.parent / "models" / "nano"
"""Its noise schedule is CogVideoX-2b's."""

WARM = 3
"""First training steps that are not timed: they choose kernels and compile."""


def note(facts: dict[str, Any]) -> None:
    """Write measurements to the file in FACTS, or print them."""
    text = json.dumps(facts, indent=1)
    if path := os.environ.get("FACTS"):
        Path(path).write_text(text, encoding="utf-8")
    else:
        print(text)


def memory() -> dict[str, float]:
    """Peak memory in GiB: of the host; on the GPU of tensors (peak) and of PyTorch's allocator (reserved)."""
    used = {"host_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        used["peak_gib"] = torch.cuda.max_memory_allocated() / 2**30
        used["reserved_gib"] = torch.cuda.max_memory_reserved() / 2**30
    return used


def new_base() -> tuple[CogVideoXTransformer3DModel, AutoencoderKLCogVideoX]:
    """Transformer and VAE with fresh weights, on torch's default device, in float16."""
    import torch
    from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel

    torch.manual_seed(0)
    torch.set_default_dtype(torch.float16)
    try:
        return CogVideoXTransformer3DModel(**TRANSFORMER), AutoencoderKLCogVideoX(**VAE)
    finally:
        torch.set_default_dtype(torch.float32)


def make_base(out: Path, dry: bool) -> None:
    """Write a base model without text encoder in diffusers' layout; dry: only print its number of weights."""
    import torch
    from inpainting.models.loading import load_scheduler

    with torch.device("meta" if dry else "cuda" if torch.cuda.is_available() else "cpu"):
        parts = dict(zip(("transformer", "vae"), new_base(), strict=True))
    for name, part in parts.items():
        print(f"{name}: {sum(p.numel() for p in part.parameters()) / 1e9:.3f} B weights")
        if not dry:
            part.save_pretrained(out / name)
    if not dry:
        load_scheduler(str(NANO)).save_pretrained(out / "scheduler")
    note(memory())


def options(config: Path) -> None:
    """Print assignments: a section's settings as options in MODEL, MASKS and so on, an experiment's in TRAIN_<name>."""
    from inpainting.config import resolve
    from inpainting.models.settings import ModelSettings
    from inpainting.stages.dataset.settings import AuditSettings
    from inpainting.stages.evaluation.settings import EvaluateSettings
    from inpainting.stages.latents.settings import EncodeSettings, PromptSettings, TruthSettings

    values = yaml.safe_load(config.read_text(encoding="utf-8"))
    base = values["model"]["base"]  # it does not exist yet, and resolving needs one that does
    settings = resolve(values | {"model": values["model"] | {"base": str(NANO)}})
    model = settings.model.section(ModelSettings).model_copy(update={"base": base})
    sections = {
        "MODEL": model.to_options(),
        "MODEL_BF16": model.model_copy(update={"dtype": "bfloat16"}).to_options(),
        "MASKS": settings.masks.to_options(),
        "WINDOWS": settings.windows.to_options(),
        "AUDIT": settings.dataset.audit.section(AuditSettings).to_options(),
        "SPLIT": settings.dataset.split.to_options(),
        "ENCODE": settings.latents.section(EncodeSettings).to_options(),
        "TRUTH": settings.latents.section(TruthSettings).to_options(),
        "PROMPT": settings.latents.section(PromptSettings).to_options(),
        "VALIDATE": settings.validation.to_options(),
        "EVALUATE": settings.evaluation.section(EvaluateSettings).to_options(),
    }
    sections |= {f"TRAIN_{name}": one.training.to_options() for name, one in settings.compared().items()}
    for name, text in sections.items():
        print(f"{name}={shlex.quote(text)}")


def run_inpaint(arguments: list[str], stop_after: int | None) -> int:
    """Run `inpaint` and return its exit code; stop_after: training steps after which it gets a SIGTERM."""
    from inpainting.cli import main

    metrics = Path(arguments[arguments.index("--out") + 1]) / "metrics.jsonl" if arguments[0] == "train" else None
    if stop_after is not None:
        assert metrics is not None, "--stop-after is for `inpaint train`"
        threading.Thread(target=_stop, args=(metrics, stop_after), daemon=True).start()
    facts: dict[str, Any] = {}
    try:
        code = main(arguments)
        if metrics is not None and metrics.is_file():
            facts = training(metrics, int(arguments[arguments.index("--batch-size") + 1]))
        return code
    finally:
        note(facts | memory())


def _stop(metrics: Path, step: int) -> None:
    while not any(row["step"] >= step for row in _rows(metrics)):
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGTERM)


def _rows(metrics: Path) -> list[dict[str, float]]:
    """The complete lines of metrics.jsonl."""
    if not metrics.is_file():
        return []
    return [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines(True) if line.endswith("\n")]


def training(metrics: Path, batch_size: int) -> dict[str, Any]:
    """The median training step as a row, and a note on loss and updates, from metrics.jsonl with a row per step."""
    rows = _rows(metrics)
    if not rows:
        return {}
    skipped = sum(not math.isfinite(row["grad_norm"]) for row in rows)
    seconds = statistics.median(row["seconds_per_step"] for row in rows[WARM:] or rows)
    said = f"{len(rows)} steps, loss {rows[0]['loss']:.4g} to {rows[-1]['loss']:.4g}"
    said += f", gradient norm {rows[0]['grad_norm']:.3g} to {rows[-1]['grad_norm']:.3g}, {skipped} updates skipped"
    wait = statistics.median(row["data_wait_share"] for row in rows[WARM:] or rows)
    row = {"what": "a step", "seconds": seconds, "windows": batch_size, "work": "step"}
    return {"rows": [row | {"note": f"median; {wait:.1%} of it waiting for data"}], "note": said}


def scale(shard: Path, out: Path, std: float) -> None:
    """Write a copy of a shard of truths, and its listing, with latents of this standard deviation in float32."""
    import torch
    from inpainting.artifacts.latents import Shard, write_listing, write_shard

    read = Shard(shard)
    tensors = {name: read.tensor(name) for name in read.names}
    truths = {name: tensor.float() for name, tensor in tensors.items() if name.endswith("/truth")}
    factor = std / float(torch.stack(list(truths.values())).std())
    scaled = tensors | {name: factor * truth for name, truth in truths.items()}
    write_shard(out, scaled, read.content, {name: f"{key}-scaled" for name, key in read.keys.items()}, read.source, {})
    write_listing(out)


def compare(one: Path, other: Path) -> None:
    """Print whether two adapters are equal, or their largest difference relative to a tensor's norm."""
    from safetensors.torch import load_file

    said = []
    for path in sorted(one.glob("*.safetensors")):
        ours, theirs = load_file(path), load_file(other / path.name)
        apart = max(float((ours[k].float() - theirs[k].float()).norm() / theirs[k].float().norm()) for k in theirs)
        same = path.read_bytes() == (other / path.name).read_bytes()
        said.append(f"{path.stem} {'the same bytes' if same else f'differs by {apart:.1e} of a tensor norm at most'}")
    print("; ".join(said))


def main() -> int:
    """Run the command line and return the exit code."""
    if sys.argv[1:2] == ["inpaint"]:
        arguments, stop_after = sys.argv[2:], None
        if arguments[0] == "--stop-after":
            stop_after, arguments = int(arguments[1]), arguments[2:]
        return run_inpaint(arguments, stop_after)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    base = commands.add_parser("base")
    base.add_argument("out", type=Path)
    base.add_argument("--dry", action="store_true")
    commands.add_parser("options").add_argument("config", type=Path)
    scaling = commands.add_parser("scale")
    scaling.add_argument("shard", type=Path)
    scaling.add_argument("out", type=Path)
    scaling.add_argument("std", type=float)
    comparing = commands.add_parser("compare")
    comparing.add_argument("one", type=Path)
    comparing.add_argument("other", type=Path)
    given = vars(parser.parse_args())
    {"base": make_base, "options": options, "scale": scale, "compare": compare}[given.pop("command")](**given)
    return 0


if __name__ == "__main__":
    sys.exit(main())

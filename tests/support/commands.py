"""Command lines of `inpaint` for tests, built in one place: a renamed or a new required option is changed here.

Each builder knows what its step needs. Further options are words as a person types them; the last of a kind counts.
"""

from collections.abc import Iterable
from pathlib import Path


def command(step: str, *places: object, **options: object) -> list[str]:
    """The arguments of `inpaint`: the step, its places, and options by the names of the settings' fields.

    True is a flag; a list is written with commas; an option that is None is left out.
    """
    words = [word for name, value in options.items() if value is not None for word in _option(name, value)]
    return [step, *map(str, places), *words]


def _option(name: str, value: object) -> list[str]:
    name = "--" + name.replace("_", "-")
    if value is True:
        return [name]
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [name, ",".join(map(str, value)) or "[]"]
    return [name, str(value)]


def audit(root: object, out: object, *options: str) -> list[str]:
    """Audit a dataset, in this process alone."""
    return [*command("audit", root, out, workers=1), *options]


def split(manifest: object, out: object, *options: str) -> list[str]:
    """Split the accepted sequences."""
    return [*command("split", manifest, out), *options]


def encode(base: object, results: Path, out: object, *options: str) -> list[str]:
    """Encode the truth in windows of 9 frames, in this process alone, into the folder `out` of latents.

    results: a folder as `tiny_results` is, with dataset/, audit/manifest.parquet and audit/split.tsv.
    """
    windows = {"frames": 17, "window": 9, "window_overlap": 1}
    built = command("encode", base=base, **audited(results), **windows, contents="truth", workers=1, out=out)
    return [*built, *options]


def prompt(base: object, out: object, *options: str) -> list[str]:
    """Encode the prompt."""
    return [*command("prompt", base=base, out=out), *options]


def index(split_file: object, truths: Iterable[Path], conditions: Iterable[Path], out: object) -> list[str]:
    """Index shards of latents, given by their .safetensors or by the listings beside them."""
    truths, conditions = ([shard.with_suffix(".parquet") for shard in shards] for shards in (truths, conditions))
    return command("index", truths=truths, conditions=conditions, split_file=split_file, out=out)


def train(base: object, results: Path, out: object, *options: str) -> list[str]:
    """Train on grey-filled windows of 9 frames: 4 steps, batches of 2, LoRA's alpha other than its rank.

    results: a folder as `tiny_results` is.
    """
    latents = results / "latents"
    built = command(
        "train",
        base=base,
        device="cpu",
        index=latents / "index-grey.parquet",
        prompt_file=latents / "prompt.safetensors",
        split_file=results / "audit" / "split.tsv",
        window=9,
        window_overlap=1,
        rank=2,
        alpha=6,
        batch_size=2,
        steps=4,
        save_every=2,
        log_every=1,
        warmup_steps=1,
        learning_rate=0.01,
        patch_learning_rate=0.02,
        outside_weight=0.1,
        out=out,
    )
    return [*built, *options]


def try_training(base: object, out: object, *options: str) -> list[str]:
    """Make a dry run of a training without any data, in windows of 9 frames and batches of 2."""
    return [*command("train", base=base, device="cpu", window=9, batch_size=2, dry_run=True, out=out), *options]


def audited(results: Path) -> dict[str, Path]:
    """The options that name a dataset, its manifest and its split, of a folder as `tiny_results` is."""
    audit = results / "audit"
    return {
        "dataset": results / "dataset",
        "manifest": audit / "manifest.parquet",
        "split_file": audit / "split.tsv",
    }


def export(checkpoint: object, out: object, *options: str) -> list[str]:
    """Export an adapter."""
    return [*command("export", checkpoint=checkpoint, out=out), *options]


def import_clips(out: object, *options: object) -> list[str]:
    """Import clips that the options name, in this process alone."""
    return [*command("import", out=out, workers=1), *map(str, options)]


def run(base: object, output: object | None, *options: object, **more: object) -> list[str]:
    """Inpaint with a base on the CPU; base and output are left out where they are None."""
    return [*command("run", base=base, device="cpu", output=output, **more), *map(str, options)]


def inspect(root: object, out: object, shard: int, shards: int, *options: str) -> list[str]:
    """Inspect one shard of a dataset, in this process alone."""
    return [*command("inspect", root, out, shard=shard, shards=shards, workers=1), *options]


def sample(out: object, sequences: int, *options: str) -> list[str]:
    """Make sample sequences."""
    return [*command("sample", out, sequences=sequences), *options]


def validate(base: object, results: Path, checkpoint: object, out: object, *options: str) -> list[str]:
    """Validate a checkpoint on sequences of 17 frames, in this process alone. results: as `tiny_results` is."""
    inputs = {"base": base, "device": "cpu", **audited(results), "frames": 17, "workers": 1}
    return [*command("validate", **inputs, checkpoint=checkpoint, out=out), *options]


def best(scores: Iterable[Path], checkpoints: object, out: object, adapter_out: object) -> list[str]:
    """Choose the best of validated checkpoints, given by their scores."""
    return command("best", scores=scores, checkpoints=checkpoints, out=out, adapter_out=adapter_out)


def evaluate(method: str, results: Path, out: object, *options: str) -> list[str]:
    """Score a method on the test set, in this process alone.

    results: a folder as `tiny_results` is.
    """
    return [*command("evaluate", method=method, **audited(results), workers=1, out=out), *options]


def draw_dataset(results: Path, out: Path, *options: str) -> list[str]:
    """Draw the dataset's figures and its page, page.html of `out`.

    results: a folder as `tiny_results` is.
    """
    findings = {name: results / "audit" / f"{name}.tsv" for name in ("rejected", "warnings")}
    summary = results / "audit" / "summary.json"
    built = command("draw-dataset", **audited(results), **findings, summary=summary, out=out, page=out / "page.html")
    return [*built, *options]


def plan(configfile: object, *options: str) -> list[str]:
    """Plan a configuration."""
    return [*command("plan", configfile=configfile), *options]


def doctor(**options: object) -> list[str]:
    """Check this machine, and what a configuration names."""
    return command("doctor", **options)


def tables(results: Iterable[object], manifest: object, out: object, *options: str) -> list[str]:
    """Compare methods by their results, the .parquet files of `evaluate`."""
    return [*command("tables", results=results, manifest=manifest, out=out), *options]


def find_rate(base: object, results: Path, out: object, *options: str) -> list[str]:
    """Test a range of learning rates, with the options of `train` and two probe batches."""
    return ["find-rate", *train(base, results, out)[1:], "--probe-batches", "2", *options]


def compare(results: Path, evaluation: object, methods: Iterable[str], out: object, *options: str) -> list[str]:
    """Write a page of pairs. results: a folder as `tiny_results` is."""
    built = command("compare", dataset=results / "dataset", evaluation=evaluation, methods=methods, out=out)
    return [*built, *options]


def preference(key: object, votes: Iterable[Path], out: object) -> list[str]:
    """Score the methods by votes."""
    return command("preference", key=key, votes=votes, out=out)

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from inpainting.artifacts.shard_listing import shard_path
from inpainting.cli import main
from inpainting.config import PipelineConfig, resolve
from inpainting.models.shapes import Base, prompt_bytes, read_base
from inpainting.planning.disk import (
    content_window_bytes,
    disk_help,
    disk_rows,
    kept_checkpoints,
    missing_checkpoint_bytes,
)
from inpainting.planning.work import Work, count_work
from inpainting.stages.latents.disk import hole_bytes
from inpainting.stages.training.checkpoint_disk import CheckpointBytes, checkpoint_bytes
from safetensors import safe_open

Train = Callable[..., list[str]]


def tensor_bytes(path: Path) -> int:
    """Bytes of a file's tensors without holes, whose compressed size is an estimate."""
    with safe_open(path, "pt") as file:
        return sum(file.get_tensor(name).nbytes for name in list(file.keys()) if not name.endswith("/hole"))


def tensors(value: object) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from tensors(part)


def written(checkpoint: Path) -> CheckpointBytes:
    """Bytes of the tensors of a checkpoint on disk."""
    state = torch.load(checkpoint / "optimizer.pt", weights_only=True)
    trained = checkpoint / "trained.safetensors"
    return CheckpointBytes(
        adapter=sum(tensor_bytes(path) for path in (checkpoint / "adapter").glob("*.safetensors")),
        resume=sum(t.nbytes for t in tensors(state)) + (tensor_bytes(trained) if trained.is_file() else 0),
        probe=tensor_bytes(checkpoint / "probe.safetensors"),
    )


def size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


@pytest.mark.parametrize("content", ["truth", "grey", "rgb"])
def test_shards_hold_as_many_bytes_as_planned(
    content: str, tiny_config: PipelineConfig, base: Base, work: Work, tiny_results: Path
) -> None:
    each = content_window_bytes(tiny_config, base, work, content)
    shards = [shard_path(tiny_results / "latents", content, number) for number in range(2)]
    hole = hole_bytes(work.window, *work.latent_shape[1:], base.geometry) if content == "truth" else 0
    assert sum(map(tensor_bytes, shards)) == work.train_windows * (each - hole)
    assert tensor_bytes(tiny_results / "latents" / "prompt.safetensors") == prompt_bytes(base)


def test_the_posteriors_spread_and_float32_take_what_they_add(
    tiny_values: dict[str, Any], tiny_config: PipelineConfig, base: Base, work: Work
) -> None:
    plain = content_window_bytes(tiny_config, base, work, "truth")
    latents = content_window_bytes(tiny_config, base, work, "grey")
    spread = resolve(tiny_values | {"latents": {"truth_posterior": "mean_and_logvar"}})
    assert content_window_bytes(spread, base, work, "truth") - plain == latents
    precise = resolve(tiny_values | {"latents": {"latents_dtype": "float32"}})
    assert content_window_bytes(precise, base, work, "grey") == 2 * latents


def test_a_checkpoints_tensors_have_as_many_bytes_as_planned(
    tiny_config: PipelineConfig, base: Base, work: Work, tiny_training: Path
) -> None:
    planned = checkpoint_bytes(base, tiny_config.training, work.latent_shape)
    assert written(tiny_training / "checkpoints" / "step-4") == planned


@pytest.mark.parametrize(
    "changes",
    [
        {"conditioning": "replace"},
        {"ema_decay": 0.9},
        {"optimizer": "prodigy", "learning_rate": 1.0, "patch_learning_rate": 1.0},
        {"targets": ["all_linear"], "dora": True},
    ],
    ids=lambda changes: "-".join(map(str, changes.values())),
)
def test_what_optimizers_and_averages_keep_is_planned(
    changes: dict[str, Any],
    tiny_values: dict[str, Any],
    base: Base,
    work: Work,
    training_arguments: Train,
    tmp_path: Path,
) -> None:
    config = resolve(tiny_values | {"training": {**tiny_values["training"], **changes}})
    options = config.training.model_copy(update={"steps": 1, "save_every": 1, "warmup_steps": 0}).to_options().split()
    assert main(training_arguments(tmp_path / "out", *options)) == 0
    assert written(tmp_path / "out" / "checkpoints" / "step-1") == checkpoint_bytes(
        base, config.training, work.latent_shape
    )


def test_a_larger_checkpoint_has_the_planned_size_on_disk(
    tiny_values: dict[str, Any], base: Base, work: Work, training_arguments: Train, tmp_path: Path
) -> None:
    changes = {"rank": 512, "targets": ["attention+ff"]}
    config = resolve(tiny_values | {"training": {**tiny_values["training"], **changes}})
    options = ["--rank", "512", "--targets", "attention+ff", "--steps", "1", "--save-every", "1", "--warmup-steps", "0"]
    assert main(training_arguments(tmp_path / "out", *options)) == 0
    planned = checkpoint_bytes(base, config.training, work.latent_shape)
    checkpoint = tmp_path / "out" / "checkpoints" / "step-1"
    assert size(checkpoint / "adapter") == pytest.approx(planned.adapter, rel=0.03)
    assert size(checkpoint) == pytest.approx(planned.adapter + planned.resume + planned.probe, rel=0.03)


def test_a_set_of_conditions_is_written_for_each_source_and_states_for_the_last_checkpoints(
    tiny_values: dict[str, Any], base: Base
) -> None:
    rows = "experiment\toverrides\tdescription\na\t\t\nb\trank=3\t\nc\tconditioning=concat_rgb\t\n"
    Path(tiny_values["experiments"]).write_text(rows)
    config = resolve(tiny_values | {"training": {**tiny_values["training"], "steps": 10, "keep_last": 2}})
    work = count_work(config, base.geometry, given=None, size="32x32")
    found = {row.what: row for row in disk_rows(config, base, work)}
    assert found["condition grey"].bytes == found["condition rgb"].bytes
    assert found["condition grey"].bytes == work.train_windows * content_window_bytes(config, base, work, "grey")
    experiment = config.compared()["b"].training
    checkpoint = checkpoint_bytes(base, experiment, work.latent_shape)
    assert found["b: 5 adapters"].bytes == 5 * (checkpoint.adapter + checkpoint.probe)
    assert found["b: state of the last 2"].bytes == 2 * checkpoint.resume


def test_checkpoints_that_are_written_are_subtracted(
    tiny_values: dict[str, Any], base: Base, tiny_training: Path, tmp_path: Path
) -> None:
    config = resolve(tiny_values)
    training = config.training
    kept, resumable = kept_checkpoints(training)
    whole = missing_checkpoint_bytes(config, tmp_path)
    tensors = checkpoint_bytes(base, training, (1, 1, 1))
    assert whole >= kept * tensors.adapter + resumable * tensors.resume
    (tmp_path / "one").symlink_to(tiny_training)
    assert whole - missing_checkpoint_bytes(config, tmp_path) == size(tiny_training / "checkpoints")


def test_a_training_that_will_be_refused_reserves_nothing(tiny_values: dict[str, Any], tmp_path: Path) -> None:
    config = resolve(tiny_values | {"training": {**tiny_values["training"], "targets": ["to_nothing"]}})
    assert missing_checkpoint_bytes(config, tmp_path) == 0


def test_help_names_no_setting_that_is_as_small_as_it_gets(tiny_values: dict[str, Any]) -> None:
    assert "float16" not in disk_help(resolve(tiny_values))["latents"]
    large = resolve(tiny_values | {"latents": {"latents_dtype": "float32", "truth_posterior": "mean_and_logvar"}})
    assert "latents.latents_dtype: float16; latents.truth_posterior: mean" in disk_help(large)["latents"]


def test_a_base_on_the_hub_is_counted_as_a_download(in_the_project: Path) -> None:
    config = resolve({"extends": "config/cogvideox-2b.yaml"}, root_exists=False)
    base = read_base(config.model.base)
    rows = disk_rows(config, base, count_work(config, base.geometry, given=100, size=None))
    assert [row.bytes / 1e9 for row in rows if row.stage == "model"] == [pytest.approx(13.3, abs=0.1)]

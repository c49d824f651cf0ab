"""A training's memory from its shapes, and what `gradient_checkpointing: auto` makes of it."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inpainting.cli import main
from inpainting.models.settings import TransformerSettings
from inpainting.models.shapes import Base, read_base
from inpainting.stages.training.memory import BESIDE_TENSORS, decide_checkpointing, training_bytes
from inpainting.stages.training.settings import TrainSettings

MODEL = TransformerSettings(base="THUDM/CogVideoX-2b", dtype="float16")
SHAPE = 13, 60, 80


@pytest.fixture
def base() -> Base:
    """CogVideoX-2b's shapes."""
    return read_base(MODEL.base)


def training(**values: Any) -> TrainSettings:
    return TrainSettings(**{"mixed_precision": "fp16", "batch_size": 8, **values})


def total(base: Base, shape: tuple[int, int, int], checkpointing: bool, **values: Any) -> int:
    return sum(training_bytes(base, MODEL, training(**values), shape, checkpointing).values())


def test_the_sum_is_near_the_published_ones(base: Base) -> None:
    """44.3 GB: LoRA of rank 64, 49 frames of 720x480, a batch of one, without gradient checkpointing."""
    assert total(base, (13, 60, 90), checkpointing=False) / 1e9 == pytest.approx(44.3, rel=0.1)


def test_processes_that_shard_hold_a_part_of_the_base_and_of_the_batch(base: Base) -> None:
    alone, four = (
        training_bytes(base, MODEL, training(micro_batch_size=8, **more), SHAPE, checkpointing=True)
        for more in ({}, {"processes": 4, "shard_base": True})
    )
    assert four["base"] == alone["base"] // 4
    assert four["activations"] == pytest.approx(alone["activations"] / 4, abs=1)
    assert four["gradients"] == alone["gradients"]


def test_a_preview_counts_where_its_vae_takes_more_than_a_pass(base: Base) -> None:
    with_it, without = (total(base, SHAPE, checkpointing=True, preview_every=every) for every in (500, 0))
    assert with_it > without
    assert total(base, SHAPE, checkpointing=False, preview_every=500) == total(base, SHAPE, checkpointing=False)


@pytest.mark.parametrize(("left", "on"), [(BESIDE_TENSORS, False), (BESIDE_TENSORS - 1, True)])
def test_auto_recomputes_unless_all_fits_beside_what_cuda_takes(base: Base, left: int, on: bool) -> None:
    device_bytes = total(base, SHAPE, checkpointing=False) + left
    auto = training(gradient_checkpointing="auto")
    assert decide_checkpointing(base, MODEL, auto, SHAPE, device_bytes).on is on
    assert decide_checkpointing(base, MODEL, auto, SHAPE, None).on


@pytest.mark.parametrize("given", [True, False, "true", "false"])
def test_a_setting_that_is_given_holds_on_every_device(base: Base, given: bool | str) -> None:
    settings = training(gradient_checkpointing=given)
    for device_bytes in (None, 1, 10**15):
        assert decide_checkpointing(base, MODEL, settings, SHAPE, device_bytes).on is (given in (True, "true"))


def test_a_training_logs_what_auto_decided_and_resumes_with_another_value(
    training_arguments: Callable[..., list[str]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    common = ["--schedule", "constant", "--on-change", "refuse"]
    assert main(training_arguments(tmp_path, "--gradient-checkpointing", "auto", "--steps", "2", *common)) == 0
    assert "gradient checkpointing is on (auto: no GPU whose memory is known)" in caplog.text
    assert main(training_arguments(tmp_path, "--gradient-checkpointing", "false", "--steps", "4", *common)) == 0

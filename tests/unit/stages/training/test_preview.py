"""Previews during training: what they score and show, and that they change nothing of it."""

import gc
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import command
from inpainting.artifacts.preview_pictures import PreviewPicture, read_previews
from inpainting.artifacts.prompt import read_prompt
from inpainting.cli import main
from inpainting.core.files import read_table
from inpainting.core.seeds import derive
from inpainting.metrics.aggregate import per_sequence
from inpainting.metrics.by_region import score_clip
from inpainting.metrics.regions import Regions
from inpainting.models.settings import InferenceSettings
from inpainting.sampling.loading import load_pipeline, noise_generator
from inpainting.stages.report.draw_previews import WIDTH
from inpainting.video import masks
from inpainting.video.clip import read_clip
from inpainting.video.settings import MaskSettings
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from trainings import checkpoint_files

Arguments = Callable[..., list[str]]


@pytest.fixture
def preview_options(tiny_results: Path) -> list[str]:
    """A preview of two sequences after every second update."""
    audit = tiny_results / "audit"
    files = ["--manifest", str(audit / "manifest.parquet"), "--split-file", str(audit / "split.tsv")]
    return [*files, "--dataset", str(tiny_results / "dataset"), "--preview-every", "2", "--preview-steps", "2"]


def previews(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "previews.jsonl").read_text().splitlines()]


def test_the_training_is_bit_identical_with_previews_and_without(
    training_arguments: Arguments, preview_options: list[str], tmp_path: Path
) -> None:
    options = ["--lora-dropout", "0.3", "--ema-decay", "0.5"]
    assert main(training_arguments(tmp_path / "without", *options)) == 0
    assert main(training_arguments(tmp_path / "with", *options, *preview_options)) == 0
    assert checkpoint_files(tmp_path / "with") == checkpoint_files(tmp_path / "without")
    assert [row["step"] for row in previews(tmp_path / "with")] == [2, 4]


def test_a_preview_scores_in_the_mask_what_the_checkpoints_adapter_makes_of_the_first_validation_sequences(
    training_arguments: Arguments, preview_options: list[str], tiny_base: Path, tiny_results: Path, tmp_path: Path
) -> None:
    assert main(training_arguments(tmp_path, *preview_options, "--ema-decay", "0.5", "--preview-sequences", "1")) == 0
    table = read_table(tiny_results / "audit" / "split.tsv")
    name = sorted(table.loc[table["split"] == "validation", "id"])[0]
    clip = read_clip(tiny_results / "dataset", name, 9)
    adapter = tmp_path / "checkpoints" / "step-4" / "adapter"
    model = InferenceSettings(base=str(tiny_base), device="cpu")
    generator = noise_generator(derive(0, "training.preview", name))
    raw = load_pipeline(model, adapter)(
        clip.rgb, clip.mask, num_inference_steps=2, generator=generator, composite=False
    ).frames
    hole = masks.to_hole(clip.mask, MaskSettings())
    scored = score_clip(raw, clip.truth, Regions(hole)).assign(method="", sequence=name, output="raw")
    expected = per_sequence(scored)
    last = previews(tmp_path)[-1]
    assert last["psnr_mask"] == pytest.approx(float(expected["psnr_mask"][0]), abs=1e-6)
    assert last["ssim_mask"] == pytest.approx(float(expected["ssim_mask"][0]), abs=1e-6)

    board = EventAccumulator(str(tmp_path / "tensorboard"), size_guidance={"images": 0}).Reload()
    assert [event.step for event in board.Images(f"preview/{name}")] == [2, 4]
    assert (board.Images(f"preview/{name}")[0].width, board.Images(f"preview/{name}")[0].height) == (4 * 32, 32)
    assert board.Scalars("preview/psnr_mask")[-1].value == pytest.approx(last["psnr_mask"], rel=1e-5)


@pytest.mark.slow
def test_previews_are_drawn_over_the_steps_and_once_if_the_run_was_resumed(
    training_arguments: Arguments, preview_options: list[str], tmp_path: Path
) -> None:
    assert main(training_arguments(tmp_path, *preview_options, "--preview-sequences", "1")) == 0
    shutil.rmtree(tmp_path / "checkpoints" / "step-4")
    assert main(training_arguments(tmp_path, *preview_options, "--preview-sequences", "1")) == 0
    (logged,) = read_previews(tmp_path / "tensorboard").values()
    assert list(logged) == [2, 4] and logged[2].output.shape == (32, 32, 3)
    assert main(command("draw-previews", training=tmp_path / "training.json", jpg=tmp_path / "strip.jpg")) == 0
    with Image.open(tmp_path / "strip.jpg") as strip:
        assert strip.width > 5 * WIDTH, "input, mask, two previews, truth"


def test_a_training_without_previews_has_a_picture_that_says_so(tiny_training: Path, tmp_path: Path) -> None:
    assert main(command("draw-previews", training=tiny_training / "training.json", jpg=tmp_path / "strip.jpg")) == 0
    assert (tmp_path / "strip.jpg").is_file()


def test_previews_without_a_dataset_are_refused(
    training_arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(training_arguments(tmp_path, "--preview-every", "1")) == 2
    assert "previews need --dataset" in capsys.readouterr().err


def test_pictures_are_input_mask_output_and_truth(
    training_arguments: Arguments, preview_options: list[str], tiny_results: Path, tmp_path: Path
) -> None:
    from inpainting.cli import parse
    from inpainting.models import loading
    from inpainting.stages.training.preview import Preview
    from inpainting.stages.training.settings import TrainCommand

    settings = parse(
        "train",
        training_arguments(tmp_path, *preview_options, "--conditioning", "replace", "--augmented-share", "1")[1:],
    )
    assert isinstance(settings, TrainCommand) and settings.prompt_file is not None
    transformer = loading.load_transformer(settings.base, torch.float32, torch.device("cpu"), (4, 4), 9).train()
    result = Preview(settings, read_prompt(settings.prompt_file))(transformer)
    assert transformer.training and result is not None
    name, picture = next(iter(result.pictures.items()))
    clip = read_clip(tiny_results / "dataset", name, 9)
    rgb, mask, _, truth = PreviewPicture.taken_apart(picture.side_by_side())
    assert np.array_equal(rgb, clip.rgb[4])
    assert np.array_equal(mask[..., 0] > 0, clip.mask[4] > 127)
    assert np.array_equal(truth, clip.truth[4])


def test_a_preview_whose_frames_are_not_finite_is_left_out_and_ends_no_training(
    training_arguments: Arguments, preview_options: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from inpainting.cli import parse
    from inpainting.models import loading
    from inpainting.stages.training.preview import Preview
    from inpainting.stages.training.settings import TrainCommand

    settings = parse("train", training_arguments(tmp_path, *preview_options, "--conditioning", "replace")[1:])
    assert isinstance(settings, TrainCommand) and settings.prompt_file is not None
    transformer = loading.load_transformer(settings.base, torch.float32, torch.device("cpu"), (4, 4), 9).train()
    prompt = torch.full_like(read_prompt(settings.prompt_file), torch.nan)
    assert Preview(settings, prompt)(transformer) is None
    assert transformer.training
    assert "there is no preview this time: the model's frames hold NaN" in caplog.text


def tensors() -> dict[int, int]:
    """Bytes of every storage that a living tensor of this process has, by its address."""
    gc.collect()
    alive = [one for one in gc.get_objects() if isinstance(one, torch.Tensor)]
    return {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in alive}


def test_after_a_preview_there_are_no_more_tensors_than_before(
    training_arguments: Arguments, preview_options: list[str], tmp_path: Path
) -> None:
    from inpainting.cli import parse
    from inpainting.models import loading, lora
    from inpainting.stages.training.preview import Preview
    from inpainting.stages.training.settings import TrainCommand

    settings = parse("train", training_arguments(tmp_path, *preview_options, "--conditioning", "replace")[1:])
    assert isinstance(settings, TrainCommand) and settings.prompt_file is not None
    transformer = loading.load_transformer(settings.base, torch.float32, torch.device("cpu"), (4, 4), 9)
    lora.add_lora(transformer, settings.section(lora.LoraSettings), seed=0)
    lora.prepare_training(transformer)
    preview = Preview(settings, read_prompt(settings.prompt_file))
    before = tensors()
    peak = 0

    def count(*_: object) -> None:
        nonlocal peak
        peak = max(peak, sum(tensors().values()))

    hook = transformer.register_forward_hook(count)
    preview(transformer)
    hook.remove()
    after = tensors()
    assert peak > sum(before.values()) + 100_000, "the VAE and the latents were there"
    assert sum(after.values()) <= sum(before.values())
    assert len(after) <= len(before)
    assert all(parameter.grad is None for parameter in transformer.parameters())

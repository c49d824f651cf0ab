"""An exported adapter has the checkpoint's files, bit for bit, and a model card."""

import errno
import os
import shutil
from pathlib import Path

import commands
import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from inpainting.artifacts.best import BestCheckpoint
from inpainting.cli import main
from inpainting.core.files import folder_digest, read_json, write_json
from inpainting.models import loading
from inpainting.models.adapter_files import adapter_digest, adapter_files
from inpainting.models.settings import InferenceSettings
from inpainting.sampling.loading import load_pipeline, noise_generator
from inpainting.sampling.pipeline import CogVideoXInpaintPipeline


@pytest.fixture
def checkpoint(tiny_training: Path) -> Path:
    """The tiny training's last checkpoint."""
    return tiny_training / "checkpoints" / "step-4"


@pytest.fixture
def scores(checkpoint: Path, tmp_path: Path) -> Path:
    """Its scores, as `inpaint best` writes them."""
    interval = {"mean": 21.5, "low": 20.25, "high": 22.75}
    best = BestCheckpoint(
        step=4,
        sampling_steps=7,
        criterion="psnr_mask",
        why="the only one",
        by_criterion={},
        scores={"psnr_mask": interval, "ssim_mask": {"mean": 0.5, "low": None, "high": None}},
        difference_to_training=0.0,
        candidates=[],
        provenance={"settings": {}, "versions": {}, "inputs": {"adapter": adapter_digest(checkpoint / "adapter")}},
    )
    best.write(tmp_path / "best.json")
    return tmp_path / "best.json"


def test_the_exported_files_equal_the_checkpoints_and_the_card_has_scores_and_steps(
    checkpoint: Path, scores: Path, tmp_path: Path
) -> None:
    out = tmp_path / "exported"
    assert main(commands.export(checkpoint, out, "--scores", str(scores))) == 0
    names = adapter_files(checkpoint / "adapter")
    assert sorted(p.name for p in out.iterdir()) == sorted([*names, "README.md", "SHA256SUMS", "provenance.json"])
    for name in names:
        assert (out / name).read_bytes() == (checkpoint / "adapter" / name).read_bytes()
    card = (out / "README.md").read_text()
    assert "| 7 | 21.500 (20.250 to 22.750) | 0.500 |" in card
    assert "num_inference_steps=7" in card and "| training steps | 4 |" in card
    assert "is not complete without `widened.safetensors`: the patch embedding with 33 input" in card
    assert 'load_lora_adapter("exported", weight_name="pytorch_lora_weights.safetensors")' in card
    (front,) = ModelCard.load(out / "README.md").data.eval_results[:1]
    assert (front.metric_type, front.metric_value) == ("psnr_mask", 21.5) and "7 denoising steps" in front.metric_name
    record = read_json(out / "provenance.json")
    assert record["training"]["step"] == 4 and set(record["adapter"]) == set(names)
    before = folder_digest(out)
    assert main(commands.export(checkpoint, out, "--scores", str(scores))) == 0
    assert folder_digest(out) == before


def test_a_file_of_snakemake_in_the_adapters_folder_is_ignored(checkpoint: Path, scores: Path, tmp_path: Path) -> None:
    best = shutil.copytree(checkpoint / "adapter", tmp_path / "best")
    (best / ".snakemake_timestamp").touch()
    out = tmp_path / "exported"
    assert main(commands.export(best, out, "--scores", str(scores))) == 0
    assert not (out / ".snakemake_timestamp").exists()


def test_an_exported_adapter_gives_the_checkpoints_pixels(checkpoint: Path, tiny_base: Path, tmp_path: Path) -> None:
    out = tmp_path / "exported"
    assert main(commands.export(checkpoint / "adapter", out)) == 0
    rgb = np.random.default_rng(0).integers(0, 256, (9, 32, 32, 3), dtype=np.uint8)
    mask = np.zeros((9, 32, 32), np.uint8)
    mask[:, 8:20, 8:20] = 255
    model = InferenceSettings(base=str(tiny_base), device="cpu")
    made = [
        load_pipeline(model, adapter)(rgb, mask, num_inference_steps=2, generator=noise_generator(0)).frames
        for adapter in (checkpoint / "adapter", out)
    ]
    assert np.array_equal(made[0], made[1])
    cpu = torch.device("cpu")
    pipeline = CogVideoXInpaintPipeline(
        None,
        None,
        loading.load_vae(str(tiny_base), torch.float32, cpu),
        loading.load_transformer(str(tiny_base), torch.float32, cpu, (4, 4), 9),
        loading.load_scheduler(str(tiny_base)),
    )
    assert pipeline.load_adapter(out, str(tiny_base)).plan(9).length == 9


def test_scores_of_another_adapter_and_other_folders_are_refused(
    checkpoint: Path, scores: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "exported"
    other = checkpoint.with_name("step-2")
    assert main(commands.export(other, out, "--scores", str(scores))) == 1
    assert "has the scores of another adapter" in capsys.readouterr().err
    write_json(tmp_path / "odd.json", {"step": 1})
    assert main(commands.export(other, out, "--scores", str(tmp_path / "odd.json"))) == 1
    assert "is not a file of `inpaint validate`" in capsys.readouterr().err
    assert main(commands.export(tmp_path, out)) == 1
    assert "is not an adapter" in capsys.readouterr().err
    assert not out.exists()
    assert main(commands.export(checkpoint, tmp_path)) == 2
    assert "inpaint export: --out: " in capsys.readouterr().err


def test_a_disk_that_fills_during_export_is_one_sentence(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", full)
    assert main(commands.export(checkpoint, tmp_path / "exported")) == 1
    assert capsys.readouterr().err.startswith(
        f"inpaint export: {tmp_path / 'exported'} can't be written: no space left"
    )
    assert not (tmp_path / "exported").exists()

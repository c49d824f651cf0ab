"""Bases on the hub: a cache as a download leaves it, and no network."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import commands
import pytest
from huggingface_hub.utils import filter_repo_objects
from inpainting.cli import main
from inpainting.conditioning.adapter import read_adapter_config
from inpainting.config import resolve
from inpainting.core.errors import UsageError
from inpainting.models import bases, hub
from inpainting.sampling.pipeline import CogVideoXInpaintPipeline

NAME = "owner/CogVideoX-2b"
MAIN, OLD = "0123456789abcdef0123456789abcdef01234567", "fedcba9876543210fedcba9876543210fedcba98"
PARTS = {
    "scheduler": ["diffusers", "CogVideoXDDIMScheduler"],
    "text_encoder": [None, None],
    "tokenizer": [None, None],
    "transformer": ["diffusers", "CogVideoXTransformer3DModel"],
    "vae": ["diffusers", "AutoencoderKLCogVideoX"],
}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; also for processes that a test starts. The network is not used."""
    folder = tmp_path / "huggingface" / "hub"
    for name, value in {"HF_HUB_CACHE": str(folder), "HF_HUB_OFFLINE": True}.items():
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", value)
    monkeypatch.setenv("HF_HOME", str(folder.parent))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder


@pytest.fixture
def snapshot(cache: Path, tiny_base: Path) -> Path:
    """The tiny base in the cache, as commit MAIN of the main branch."""
    folder = cache / "models--owner--CogVideoX-2b"
    snapshot = Path(shutil.copytree(tiny_base, folder / "snapshots" / MAIN))
    (snapshot / hub.INDEX).write_text(json.dumps({"_class_name": "CogVideoXPipeline"} | PARTS))
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(MAIN)
    return snapshot


def test_a_base_that_was_not_downloaded_is_refused_with_the_command_that_downloads_it(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(commands.prompt(NAME, tmp_path / "p", "--revision", "v1")) == 1
    assert capsys.readouterr().err.strip() == (
        f"inpaint prompt: {NAME}: every file is missing in the cache {cache}; "
        f"run `inpaint fetch --base {NAME} --revision v1` first"
    )
    assert resolve({"model": {"base": NAME}}).model.base == NAME


@pytest.mark.parametrize(
    "missing", [hub.INDEX, "scheduler/*", "vae/*.safetensors", "text_encoder/*", "transformer/b.safetensors"]
)
def test_an_incomplete_download_is_refused(
    snapshot: Path, tmp_path: Path, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if missing.startswith("text_encoder"):
        (snapshot / hub.INDEX).write_text(json.dumps(PARTS | {"text_encoder": ["transformers", "T5EncoderModel"]}))
    if missing.startswith("transformer"):
        index = {"weight_map": {"x": "diffusion_pytorch_model.safetensors", "y": "b.safetensors"}}
        (snapshot / "transformer" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    for path in snapshot.glob(missing):
        path.unlink()
    assert main(commands.prompt(NAME, tmp_path / "p")) == 1
    assert f"{NAME}: {missing} is missing in the cache" in capsys.readouterr().err


def test_fetch_prints_the_folder_of_a_base(snapshot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "--base", NAME]) == 0
    assert capsys.readouterr().out == f"{snapshot}\n"
    assert main(["fetch", "--base", str(snapshot)]) == 0
    assert capsys.readouterr().out == f"{snapshot}\n"


def test_fetch_says_in_a_sentence_what_can_not_be_downloaded(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "--base", NAME]) == 1
    assert f"inpaint fetch: {NAME}: can't be downloaded: " in capsys.readouterr().err
    assert main(["fetch", "--base", "models/nanoo"]) == 2
    assert "--base: models/nanoo does not exist" in capsys.readouterr().err


def test_only_what_the_steps_load_is_downloaded() -> None:
    published = [
        "README.md",
        "model_index.json",
        "scheduler/scheduler_config.json",
        "text_encoder/model-00001-of-00002.safetensors",
        "text_encoder/pytorch_model-00001-of-00002.bin",
        "tokenizer/spiece.model",
        "transformer/config.json",
        "transformer/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
        "video.mp4",
    ]
    left_out = {*published}.difference(filter_repo_objects(published, allow_patterns=[*hub.FILES]))
    assert left_out == {"README.md", "text_encoder/pytorch_model-00001-of-00002.bin", "video.mp4"}


def test_a_training_on_a_hub_base_equals_that_on_its_folder_and_records_name_and_commit(
    snapshot: Path, tiny_training: Path, tiny_results: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "inpainting.cli", *commands.train(NAME, tiny_results, tmp_path / "out")]
    assert subprocess.run(command, check=False).returncode == 0
    adapter, other = (out / "checkpoints" / "step-4" / "adapter" for out in (tmp_path / "out", tiny_training))
    config, on_folder = read_adapter_config(adapter), read_adapter_config(other)
    assert (config.base, config.base_revision) == (NAME, MAIN)
    assert on_folder.base_revision is None
    assert config.shaping() == on_folder.shaping()
    weights = "pytorch_lora_weights.safetensors"
    assert (adapter / weights).read_bytes() == (other / weights).read_bytes()
    inputs = json.loads((tmp_path / "out" / "training.json").read_text())["provenance"]["inputs"]
    assert inputs["base"] == f"{NAME}@{MAIN}"


def test_a_revision_is_a_commit_of_its_own(snapshot: Path, tmp_path: Path) -> None:
    old = Path(shutil.copytree(snapshot, snapshot.parent / OLD))
    (snapshot.parents[1] / "refs" / "v1").write_text(OLD)
    for revision, folder in ((None, snapshot), ("v1", old), (OLD, old)):
        assert bases.local_folder(NAME, revision=revision) == folder
    assert hub.origin(str(old)) == (NAME, OLD)
    assert hub.origin(str(old / "transformer")) is None


def test_a_revision_is_refused_for_a_folder(
    tiny_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(commands.prompt(tiny_base, tmp_path / "p", "--revision", "v1")) == 2
    assert "--revision: v1 was given, but --base is no hub name; leave it out" in capsys.readouterr().err


def test_a_hub_base_is_refused_for_what_its_configuration_says(
    snapshot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = snapshot / "transformer" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"ofs_embed_dim": 16}))
    assert main(commands.prompt(NAME, tmp_path / "p")) == 2
    assert f"--base: {snapshot} has an ofs embedding, which is not supported" in capsys.readouterr().err
    with pytest.raises(UsageError, match=rf"model\.base: {NAME} has an ofs embedding"):
        resolve({"model": {"base": NAME}})


def test_a_pipeline_from_a_cache_of_ones_own_takes_the_adapter_of_its_base(
    snapshot: Path, tiny_training: Path, tmp_path: Path
) -> None:
    own = Path(shutil.move(snapshot.parents[2], tmp_path / "own"))
    pipeline = CogVideoXInpaintPipeline.from_pretrained(NAME, cache_dir=own, local_files_only=True)
    pipeline.load_adapter(tiny_training / "checkpoints" / "step-4" / "adapter")
    assert hub.origin(pipeline.config._name_or_path) == (NAME, MAIN)


def test_a_command_searches_a_relative_base_in_the_projects_folder_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(commands.prompt("models/nano", "prompt.safetensors")) == 0

"""A base that no model family knows is refused in one sentence, before anything is computed, whatever takes it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import commands
import pytest
from diffusers import AutoencoderKLCogVideoX, CogVideoXDDIMScheduler, CogVideoXTransformer3DModel
from inpainting.cli import main
from inpainting.config import resolve
from inpainting.core.errors import InputError, UsageError
from inpainting.models import bases
from inpainting.sampling.pipeline import CogVideoXInpaintPipeline

ODD: dict[str, tuple[str, dict[str, Any], str]] = {
    "5b-I2V": (
        "transformer",
        {"use_rotary_positional_embeddings": True, "use_learned_positional_embeddings": True, "in_channels": 32},
        "learned positions, 32 channels in and 16 out",
    ),
    "1.5-I2V": (
        "transformer",
        {"use_rotary_positional_embeddings": True, "patch_size_t": 2, "ofs_embed_dim": 16, "in_channels": 32},
        "an ofs embedding, 32 channels in and 16 out",
    ),
    "ofs": ("transformer", {"ofs_embed_dim": 16}, "an ofs embedding"),
    "Fun-Control": ("transformer", {"in_channels": 32}, "32 channels in and 16 out"),
    "patch-4": ("transformer", {"patch_size": 4}, "patches of 4 latent cells"),
    "inverted": ("vae", {"invert_scale_latents": True}, "latents of inverted scale"),
    "4x": (
        "vae",
        {
            "block_out_channels": (8, 8, 8),
            "down_block_types": ("CogVideoXDownBlock3D",) * 3,
            "up_block_types": ("CogVideoXUpBlock3D",) * 3,
        },
        "a VAE that compresses 4x4 pixels and 4 frames",
    ),
    "8-frames": ("vae", {"temporal_compression_ratio": 8}, "a VAE that compresses 8x8 pixels and 8 frames"),
    "vae-8": ("vae", {"latent_channels": 8}, "a VAE of 8 channels for a transformer of 16"),
    "epsilon": ("scheduler", {"prediction_type": "epsilon"}, "a noise schedule of epsilon prediction"),
    "500-steps": ("scheduler", {"num_train_timesteps": 500}, "a noise schedule of 500 timesteps"),
}
"""By name the part that is unlike CogVideoX-2b's, the settings that make it so, and what is said of it."""

CLASSES = {
    "transformer": CogVideoXTransformer3DModel,
    "vae": AutoencoderKLCogVideoX,
    "scheduler": CogVideoXDDIMScheduler,
}


@pytest.fixture
def odd_base(tiny_base: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Makes the base of a name of ODD: diffusers' own classes with random weights."""

    def odd_base(name: str) -> Path:
        part, values, _ = ODD[name]
        folder = Path(shutil.copytree(tiny_base, tmp_path / name))
        config = json.loads((folder / bases.CONFIG_FILES[part]).read_text())
        shutil.rmtree(folder / part)
        CLASSES[part].from_config({**config, **values}).save_pretrained(folder / part)
        return folder

    return odd_base


@pytest.mark.parametrize("name", ODD)
def test_a_base_is_refused_for_what_its_configuration_says(odd_base: Callable[[str], Path], name: str) -> None:
    base = odd_base(name)
    with pytest.raises(UsageError) as refused:
        bases.family(str(base))
    said = f"--base: {base} has {ODD[name][2]}, which is not supported; supported bases are CogVideoX-2b ("
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


def test_a_transformer_of_another_class_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    base = Path(shutil.copytree(tiny_base, tmp_path / "wan"))
    (base / "transformer" / "config.json").write_text('{"_class_name": "WanTransformer3DModel"}')
    with pytest.raises(UsageError, match="has a transformer of the class WanTransformer3DModel"):
        bases.family(str(base))


def test_a_damaged_configuration_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    base = Path(shutil.copytree(tiny_base, tmp_path / "damaged"))
    (base / "vae" / "config.json").write_text('{"block_out')
    with pytest.raises(InputError, match=r"vae/config.json is damaged"):
        bases.family(str(base))


@pytest.mark.parametrize(
    "command", ["encode", "prompt", "train", "dry-run", "find-rate", "validate", "base", "ceiling", "adapter", "run"]
)
def test_every_command_that_takes_a_base_refuses_it_and_writes_nothing(
    odd_base: Callable[[str], Path],
    tiny_results: Path,
    tiny_training: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    base, out = odd_base("5b-I2V"), tmp_path / "out"
    adapter, clip = tiny_training / "checkpoints" / "step-4" / "adapter", tiny_results / "dataset" / f"{0:016x}"

    def evaluate(method: str, *options: str) -> list[str]:
        scores = out / "scores.parquet"
        return commands.evaluate(method, tiny_results, scores, "--base", str(base), "--window", "9", *options)

    arguments = {
        "encode": commands.encode(base, tiny_results, out),
        "prompt": commands.prompt(base, out / "prompt.safetensors"),
        "train": commands.train(base, tiny_results, out),
        "dry-run": commands.train(base, tiny_results, out, "--dry-run"),
        "find-rate": commands.find_rate(base, tiny_results, out),
        "validate": commands.validate(base, tiny_results, adapter.parent, out / "step-4.json"),
        "base": evaluate("base"),
        "ceiling": evaluate("ceiling"),
        "adapter": evaluate("adapter", "--adapter", str(adapter)),
        "run": commands.run(base, out / "frames", "--input", clip, "--window", "9"),
    }[command]
    assert main(arguments) == 2
    (message,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("inpaint ")]
    assert message.startswith(f"inpaint {arguments[0]}: --base: {base} has {ODD['5b-I2V'][2]}, which is not supported;")
    assert not out.exists()


@pytest.mark.parametrize("command", ["encode", "train", "base", "run"])
def test_every_command_that_cuts_windows_refuses_those_whose_length_the_vae_does_not_keep(
    tiny_base: Path,
    tiny_results: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    out, window, clip = tmp_path / "out", ("--window", "12"), tiny_results / "dataset" / f"{0:016x}"
    arguments = {
        "encode": commands.encode(tiny_base, tiny_results, out, *window),
        "train": commands.train(tiny_base, tiny_results, out, *window),
        "base": commands.evaluate("base", tiny_results, out / "scores.parquet", "--base", str(tiny_base), *window),
        "run": commands.run(tiny_base, None, "--input", clip, *window),
    }[command]
    assert main(arguments) == 2
    message = capsys.readouterr().err
    assert ": --window: 12 frames do not keep their length in the VAE; use 8k+1, such as 9 or 17" in message
    assert not out.exists()


@pytest.mark.parametrize("name", ["5b-I2V", "Fun-Control", "inverted", "epsilon"])
def test_a_pipeline_refuses_it(odd_base: Callable[[str], Path], name: str) -> None:
    base = odd_base(name)
    parts = {"transformer": "CogVideoXTransformer3DModel", "vae": "AutoencoderKLCogVideoX"}
    parts["scheduler"] = "CogVideoXDDIMScheduler"
    index = {"_class_name": "CogVideoXPipeline", **{part: ["diffusers", kind] for part, kind in parts.items()}}
    (base / "model_index.json").write_text(json.dumps(index | dict.fromkeys(("text_encoder", "tokenizer"), [None] * 2)))
    with pytest.raises(InputError, match=f"{base}.* has {ODD[name][2]}, which is not supported"):
        CogVideoXInpaintPipeline.from_pretrained(base)


def test_a_configuration_of_the_pipeline_refuses_it_and_windows_whose_length_the_vae_does_not_keep(
    odd_base: Callable[[str], Path], tiny_base: Path
) -> None:
    base = odd_base("1.5-I2V")
    with pytest.raises(UsageError, match=f"^model.base: {base} has an ofs embedding, 32 channels in"):
        resolve({"model": {"base": str(base)}})
    with pytest.raises(UsageError, match=r"^model\.base: models/nowhere does not exist"):
        resolve({"model": {"base": "models/nowhere"}})
    values = {"model": {"base": str(tiny_base)}, "windows": {"window": 12}}
    with pytest.raises(UsageError, match=r"^windows.window: 12 frames do not keep their length in the VAE; .* 9 or 17"):
        resolve(values)

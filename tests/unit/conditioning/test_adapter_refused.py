"""A damaged adapter folder, or one that does not fit the base, is refused."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from damage import flip_bit
from inpainting.artifacts.best import BestCheckpoint
from inpainting.artifacts.formats import Provenance
from inpainting.artifacts.prompt import read_prompt
from inpainting.conditioning import adapter as adapters
from inpainting.core.errors import InputError
from inpainting.models.adapter_files import adapter_digest
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from .conftest import (
    base_transformer,
)


def test_another_kind_of_lora_in_the_file_than_was_trained_is_refused(tiny_base: Path, copied: Path) -> None:
    path = copied / adapters.CONFIG_FILE
    config = json.loads(path.read_text())
    config["lora"]["rslora"] = True
    path.write_text(json.dumps(config))
    with pytest.raises(InputError, match="rslora False, but trained with True"):
        adapters.load_adapter(base_transformer(tiny_base), copied)


@pytest.mark.parametrize(
    "name", [adapters.LORA_FILE, adapters.WIDENED_FILE, adapters.PROMPT_FILE, adapters.CONFIG_FILE]
)
def test_an_adapter_with_a_file_missing_is_refused(tiny_base: Path, copied: Path, name: str) -> None:
    (copied / name).unlink()
    with pytest.raises(InputError, match=f"is not an adapter: {name} missing"):
        adapters.load_adapter(base_transformer(tiny_base), copied)


def test_a_folder_above_adapters_is_refused_with_the_latest_of_them(copied: Path, tmp_path: Path) -> None:
    for step in ("step-200", "step-1000"):
        shutil.copytree(copied, tmp_path / "run" / "checkpoints" / step / "adapter")
    latest = tmp_path / "run" / "checkpoints" / "step-1000" / "adapter"
    for folder in (latest.parent, latest.parents[1], tmp_path / "run"):
        with pytest.raises(InputError, match=re.escape(f"{folder} is not an adapter") + rf".*did you mean {latest}\?"):
            adapters.read_adapter_config(folder)


@pytest.mark.parametrize("name", [adapters.LORA_FILE, adapters.WIDENED_FILE, adapters.CONFIG_FILE])
def test_an_adapter_with_a_file_cut_short_is_refused(tiny_base: Path, copied: Path, name: str) -> None:
    (copied / name).write_bytes((copied / name).read_bytes()[:-10])
    with pytest.raises(InputError, match=r"adapter.* is damaged"):
        adapters.load_adapter(base_transformer(tiny_base), copied)


def test_a_prompt_cut_short_is_refused(copied: Path) -> None:
    path = copied / adapters.PROMPT_FILE
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"prompt\.safetensors is damaged"):
        read_prompt(path)


FILES = [adapters.LORA_FILE, adapters.WIDENED_FILE, adapters.PROMPT_FILE, adapters.CONFIG_FILE]


@pytest.mark.parametrize("name", FILES)
def test_an_adapter_with_a_flipped_bit_is_refused_by_the_file(
    tiny_base: Path, saved: Path, tmp_path: Path, name: str
) -> None:
    folder = Path(shutil.copytree(saved, tmp_path / "adapter"))
    adapters.load_adapter(base_transformer(tiny_base), folder)
    content = (folder / name).read_bytes()
    assert name != adapters.CONFIG_FILE or b'"mask_dilation": 3' in content
    place = content.find(b'"mask_dilation": 3') + 17 if name == adapters.CONFIG_FILE else len(content) // 2
    flip_bit(folder / name, place)  # in the configuration, one that leaves it readable: 3 becomes 2
    with pytest.raises(InputError, match=f"{name} is damaged"):
        adapters.load_adapter(base_transformer(tiny_base), folder)


def test_another_adapter_than_the_best_json_beside_it_names_is_refused(
    tiny_base: Path, saved: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(saved, tmp_path / "best"))
    write_best(tmp_path / "best.json", adapter_digest(folder))
    adapters.load_adapter(base_transformer(tiny_base), folder)
    write_best(tmp_path / "best.json", "0" * 64)
    with pytest.raises(InputError, match=r"is not the adapter that .* names; run `inpaint best` again"):
        adapters.load_adapter(base_transformer(tiny_base), folder)


def write_best(path: Path, adapter: str) -> None:
    BestCheckpoint(
        step=4,
        sampling_steps=1,
        criterion="psnr_mask",
        why="",
        by_criterion={},
        scores={},
        difference_to_training=0.0,
        candidates=[],
        provenance=Provenance(settings={}, versions={}, inputs={"adapter": adapter}),
    ).write(path)


def change_tensors(path: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata=metadata)


TO_Q = "transformer.transformer_blocks.0.attn1.to_q"


@pytest.mark.filterwarnings("ignore:While injecting the PEFT adapters")
@pytest.mark.parametrize(
    ("name", "change"),
    [
        (adapters.LORA_FILE, lambda tensors: [tensors.pop(f"{TO_Q}.lora_{matrix}.weight") for matrix in "AB"]),
        (adapters.LORA_FILE, lambda tensors: tensors.pop(f"{TO_Q}.lora_A.weight")),
        (adapters.LORA_FILE, lambda tensors: tensors.clear()),
        (adapters.LORA_FILE, lambda tensors: tensors.update({f"{TO_Q}.lora_A.weight": torch.zeros(2, 31)})),
        (adapters.LORA_FILE, lambda tensors: tensors.update({f"{TO_Q}x.lora_A.weight": torch.zeros(2, 32)})),
        (adapters.WIDENED_FILE, lambda tensors: tensors.pop("patch_embed.proj.bias")),
        (adapters.WIDENED_FILE, lambda tensors: tensors.update({"patch_embed.proj.weight": torch.zeros(32, 32, 2, 2)})),
        (adapters.WIDENED_FILE, lambda tensors: tensors.update(surplus=torch.zeros(1))),
    ],
    ids=["layer missing", "A missing", "empty", "misfit A", "unknown layer", "bias missing", "not widened", "surplus"],
)
def test_tensors_that_do_not_fit_are_refused(
    tiny_base: Path, copied: Path, name: str, change: Callable[[dict[str, Tensor]], object]
) -> None:
    change_tensors(copied / name, change)
    with pytest.raises(InputError, match="adapter"):
        adapters.load_adapter(base_transformer(tiny_base), copied)


def test_another_alpha_in_the_file_than_was_trained_is_refused(tiny_base: Path, copied: Path) -> None:
    path = copied / adapters.LORA_FILE
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    changed = {key: value.replace("6.0", "2.0") for key, value in metadata.items()}
    assert changed != metadata
    save_file(load_file(path), path, metadata=changed)
    with pytest.raises(InputError, match=r"alpha 2\.0, but trained with 6\.0"):
        adapters.load_adapter(base_transformer(tiny_base), copied)


def test_a_file_that_lost_its_metadata_is_refused(tiny_base: Path, copied: Path) -> None:
    path = copied / adapters.LORA_FILE
    save_file(load_file(path), path, metadata={"format": "pt"})
    with pytest.raises(InputError, match="alpha"):
        adapters.load_adapter(base_transformer(tiny_base), copied)


def test_a_configuration_of_another_version_is_refused(copied: Path) -> None:
    path = copied / adapters.CONFIG_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"surplus": 1}))
    with pytest.raises(InputError, match=r"inpainting\.json is damaged or of another version"):
        adapters.read_adapter_config(copied)

"""Base models are loaded whole, or refused with what is wrong; the noise schedule is the model's own."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from inpainting.core.errors import InputError, UsageError
from inpainting.models import loading
from inpainting.models.settings import ModelSettings
from safetensors.torch import load_file, save_file
from torch import Tensor

CPU = torch.device("cpu")
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, torch.float32),
        ({"dtype": "float16"}, torch.float16),
        ({"dtype": "float16", "vae_dtype": "float32"}, torch.float32),
        ({"vae_dtype": "bfloat16"}, torch.bfloat16),
    ],
)
def test_the_vae_has_the_base_weights_precision_unless_one_is_asked_for(
    options: dict[str, Any], expected: torch.dtype
) -> None:
    assert loading.vae_dtype(ModelSettings(**options), CPU) == expected


def test_the_vae_has_half_the_precision_by_auto_only_where_the_processor_computes_in_it() -> None:
    flags = Path("/proc/cpuinfo")
    with_amx = flags.is_file() and "amx_bf16" in flags.read_text(encoding="utf-8")
    expected = torch.bfloat16 if with_amx else torch.float32
    assert loading.vae_dtype(ModelSettings(vae_dtype="auto"), CPU) == expected


@pytest.fixture
def copied_base(tiny_base: Path, tmp_path: Path) -> Path:
    """A copy of the tiny base that a test may damage."""
    return Path(shutil.copytree(tiny_base, tmp_path / "base"))


def change_weights(base: Path, part: str, change: Callable[[dict[str, Tensor]], object]) -> None:
    weights = load_file(base / part / WEIGHTS)
    change(weights)
    save_file(weights, base / part / WEIGHTS, metadata={"format": "pt"})


def change_config(base: Path, part: str, **values: Any) -> None:
    path = base / "scheduler" / "scheduler_config.json" if part == "scheduler" else base / part / "config.json"
    config = json.loads(path.read_text()) | values
    path.write_text(json.dumps({name: value for name, value in config.items() if value is not None}))


def load_transformer(base: Path, dtype: torch.dtype = torch.float32) -> Any:
    return loading.load_transformer(str(base), dtype, CPU, (4, 4), frames=9)


def test_every_weight_arrives_as_it_is_stored_and_none_trains(tiny_base: Path) -> None:
    for part, model in (
        ("vae", loading.load_vae(str(tiny_base), torch.float32, CPU)),
        ("transformer", load_transformer(tiny_base)),
    ):
        stored = load_file(tiny_base / part / WEIGHTS)
        loaded = dict(model.named_parameters())
        assert stored.keys() == loaded.keys()
        assert all(torch.equal(stored[name], loaded[name]) for name in stored)
        assert not any(parameter.requires_grad for parameter in loaded.values())
        assert not model.training


@pytest.mark.parametrize("part", ["vae", "transformer"])
def test_missing_surplus_and_misfit_weights_are_refused(copied_base: Path, part: str) -> None:
    def load() -> Any:
        return load_transformer(copied_base) if part == "transformer" else loading.load_vae(base, torch.float32, CPU)

    base = str(copied_base)
    name = next(iter(load_file(copied_base / part / WEIGHTS)))
    untouched = (copied_base / part / WEIGHTS).read_bytes()
    change_weights(copied_base, part, lambda weights: weights.pop(name))
    with pytest.raises(InputError, match=f"{part}.*missing keys: {name}"):
        load()
    (copied_base / part / WEIGHTS).write_bytes(untouched)
    change_weights(copied_base, part, lambda weights: weights.update(surplus=torch.zeros(3)))
    with pytest.raises(InputError, match=f"{part}.*unexpected keys: surplus"):
        load()
    (copied_base / part / WEIGHTS).write_bytes(untouched)
    change_weights(copied_base, part, lambda weights: weights.update({name: torch.zeros(3, 5)}))
    with pytest.raises(InputError, match=part):
        load()
    (copied_base / part / WEIGHTS).write_bytes(untouched[:-100])
    with pytest.raises(InputError, match=part):
        load()


def test_a_random_base_has_the_same_shape_and_none_of_the_weights_and_its_seed_says_which(tiny_base: Path) -> None:
    def drawn(seed: int) -> dict[str, torch.Tensor]:
        model = loading.load_transformer(str(tiny_base), torch.float32, CPU, (4, 4), frames=9, random_seed=seed)
        assert not any(parameter.requires_grad for parameter in model.parameters())
        return dict(model.named_parameters())

    own, first, again, other = dict(load_transformer(tiny_base).named_parameters()), drawn(1), drawn(1), drawn(2)
    matrices = [name for name, weight in own.items() if weight.ndim > 1]
    assert matrices
    assert own.keys() == first.keys()
    assert all(torch.equal(first[name], again[name]) for name in own)
    assert not any(torch.equal(first[name], weights[name]) for weights in (own, other) for name in matrices)


def test_the_position_embedding_is_computed_once_for_the_clip_size(tiny_base: Path) -> None:
    transformer = loading.load_transformer(str(tiny_base), torch.float32, CPU, (6, 8), frames=17)
    assert transformer.patch_embed.pos_embedding.shape[1] == 4 + 5 * 3 * 4
    assert not transformer.patch_embed.pos_embedding.is_meta


def test_the_noise_schedule_is_read_from_the_models_folder(tiny_base: Path, copied_base: Path) -> None:
    own = loading.load_scheduler(str(tiny_base))
    assert own.config.prediction_type == "v_prediction"
    assert own.config.timestep_spacing == "trailing"
    assert own.config.snr_shift_scale == 3.0
    assert own.alphas_cumprod[-1] == 0
    change_config(copied_base, "scheduler", beta_end=0.02, rescale_betas_zero_snr=False)
    other = loading.load_scheduler(str(copied_base))
    assert other.config.beta_end == 0.02
    assert other.alphas_cumprod[-1] > 0


@pytest.mark.parametrize("prediction", ["epsilon", "sample", None])
def test_a_schedule_without_v_prediction_is_refused(copied_base: Path, prediction: str | None) -> None:
    change_config(copied_base, "scheduler", prediction_type=prediction)
    with pytest.raises(UsageError, match=f"a noise schedule of {prediction or 'epsilon'} prediction"):
        loading.load_scheduler(str(copied_base))


def test_a_base_without_a_schedule_is_refused(copied_base: Path) -> None:
    shutil.rmtree(copied_base / "scheduler")
    with pytest.raises(InputError, match="base/scheduler"):
        loading.load_scheduler(str(copied_base))


@pytest.mark.parametrize("base", ["nowhere", "./some/folder", "models/nowhere"])
def test_a_base_that_is_not_there_is_refused_before_the_network_is_asked(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=f"--base: {base}"):
        loading.load_scheduler(base)


def test_a_base_without_a_text_encoder_gets_zeros_and_takes_no_prompt(tiny_base: Path) -> None:
    embedding = loading.encode_prompt(str(tiny_base), "", CPU)
    assert embedding.shape == (1, 4, 8)
    assert not embedding.any()
    with pytest.raises(UsageError, match="takes no prompt"):
        loading.encode_prompt(str(tiny_base), "a street", CPU)


def test_the_digest_of_a_part_follows_its_weights_and_its_config(copied_base: Path) -> None:
    before = {part: loading.part_digest(str(copied_base), part) for part in ("vae", "transformer")}
    change_weights(copied_base, "vae", lambda weights: weights["decoder.conv_in.conv.bias"].add_(1))
    assert loading.part_digest(str(copied_base), "vae") != before["vae"]
    assert loading.part_digest(str(copied_base), "transformer") == before["transformer"]
    change_config(copied_base, "transformer", norm_eps=1e-4)
    assert loading.part_digest(str(copied_base), "transformer") != before["transformer"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="no GPU"):
        loading.resolve_device("cuda")

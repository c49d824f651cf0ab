"""What every conditioning keeps to, and what settings make of the registry."""

import pytest
import torch
from inpainting.conditioning.conditioning import Conditioning
from inpainting.conditioning.registry import CONDITIONINGS, MASK_INPUTS
from inpainting.conditioning.replace import REPLACE
from inpainting.conditioning.settings import ConditionSettings
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from pydantic import ValidationError
from torch import Tensor

GEOMETRY = COGVIDEOX_2B.geometry


def test_the_names_and_what_they_mean_are_the_registries() -> None:
    assert list(CONDITIONINGS) == [entry.name for entry in CONDITIONINGS.values()]
    schema = ConditionSettings.model_json_schema()["properties"]
    for setting, entries in (("conditioning", CONDITIONINGS), ("mask_input", MASK_INPUTS)):
        assert schema[setting]["enum"] == list(entries)
        assert all(f"{name}: {entry.description}" in schema[setting]["description"] for name, entry in entries.items())
    with pytest.raises(ValidationError, match=f"should be '{next(iter(CONDITIONINGS))}', "):
        ConditionSettings(conditioning="beside")


@pytest.mark.parametrize("entry", CONDITIONINGS.values(), ids=CONDITIONINGS)
def test_the_model_takes_as_many_channels_as_it_is_given(entry: Conditioning) -> None:
    noisy, known, mask = torch.zeros(1, 3, 16, 2, 2), torch.ones(1, 3, 16, 2, 2), torch.ones(1, 3, 1, 2, 2)
    latents = entry.noisy_input(noisy, known, mask, lambda clean: clean)
    beside = [part for part in entry.extra_channels(known, mask) if part is not None]
    assert latents.shape == noisy.shape
    assert sum(part.shape[2] for part in (latents, *beside)) == entry.input_channels(16, 1)
    assert entry.adds_channels == (entry.input_channels(16, 1) > 16)
    assert torch.equal(latents, noisy), "all of it is hole"


@pytest.mark.parametrize(
    ("settings", "channels", "source"),
    [
        (ConditionSettings(), 33, "grey"),
        (ConditionSettings(mask_input="frames", fill="telea"), 36, "telea"),
        (ConditionSettings(conditioning="concat_rgb", fill="telea"), 33, "rgb"),
        (ConditionSettings(conditioning="replace", mask_input="frames"), 16, "grey"),
    ],
)
def test_channels_and_source_follow_from_the_conditioning(
    settings: ConditionSettings, channels: int, source: str
) -> None:
    assert (settings.input_channels(16, GEOMETRY), settings.condition_source) == (channels, source)


def test_wider_latents_ask_for_more_channels() -> None:
    assert ConditionSettings().input_channels(48, GEOMETRY) == 97
    assert ConditionSettings(conditioning="replace").input_channels(48, GEOMETRY) == 48


def test_known_latents_noised_replace_the_noisy_ones_in_cells_free_of_the_hole() -> None:
    def add_noise(clean: Tensor) -> Tensor:
        return 2 * clean

    noisy, known = torch.zeros(1, 3, 16, 2, 2), torch.ones(1, 3, 16, 2, 2)
    mask = torch.zeros(1, 3, 1, 2, 2)
    mask[0, 1, 0, 0, 0] = 1 / 256
    shown = REPLACE.noisy_input(noisy, known, mask, add_noise)
    assert shown[0, 1, :, 0, 0].eq(0).all()
    assert shown.sum() == 2 * 16 * (3 * 4 - 1)

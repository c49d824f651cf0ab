"""Conditionings and mask encodings by name, for settings, help texts and tests."""

from inpainting.conditioning.concat import CONCAT, CONCAT_RGB
from inpainting.conditioning.conditioning import Conditioning
from inpainting.conditioning.mask_inputs import AREA, FRAMES, TRILINEAR, MaskInput
from inpainting.conditioning.replace import REPLACE

CONDITIONINGS: dict[str, Conditioning] = {entry.name: entry for entry in (CONCAT, CONCAT_RGB, REPLACE)}

MASK_INPUTS: dict[str, MaskInput] = {entry.name: entry for entry in (AREA, FRAMES, TRILINEAR)}

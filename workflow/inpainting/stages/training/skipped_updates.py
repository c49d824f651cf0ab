"""Steps without an update, because latents or fp16 gradients are not finite; many in a row are an error."""

import logging
from collections.abc import Sequence

from torch.amp import GradScaler

from inpainting.core.errors import InputError

log = logging.getLogger(__name__)

MAX_SKIPPED_IN_A_ROW = 20
"""Steps in a row without an update after which training stops."""
MIN_LOSS_SCALE = 1.0
"""A GradScaler below this makes gradients smaller than they are, which only unusable gradients lead to."""


class SkippedUpdates:
    """Counts the steps in a row that made no update."""

    def __init__(self) -> None:
        self.in_a_row = 0

    def updated(self) -> None:
        """Start counting again after an update."""
        self.in_a_row = 0

    def bad_latents(self, step: int, sequences: Sequence[str]) -> None:
        """Count a step that was skipped because latents of `sequences` are not finite, and warn.

        Raises InputError for the last of MAX_SKIPPED_IN_A_ROW steps.
        """
        self.in_a_row += 1
        found = f"step {step}: skipped, because cached latents of {', '.join(sequences)} hold NaN or infinity"
        advice = (
            "encode them again in float32 (model.vae_dtype: float32, or `inpaint encode --vae-dtype float32`); "
            "training.on_change: continue (--on-change continue) then goes on from the last checkpoint"
        )
        if self.in_a_row >= MAX_SKIPPED_IN_A_ROW:
            raise InputError(f"{found}, as were {self.in_a_row - 1} steps before it; {advice}")
        log.warning("%s; %s", found, advice)

    def bad_gradients(self, step: int, scaler: GradScaler, advice: str) -> None:
        """Count a step whose fp16 gradients were not finite: the scaler skipped the update and halved its scale.

        Raises InputError for the last of MAX_SKIPPED_IN_A_ROW steps, or when the scale is below MIN_LOSS_SCALE.
        """
        self.in_a_row += 1
        scale = scaler.get_scale()
        if self.in_a_row >= MAX_SKIPPED_IN_A_ROW or scale < MIN_LOSS_SCALE:
            raise InputError(
                f"step {step}: {self.in_a_row} updates in a row were skipped, because the fp16 gradients are not "
                f"finite, even with the loss scale now at {scale:g}. {advice}"
            )

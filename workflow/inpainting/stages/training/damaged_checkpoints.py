"""A damaged checkpoint is set aside, and the run resumes from the one before it, to the same end."""

import logging
from collections.abc import Collection
from pathlib import Path

from inpainting.core.errors import InputError
from inpainting.core.files import unused
from inpainting.stages.training import checkpoints
from inpainting.stages.training.checkpoints import Checkpoint

log = logging.getLogger(__name__)


def without_damaged(folder: Path, wanted: Collection[int]) -> list[Checkpoint]:
    """The checkpoints in a folder, without damaged ones, which are renamed to damaged-step-N.

    Only the checkpoints that count now are read: the last one, and the one to resume from so that all `wanted` ones
    will exist. Raises InputError, and renames nothing, if what is left can't be resumed from.
    """
    rest, damaged = checkpoints.found(folder), list[tuple[Checkpoint, str]]()
    while found := _damage(rest, wanted):
        damaged.append(found)
        rest.remove(found[0])
    last = checkpoints.latest(rest, wanted)
    if damaged and last is None and not set(wanted) <= {checkpoint.step for checkpoint in rest}:
        raise InputError(
            f"{damaged[-1][1]}, and there is no whole checkpoint before it to resume from; put back a copy of "
            f"{damaged[-1][0].folder}, or set training.on_change: restart (--on-change restart), which moves the run "
            "below previous/ and trains from the beginning"
        )
    for checkpoint, wrong in damaged:
        aside = unused(checkpoint.folder.with_name(f"damaged-{checkpoint.folder.name}"))
        checkpoint.folder.rename(aside)
        log.warning("%s. That checkpoint is now %s; the training goes on without it", wrong, aside)
    return rest


def _damage(rest: list[Checkpoint], wanted: Collection[int]) -> tuple[Checkpoint, str] | None:
    """The first of the checkpoints that count which is damaged, and what is wrong with it."""
    counting = [*rest[-1:], checkpoints.latest(rest, wanted)]
    for checkpoint in dict.fromkeys(one for one in counting if one):
        if wrong := checkpoint.damage():
            return checkpoint, wrong
    return None

"""Write sequences frame by frame; each becomes visible when it is complete."""

import contextlib
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from inpainting.core.files import atomic_path
from inpainting.video import sequence
from inpainting.video.reader import Picture


class _Discarded(Exception):
    """Raised inside a sequence's atomic path to discard it."""


class OpenSequence:
    """A sequence that is being written. Without a truth it has no GT_480."""

    def __init__(self, path: Path, truth: bool) -> None:
        self.frames = 0
        self.hole_share = 0.0
        self.kinds = sequence.FOLDERS if truth else (sequence.RGB, sequence.MASK)
        self._stack = contextlib.ExitStack()
        self._folder = self._stack.enter_context(atomic_path(path, durable=False))
        for kind in self.kinds:
            (self._folder / kind).mkdir(parents=True)

    def add(self, rgb: Picture, hole: NDArray[np.bool_], truth: Picture | None) -> None:
        """Write the next frame: rgb and truth uint8 [height, width, 3], hole bool [height, width]."""
        self.frames += 1
        self.hole_share += float(hole.mean())
        images = (rgb, np.where(hole, np.uint8(255), np.uint8(0)), truth)
        for kind, image in zip(sequence.FOLDERS, images, strict=True):
            if kind in self.kinds:
                assert image is not None
                sequence.write_image(self._folder / kind, self.frames, image)

    @property
    def coverage(self) -> float:
        """Mean share of the frames that is hole."""
        return self.hole_share / self.frames

    def keep(self) -> None:
        """Move the sequence to its path, replacing what was there."""
        self._stack.close()

    def discard(self) -> None:
        """Remove the written files; does nothing after `keep`."""
        with contextlib.suppress(_Discarded), self._stack:
            raise _Discarded


class OpenSequences:
    """Sequences that are written at the same time, since pieces may overlap; unfinished ones are discarded on exit."""

    def __init__(self) -> None:
        self._open: list[OpenSequence] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for unfinished in self._open:
            unfinished.discard()

    def begin(self, path: Path, truth: bool) -> OpenSequence:
        """Start a sequence."""
        begun = OpenSequence(path, truth)
        self._open.append(begun)
        return begun

    def end(self, finished: OpenSequence, keep: bool) -> None:
        """Keep or discard a finished sequence."""
        self._open.remove(finished)
        (finished.keep if keep else finished.discard)()

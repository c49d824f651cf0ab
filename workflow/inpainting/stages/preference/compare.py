"""`inpaint compare`: a page of blinded pairs, which works offline and saves the choices as a file."""

import itertools
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from inpainting.artifacts import examples
from inpainting.artifacts.examples import COMPOSITED
from inpainting.artifacts.preference import Pair, PairsKey
from inpainting.core import seeds
from inpainting.core.errors import InputError, UsageError
from inpainting.core.files import value_digest, write_text
from inpainting.core.html import data_uri, embedded_json, render_page
from inpainting.core.progress import tracked
from inpainting.core.settings import existing
from inpainting.stages.preference.settings import CompareCommand
from inpainting.video import masks
from inpainting.video.clip import Frames, read_clip
from inpainting.video.reader import Video
from inpainting.video.writer import write_video

PAGE = Path(__file__).with_name("page.html")
"""The page's content and script, as a template."""

Item = TypeVar("Item")

HOLE_COLOUR = np.array([255, 64, 64], np.uint8)
"""RGB of the hole's edge in the input."""


def compare(settings: CompareCommand) -> None:
    """Write the page and its key.

    Raises UsageError for methods without examples, InputError if they share no sequence or an example is damaged.
    """
    existing(settings.dataset, "--dataset", "the folder of the sequences")
    sequences = shared_sequences(settings)
    pairs = choose_pairs(settings, sequences)
    shown = sorted({pair.sequence for pair in pairs})
    used = sorted({(pair.sequence, method) for pair in pairs for method in (pair.left, pair.right)})
    names = {clip: f"clip{number}" for number, clip in enumerate(_shuffled(used, settings.seed, "preference.clips"))}
    clips: dict[str, str] = {}
    for sequence in tracked(shown, "compare", "sequences"):
        methods = [method for name, method in used if name == sequence]
        folders = {name: examples.examples_folder(settings.evaluation, name) / sequence for name in methods}
        count = min(map(examples.count_frames, folders.values()))
        clips[f"input-{sequence}"] = _encoded(outlined_input(settings, sequence, count), settings)
        for method, folder in folders.items():
            frames = examples.read_example(folder, COMPOSITED, count)
            clips[names[sequence, method]] = _encoded(frames, settings)
    listed = [
        {"input": f"input-{p.sequence}", "left": names[p.sequence, p.left], "right": names[p.sequence, p.right]}
        for p in pairs
    ]
    digest = value_digest([[pair.model_dump() for pair in pairs], sorted(clips.values())])
    data = embedded_json({"page": digest, "pairs": listed, "clips": dict(sorted(clips.items()))})
    write_text(settings.out, render_page("Which is better?", PAGE.read_text(encoding="utf-8"), data=data))
    key = PairsKey(page=digest, methods=list(settings.methods), pairs=pairs)
    key.write(settings.out.with_suffix(".key.json"))


def shared_sequences(settings: CompareCommand) -> list[str]:
    """Ids of the sequences for which all methods have examples."""
    kept = []
    for method in settings.methods:
        found = examples.kept_sequences(examples.examples_folder(settings.evaluation, method))
        if not found:
            raise UsageError(
                f"--methods: {settings.evaluation} has no examples of {method}; evaluate it with --examples 1 or more"
            )
        kept.append(found)
    if not (shared := sorted(set.intersection(*kept))):
        raise InputError(f"{settings.evaluation}: {', '.join(settings.methods)} have no sequence in common")
    return shared


def choose_pairs(settings: CompareCommand, sequences: list[str]) -> list[Pair]:
    """Pairs in random order with random sides; if there are too many, all pairs of methods are shown equally often."""
    rng = np.random.default_rng(seeds.derive(settings.seed, "preference.pairs"))
    methods = list(itertools.combinations(settings.methods, 2))
    rounds = [[(sequence, pair) for pair in methods] for sequence in rng.permutation(sequences).tolist()]
    chosen = list(itertools.chain(*rounds))[: settings.pairs]
    sides = rng.integers(2, size=len(chosen))
    pairs = [
        Pair(sequence=sequence, left=pair[side], right=pair[1 - side])
        for (sequence, pair), side in zip(chosen, sides.tolist(), strict=True)
    ]
    return _shuffled(pairs, settings.seed, "preference.order")


def outlined_input(settings: CompareCommand, sequence: str, count: int) -> Frames:
    """A sequence's first frames with the hole's edge drawn: uint8 [frames, height, width, 3]."""
    clip = read_clip(settings.dataset, sequence, count, settings.folders)
    hole = masks.to_hole(clip.mask, settings)
    edge = masks.dilate(hole, 2) & ~hole
    return np.where(edge[..., None], HOLE_COLOUR, clip.rgb)


def _encoded(frames: Frames, settings: CompareCommand) -> str:
    """A clip as the data URI of an .mp4."""
    height, width = frames.shape[1:3]
    scale = min(1.0, settings.width / width)
    size = tuple(max(2, 2 * round(side * scale / 2)) for side in (width, height))
    resized = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_video(path, Video(resized, Fraction(settings.frame_rate)))
        return data_uri(path, "video/mp4")


def _shuffled(items: list[Item], seed: int, name: str) -> list[Item]:
    rng = np.random.default_rng(seeds.derive(seed, name))
    return [items[place] for place in rng.permutation(len(items))]

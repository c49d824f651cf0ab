"""`inpaint look`: one page of short clips from a dataset, to be seen by a person before a training."""

import logging
import os
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from inpainting.artifacts.findings import FINDINGS
from inpainting.artifacts.manifest import MANIFEST, accepted
from inpainting.baselines.fills import fill
from inpainting.core import seeds
from inpainting.core.errors import InputError, UsageError
from inpainting.core.files import write_text
from inpainting.core.html import data_uri, render_page
from inpainting.core.progress import tracked
from inpainting.core.settings import existing
from inpainting.core.workers import process_pool
from inpainting.stages.report.contact_sheet import Frame, captioned_sheet, outline
from inpainting.stages.report.outliers import DIFFERENCE_GAIN, amplified_difference, find_outliers
from inpainting.stages.report.settings import LookCommand
from inpainting.video import masks, sequence
from inpainting.video.reader import Video
from inpainting.video.writer import write_small_video

log = logging.getLogger(__name__)

PANEL_WIDTH = 256
"""Pixels; four panels make a clip, two by two."""

LARGEST_PAGE = 8_000_000
"""Bytes. Clips that would make the page larger are left out, and counted on it."""

PAGE = """
<style>
.clips { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); gap: 1.5rem 2rem; }
.clips h2 { margin-top: .5rem; overflow-wrap: anywhere; } .clips p { margin: .2rem 0; }
.finding { color: #ab091e; }
</style>
<p>{{ introduction }}</p>
<p>Each clip shows the input with the hole outlined; what the model is shown of it ({{ fill }} in the hole, grown by
{{ dilation }} pixels); the truth; and the difference of input and truth, {{ gain }} times. Look for: objects outside
the outline, outlines that come too early or late, truths of another scene, and differences outside the hole that are
neither shadow nor reflection.</p>
<div class="clips">
{% for card in cards %}
<section><h2>{{ card.id }}</h2>
<p><small>{{ card.why }}{{ card.facts }}</small></p>
{% for text in card.findings %}
<p class="finding">{{ text }}</p>
{% endfor %}
{% if card.video %}
<video src="{{ card.video }}" autoplay loop muted playsinline controls aria-label="clip of {{ card.id }}"></video>
{% endif %}
</section>
{% endfor %}
</div>
{% if left_out %}
<p>{{ left_out }} more clips are left out, since the page would be larger than {{ megabytes }} MB.</p>
{% endif %}
"""


@dataclass(frozen=True)
class Chosen:
    """A sequence to show: why, what the audit found, and the first frame that is shown, counted from 0."""

    id: str
    why: str
    findings: tuple[str, ...] = ()
    start: int = 0


@dataclass(frozen=True)
class Card:
    """A sequence on the page; video: a data URI, empty if it can't be read."""

    id: str
    why: str
    facts: str
    findings: tuple[str, ...]
    video: str


def look(settings: LookCommand) -> None:
    """Write the page. Raises UsageError for paths that can't be used, InputError for a root without sequences."""
    if not existing(settings.root, "ROOT", "the folder that holds the sequences").is_dir():
        raise UsageError(f"ROOT: {settings.root} is a file; give the folder that holds the sequences")
    if settings.out.suffix != ".html":
        raise UsageError(f"OUT: {settings.out} does not end in .html; give a path such as results/look.html")
    if settings.audit is None:
        chosen, introduction = choose_unaudited(settings)
    else:
        chosen, introduction = choose_audited(settings.audit, settings)
    cards, size = [], 0
    with process_pool(settings.workers, preload=look.__module__) as pool:
        drawn = pool.map(partial(draw_card, settings), chosen)
        for card in tracked(drawn, "look", "sequences", len(chosen)):
            size += len(card.video)
            if size > LARGEST_PAGE:
                pool.shutdown(wait=False, cancel_futures=True)
                break
            cards.append(card)
    page = render_page(
        f"A look at the sequences in {settings.root.resolve().name}",
        PAGE,
        introduction=introduction,
        cards=cards,
        left_out=len(chosen) - len(cards),
        fill=settings.fill.replace("_", " "),
        dilation=settings.mask_dilation,
        gain=DIFFERENCE_GAIN,
        megabytes=LARGEST_PAGE // 10**6,
    )
    write_text(settings.out, page)
    log.info("%d sequences in %s: open it in a browser", len(cards), settings.out)


def choose_unaudited(settings: LookCommand) -> tuple[list[Chosen], str]:
    """Random sequences of the root, and a sentence about them; only the root is listed, and no sequence is opened."""
    with os.scandir(settings.root) as entries:
        names = [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
    if not names:
        raise InputError(f"{settings.root} holds no folders; every sequence is a folder")
    if {*settings.folders} & {*names}:
        raise InputError(f"{settings.root} is itself a sequence; give the folder that holds the sequences as ROOT")
    chosen = [Chosen(name, "random") for name in shuffled(names, settings.seed)[: settings.sequences]]
    return chosen, f"{len(chosen)} random sequences of {len(names):,}. With --audit, suspicious ones are shown as well."


def choose_audited(audit: Path, settings: LookCommand) -> tuple[list[Chosen], str]:
    """Suspicious sequences, at most half of all, then random accepted ones; and a sentence about them."""
    manifest = MANIFEST.read(audit / "manifest.parquet", "--audit")
    findings = pd.concat([FINDINGS.read(audit / name, "--audit") for name in ("rejected.tsv", "warnings.tsv")])
    outliers = find_outliers(manifest)[: -(-settings.sequences // 2)]
    suspicious = [_suspicious(one.id, one.reason, findings[findings["id"] == one.id], settings) for one in outliers]
    names = set(accepted(manifest)["id"]) - {one.id for one in outliers}
    random = shuffled(list(names), settings.seed)[: settings.sequences - len(suspicious)]
    chosen = [*suspicious, *(Chosen(name, "random", _texts(findings[findings["id"] == name])) for name in random)]
    sentence = f"{len(suspicious)} sequences that stand out in the audit, and {len(random)} random accepted ones, of "
    return chosen, f"{sentence}{len(manifest):,}."


def shuffled(names: list[str], seed: int) -> list[str]:
    """The names in an order that depends on the seed and on each name alone."""
    return sorted(names, key=lambda name: (seeds.derive(seed, "report.look", name), name))


def _suspicious(name: str, reason: str, findings: pd.DataFrame, settings: LookCommand) -> Chosen:
    """The sequence, from half of the shown frames before the first frame that a finding names."""
    frames = findings["frame"].dropna()
    start = 0 if frames.empty else max(0, int(frames.iloc[0]) - 1 - settings.frames // 2)
    return Chosen(name, reason, _texts(findings), start)


def _texts(findings: pd.DataFrame) -> tuple[str, ...]:
    rows = zip(findings["reason"], findings["frame"], findings["detail"], strict=True)
    return tuple(f"{code}{'' if pd.isna(frame) else f', frame {int(frame)}'}: {detail}" for code, frame, detail in rows)


def draw_card(settings: LookCommand, chosen: Chosen) -> Card:
    """The card of a sequence; one that can't be read gets the reason as a finding, and no clip."""
    try:
        return _draw_card(settings, chosen)
    except (InputError, OSError, ValueError, SyntaxError) as error:
        findings = (*chosen.findings, f"it can't be shown: {error}")
        return Card(chosen.id, chosen.why, "", findings, "")


def _draw_card(settings: LookCommand, chosen: Chosen) -> Card:
    folder = settings.root / chosen.id
    names = (sequence.FRAME_NAME.fullmatch(path.name) for path in (folder / settings.rgb_folder).iterdir())
    count = max((int(name[1]) for name in names if name), default=0)
    start = max(0, min(chosen.start, count - settings.frames))
    shown = min(settings.frames, count - start)
    readers = (sequence.read_rgb, sequence.read_truth, sequence.read_mask)
    rgb, truth, stored = (read(folder, start, shown, settings.folders) for read in readers)
    if not rgb.shape == truth.shape == (*stored.shape, 3):
        raise InputError("its three folders differ in frame size")
    hole = masks.to_hole(stored, settings)
    model = fill(rgb, masks.inpainted(stored, settings), settings.fill)
    sheets = np.stack([_panels(*images) for images in zip(rgb, hole, model, truth, strict=True)])
    facts = f", frames {start + 1} to {start + shown} of {count}, {rgb.shape[2]}x{rgb.shape[1]}, hole {hole.mean():.1%}"
    with tempfile.TemporaryDirectory() as place:
        clip = Path(place) / "clip.mp4"
        write_small_video(clip, Video(sheets, Fraction(settings.frame_rate)))
        return Card(chosen.id, chosen.why, facts, chosen.findings, data_uri(clip, "video/mp4"))


def _panels(rgb: Frame, hole: masks.Hole, model: Frame, truth: Frame) -> Frame:
    """The four panels of a frame, uint8 [height, width, 3]; hole: bool [height, width], the others as the result."""
    cells = [
        ("input, hole outlined", outline(rgb, hole, 1 + rgb.shape[1] // PANEL_WIDTH)),
        ("what the model is shown", model),
        ("truth", truth),
        (f"difference, {DIFFERENCE_GAIN} times", amplified_difference(rgb, truth)),
    ]
    return captioned_sheet(cells, 2, PANEL_WIDTH)

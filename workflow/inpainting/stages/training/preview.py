"""Previews: fixed validation sequences that are inpainted and scored during training.

They do not change the training: they use their own random numbers and restore what they change of the model.
"""

import gc
import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from diffusers import CogVideoXTransformer3DModel
from numpy.typing import NDArray
from torch import Tensor

from inpainting.artifacts.manifest import choose_sequences
from inpainting.artifacts.preview_pictures import PreviewPicture
from inpainting.artifacts.split import VALIDATION
from inpainting.conditioning.settings import ConditionSettings
from inpainting.core import seeds
from inpainting.metrics.aggregate import per_sequence
from inpainting.metrics.by_region import score_clip
from inpainting.metrics.regions import Regions
from inpainting.models import bases, loading
from inpainting.models.vae import NotFiniteError
from inpainting.sampling.loading import noise_generator
from inpainting.sampling.pipeline import CogVideoXInpaintPipeline
from inpainting.stages.training.settings import TrainCommand
from inpainting.video import masks
from inpainting.video.clip import SequenceClip, read_clip
from inpainting.video.settings import MaskSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """Means over the sequences of the raw output's scores in the mask, and the middle frame of each sequence."""

    scores: dict[str, float]
    pictures: dict[str, PreviewPicture]


class Preview:
    """Inpaints the same validation sequences, the first ones of the split, one window of each, at every call."""

    def __init__(self, settings: TrainCommand, prompt: Tensor) -> None:
        """Choose and read the sequences; raises InputError if there are none or they can't be read."""
        assert settings.dataset is not None and settings.split_file is not None and settings.manifest is not None
        chosen = choose_sequences(
            settings.dataset,
            settings.split_file,
            settings.manifest,
            VALIDATION,
            settings.window,
            settings.preview_sequences,
        )
        self.clips = [read_clip(settings.dataset, name, frames, settings.folders) for name, frames in chosen.items()]
        self.settings, self.prompt = settings, prompt

    def __call__(self, transformer: CogVideoXTransformer3DModel) -> Result | None:
        """Inpaint and score with the transformer, and leave it and the memory as they were.

        None, with a warning, if frames are not finite: the VAE's precision ends no training.
        """
        family, training = bases.family(self.settings.base), transformer.training
        layout = family.position_size(transformer)
        with torch.random.fork_rng():
            pipeline = self._pipeline(transformer.eval())
            try:
                made = [(clip, self._inpaint(pipeline, clip)) for clip in self.clips]
            except NotFiniteError as error:
                log.warning("there is no preview this time: %s", error)
                made = []
        family.resize_positions(transformer, *layout)
        transformer.train(training)
        del pipeline
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return self._result(made) if made else None

    def _pipeline(self, transformer: CogVideoXTransformer3DModel) -> CogVideoXInpaintPipeline:
        settings = self.settings
        pipeline = CogVideoXInpaintPipeline(
            tokenizer=None,
            text_encoder=None,
            vae=loading.load_vae(settings.base, loading.vae_dtype(settings, transformer.device), transformer.device),
            transformer=transformer,
            scheduler=loading.load_scheduler(settings.base),
        )
        pipeline.condition, pipeline.default_prompt = settings.section(ConditionSettings), self.prompt
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def _inpaint(self, pipeline: CogVideoXInpaintPipeline, clip: SequenceClip) -> NDArray[np.uint8]:
        settings = self.settings
        frames: NDArray[np.uint8] = pipeline(
            clip.rgb,
            masks.to_hole(clip.mask, settings),
            num_inference_steps=settings.preview_steps,
            generator=noise_generator(seeds.derive(settings.seed, "training.preview", clip.sequence)),
            mask_settings=settings.section(MaskSettings),
            window=settings.window,
            window_overlap=settings.window_overlap,
            composite=False,
        ).frames
        return frames

    def _result(self, made: list[tuple[SequenceClip, NDArray[np.uint8]]]) -> Result:
        tables, pictures = [], {}
        for clip, raw in made:
            hole = masks.to_hole(clip.mask, self.settings)
            table = score_clip(raw, clip.truth, Regions(hole))
            tables.append(table.assign(method="adapter", sequence=clip.sequence, output="raw"))
            middle = len(raw) // 2
            white = np.repeat(255 * hole[middle, :, :, None].astype(np.uint8), 3, axis=2)
            pictures[clip.sequence] = PreviewPicture(clip.rgb[middle], white, raw[middle], clip.truth[middle])
        scores = per_sequence(pd.concat(tables, ignore_index=True))
        return Result({name: float(scores[name].mean()) for name in ("psnr_mask", "ssim_mask")}, pictures)

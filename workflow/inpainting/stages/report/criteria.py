"""Names of what checkpoints are chosen by."""

from inpainting.artifacts.validation_scores import Criterion

NAMES: dict[Criterion, str] = {
    "psnr_mask": "PSNR in the mask",
    "ssim_mask": "SSIM in the mask",
    "detail_mask": "detail in the mask",
    "mean_rank": "mean rank",
}

"""GPUs: peak arithmetic and memory from the vendor's data sheets, and the share of the peak that is expected.

peak_tflops: dense half precision with float32 accumulation. Sources: NVIDIA's data sheets of the H100 SXM (989 TFLOP/s,
80 GB), H200 SXM (989, 141 GB), A100 SXM 80 GB (312), L40S (362, 48 GB), and the whitepaper "NVIDIA Ada GPU
Architecture" for the RTX 4090 (165.2, 24 GB).
"""

import shutil
import subprocess
from dataclasses import dataclass

from inpainting.models.published import TRANSFORMER
from inpainting.planning.arithmetic import forward_tflop
from inpainting.planning.figures import Origin

ASSUMED_SHARE = 0.3
"""Share of the peak that the transformer is assumed to reach on a card that nobody has published a time for."""
VAE_SHARE = 0.13
"""Share of the peak that the VAE's convolutions reach: about 41 TFLOP/s when encoding on an A100 (published); other
cards and decoding are assumed to reach the same."""


@dataclass(frozen=True)
class Card:
    """A GPU. memory_gb: 10^9 bytes."""

    title: str
    peak_tflops: float
    memory_gb: float
    seconds_50_steps: float | None = None
    """Published: CogVideoX-2b, 50 steps with guidance, 49 frames of 720x480 (github.com/zai-org/CogVideo, README)."""

    def transformer_share(self) -> tuple[float, Origin]:
        """Share of the peak that the transformer reaches at inference, where a time was published; else assumed."""
        if self.seconds_50_steps is None:
            return ASSUMED_SHARE, "assumed"
        tflop = 2 * 50 * forward_tflop(TRANSFORMER, latent_frames=13, rows=60, columns=90)
        return tflop / self.seconds_50_steps / self.peak_tflops, "published"


CARDS = {
    "h100": Card("NVIDIA H100", 989.0, 80.0, seconds_50_steps=45.0),
    "a100": Card("NVIDIA A100", 312.0, 80.0, seconds_50_steps=90.0),
    "l40s": Card("NVIDIA L40S", 362.0, 48.0),
    "rtx4090": Card("NVIDIA GeForce RTX 4090", 165.2, 24.0),
    "h200": Card("NVIDIA H200", 989.0, 141.0),
}


def card_at_hand() -> str | None:
    """The name in CARDS of the first GPU that nvidia-smi lists; None where there is none, or none that is known."""
    if shutil.which("nvidia-smi") is None:
        return None
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return known_card(found.partition("\n")[0])


def known_card(product: str) -> str | None:
    """The name in CARDS of a GPU by its product name, such as `NVIDIA H100 80GB HBM3`."""
    squeezed = product.lower().replace(" ", "")
    return next((name for name in CARDS if name in squeezed), None)

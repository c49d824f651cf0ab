"""Host memory of the jobs that work on frames, for clusters, which end a job that takes more than it asked for.

A worker process holds one sequence at a time. Its figures are peaks of the resident memory, measured on a sequence of
100 frames of 640x480; what exceeds the libraries is taken to grow with the pixels.
"""

from dataclasses import dataclass

from inpainting.config import PipelineConfig
from inpainting.models.shapes import BYTES, read_base
from inpainting.planning.disk import count_base_weights
from inpainting.planning.work import frame_size

MAIN_MB = 5000
"""A process with the model, without its weights: PyTorch, CUDA and a window on its way to the GPU. On the CPU,
models/nano took 2,800 to encode windows of 49 frames of 640x480."""
SNAKEMAKE_MB = 500
"""Two Snakemakes of 230, by which the executor starts a job; MAIN_MB has room for them."""
LIBRARIES_MB = 200
"""A worker process before its first sequence."""
FILL_BYTES = 46
"""Per pixel of a sequence, in a worker that reads and fills it for encoding: 34 measured with flow_propagation, and 12
for the truth, its difference to the input and the windows that are cut."""
SCORE_BYTES = 40
"""Per pixel of a sequence, in a worker that fills and scores it: measured with all metrics."""
ENCODING_BYTES = 7
"""Per pixel of a sequence on its way to the VAE: truth, condition and hole."""
WAITING_BYTES = 11
"""Per pixel of a sequence on its way to be scored: input, truth and output of three channels, mask and hole."""


@dataclass(frozen=True)
class HostMemory:
    """Megabytes that a job needs.

    pixels: of a sequence, all frames; weights: MB of the base's transformer; networks: MB of the metrics' weights.
    """

    pixels: int
    weights: int
    networks: int

    @classmethod
    def of(cls, config: PipelineConfig) -> "HostMemory":
        """For a configuration, whose frames are taken to have the size that `count_work` assumes."""
        wide, high = frame_size(config, None)[0]
        weights = count_base_weights(read_base(config.model.base, config.model.revision)) * BYTES[config.model.dtype]
        files = [file for path in config.evaluation.weights().values() for file in (path, *path.glob("*.safetensors"))]
        networks = sum(file.stat().st_size for file in files if file.is_file())
        return cls(config.dataset.frames * wide * high, round(weights / 1e6), round(networks / 1e6))

    def encode(self, workers: int) -> int:
        """`inpaint encode`: one sequence more than workers waits for the VAE."""
        return MAIN_MB + self._workers(workers, FILL_BYTES) + self._sequences(workers + 1, ENCODING_BYTES)

    def model(self, processes: int = 1) -> int:
        """`inpaint train` and `inpaint validate`: the weights are in memory twice while they are loaded."""
        return processes * (MAIN_MB + 2 * self.weights)

    def evaluate(self, workers: int) -> int:
        """`inpaint evaluate` of a classical method, whose output goes through this process to be scored by networks."""
        scoring = LIBRARIES_MB + self._workers(workers, SCORE_BYTES)
        if self.networks:
            scoring += MAIN_MB + 2 * self.networks + self._sequences(workers + 1, WAITING_BYTES)
        return SNAKEMAKE_MB + scoring

    def evaluate_model(self, workers: int) -> int:
        """`inpaint evaluate` of a learned method, of which one sequence more than workers waits to be scored."""
        scoring = self._workers(workers, SCORE_BYTES) + self._sequences(workers + 1, WAITING_BYTES)
        return self.model() + 2 * self.networks + scoring

    def _workers(self, workers: int, pixel_bytes: int) -> int:
        return workers * LIBRARIES_MB + self._sequences(workers, pixel_bytes)

    def _sequences(self, count: int, pixel_bytes: int) -> int:
        return round(count * self.pixels * pixel_bytes / 1e6)

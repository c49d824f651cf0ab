"""What the README says to type works as it stands, on the results of a finished run."""

import re
import shlex
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from inpainting.cli import main
from inpainting.core.files import read_json
from inpainting.video.reader import Video, read_video
from inpainting.video.writer import write_small_video

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.slow
def test_the_readmes_commands_inpaint_a_video_and_export_the_adapter(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both in another folder than the run's; its training is called one, the README's lora."""
    monkeypatch.chdir(tmp_path)
    best = finished / "results" / "validation" / "one" / "best"
    assert list(best.glob(".snakemake*")), "what Snakemake leaves in the folder, which is not the adapter's"
    rgb = np.random.default_rng(0).integers(0, 256, (9, 32, 32, 3), dtype=np.uint8)
    mask = np.zeros_like(rgb)
    mask[:, 8:20, 8:20] = 255
    for name, frames in (("video.mp4", rgb), ("mask.mp4", mask)):
        write_small_video(Path(name), Video(frames, Fraction(8)))
    section = README.read_text(encoding="utf-8").split("\n## Inpaint\n")[1].split("\n## ")[0]
    lines = re.findall(r"^    \.venv/bin/inpaint (.+)$", section, re.MULTILINE)
    assert [line.split()[0] for line in lines] == ["run", "export"]
    for line in lines:
        assert main(shlex.split(line.replace("results/validation/lora/best", str(best)))) == 0
    assert read_video(Path("out.mp4")).frames.shape == rgb.shape
    assert read_json(Path("my-adapter/provenance.json"))["validation"]

"""Keys of encoded sequences: as long as they stay the same, latents of earlier versions are not encoded again."""

from pathlib import Path

import pandas as pd
import pytest
from inpainting.stages.latents.keys import sequence_keys
from inpainting.stages.latents.settings import EncodeCommand

NANO = Path(__file__).parents[4] / "models" / "nano"


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("truth", "e70d2aeb7c695df0d7138a8a8eb16073d643d454fdae265af66734d7ec85beb3"),
        ("grey", "4d2c950a26fd3b7fc229d5e6013dc223139dfe8cc657865979971b5bb81693b2"),
        ("rgb", "aa614ab2c7f66e18fcd965b256dcfd41c0f375306e911554ce6c7448b8a79e40"),
    ],
)
def test_the_keys_are_those_that_earlier_versions_wrote(content: str, key: str) -> None:
    place = Path("anywhere")
    settings = EncodeCommand(
        contents=(content,), base=str(NANO), dataset=place, split_file=place, manifest=place, out=place
    )
    rows = pd.DataFrame({"id": ["one"], "digest": ["of its frames"]})
    assert sequence_keys(settings, content, rows) == {"one": key}

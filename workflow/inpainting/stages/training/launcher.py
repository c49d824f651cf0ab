"""Whether this process is one of several of a training, started here or by a launcher such as torchrun."""

import os
from collections.abc import Mapping


def is_worker(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is one of several already, started here, by torchrun or by another launcher."""
    return "WORLD_SIZE" in environment

import pytest
import torch
from inpainting.metrics.networks import Networks
from network_weights import write_weights


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Networks:
    """All networks with random weights."""
    return Networks(write_weights(tmp_path_factory.mktemp("weights")), torch.device("cpu"))

from pathlib import Path

import pytest
from inpainting.config import resolve
from inpainting.planning.host_memory import MAIN_MB, HostMemory

REAL = HostMemory(pixels=100 * 640 * 480, weights=3400, networks=0)


def test_the_sequences_and_weights_of_the_configuration_count(in_the_project: Path) -> None:
    demo = HostMemory.of(resolve({"extends": "config/config.yaml"}))
    assert demo.pixels == 17 * 128 * 96
    assert 0 < demo.weights < 200, "models/nano is small"


def test_every_worker_adds_what_its_sequence_takes() -> None:
    for needed in (REAL.encode, REAL.evaluate, REAL.evaluate_model):
        assert needed(8) - needed(7) == pytest.approx(needed(3) - needed(2), abs=2)
        assert needed(8) - needed(7) > 1000
    assert REAL.model(4) == 4 * REAL.model()


def test_eight_workers_have_room_for_the_peaks_that_were_measured_beside_the_models_own() -> None:
    assert REAL.encode(8) - MAIN_MB >= 8 * 1.07 * 1074
    assert REAL.evaluate_model(8) - REAL.model() >= 10.5 * 1074


def test_a_smaller_sequence_needs_less() -> None:
    assert HostMemory(17 * 128 * 96, 0, 0).encode(1) < MAIN_MB + 500

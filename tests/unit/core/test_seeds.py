import numpy as np
from inpainting.core.seeds import derive


def test_seeds_are_the_same_in_every_release_and_differ_by_name() -> None:
    assert derive(0, "training.noise", 3, 1) == 629550372422970672
    seeds = {derive(seed, name, number) for seed in range(3) for name in ("a", "b") for number in range(50)}
    assert len(seeds) == 300
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert np.random.default_rng(derive(0, "a")).random() == np.random.default_rng(derive(0, "a")).random()

"""Seeds of all random choices, each derived by name from the run's seed."""

import hashlib


def derive(seed: int, *names: str | int) -> int:
    """A 63-bit seed for one purpose, e.g. `derive(0, "training.noise", step, sample)`.

    It depends only on the arguments, so resumed and parallel runs draw the same numbers as an uninterrupted one.
    """
    text = ":".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1

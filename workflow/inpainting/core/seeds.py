"""Every random choice of the project is drawn from a seed that is derived here, by name, from the run's one seed."""

import hashlib


def derive(seed: int, *names: str | int) -> int:
    """A 63-bit seed for the purpose that `names` spell, e.g. `derive(0, "training.noise", step, sample)`.

    Counter-based: it depends on its arguments alone, so a resumed or parallel run draws what an undisturbed one draws.
    """
    text = ":".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1

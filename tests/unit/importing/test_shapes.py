import numpy as np
from inpainting.importing.shapes import COVERAGE, Shapes
from inpainting.video.masks import dilate

from .conftest import scene

SIZE = (64, 48)


def test_within_its_soft_edges_the_hole_hides_the_truth() -> None:
    size = (160, 120)
    truth, other = scene(0, 1, size)[0], scene(1, 1, size)[0]
    shapes = Shapes(0, "bear", 9, size)
    painted, hole = shapes.paint(truth, 4)
    again, same_hole = shapes.paint(np.where(hole[..., None], other, truth), 4)
    assert np.array_equal(hole, same_hole)
    assert np.array_equal(painted[~hole], again[~hole])
    inner = ~dilate(~hole[None], 3)[0]
    assert inner.sum() > 0.5 * hole.sum()
    assert (painted[inner] == again[inner]).all(axis=-1).mean() > 0.98
    assert (painted[inner] != truth[inner]).any(axis=-1).mean() > 0.95


def test_outside_hole_and_shadow_the_input_is_the_truth_to_the_bit() -> None:
    truth = scene(0, 1, SIZE)[0]
    painted, hole = Shapes(0, "bear", 9, SIZE).paint(truth, 0)
    known = ~hole
    assert (painted[known].astype(int) <= truth[known]).all()
    assert (painted[known] == truth[known]).all(axis=-1).mean() > 0.3


def test_seed_and_name_decide_the_objects() -> None:
    truth = scene(0, 1, SIZE)[0]
    one, same = (Shapes(3, "bear", 9, SIZE).paint(truth, 5)[0] for _ in range(2))
    assert np.array_equal(one, same)
    for seed, name in ((4, "bear"), (3, "boat")):
        assert not np.array_equal(one, Shapes(seed, name, 9, SIZE).paint(truth, 5)[0])


def test_objects_move_and_cover_a_usual_share() -> None:
    truth = scene(0, 1, SIZE)[0]
    shares = []
    for number in range(6):
        shapes = Shapes(0, f"clip {number}", 17, SIZE)
        holes = np.stack([shapes.paint(truth, frame)[1] for frame in range(17)])
        shares.append(holes.mean())
        assert (holes[0] != holes[-1]).any()
    assert COVERAGE[0] * 0.8 < min(shares) and max(shares) < COVERAGE[1] * 1.2

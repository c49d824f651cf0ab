import pytest
from inpainting.planning.cards import CARDS, known_card


@pytest.mark.parametrize(
    ("product", "name"),
    [
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA A100-SXM4-80GB", "a100"),
        ("NVIDIA GeForce RTX 4090", "rtx4090"),
        ("NVIDIA L40S", "l40s"),
        ("Tesla K80", None),
        ("", None),
    ],
)
def test_a_card_is_known_by_its_product_name(product: str, name: str | None) -> None:
    assert known_card(product) == name


def test_a_published_time_gives_the_share_of_the_peak() -> None:
    share, origin = CARDS["a100"].transformer_share()
    assert origin == "published"
    assert share == pytest.approx(2 * 50 * 119.7 / 90 / 312, abs=0.005)
    assert CARDS["l40s"].transformer_share()[1] == "assumed"

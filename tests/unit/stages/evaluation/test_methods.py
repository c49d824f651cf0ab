"""The methods that are compared, by name and kind."""

from typing import get_args

from inpainting.baselines.registry import BASELINES
from inpainting.stages.evaluation.methods import METHODS
from inpainting.stages.evaluation.settings import MethodName

LEARNED = {name for name, method in METHODS.items() if method.learned}


def test_the_setting_accepts_exactly_the_registered_methods() -> None:
    assert set(get_args(MethodName)) == {*BASELINES, *LEARNED, "external"}


def test_every_method_has_its_kind() -> None:
    kinds = {name: METHODS[name].kind for name in get_args(MethodName)}
    assert kinds.pop("masked_input") == "floor"
    assert {kinds.pop(name) for name in LEARNED} == {"adapter", "base", "ceiling", "degraded"}
    assert kinds.pop("external") == "external"
    assert set(kinds.values()) == {"classical"}

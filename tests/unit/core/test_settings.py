"""Settings are converted to options and back, and wrong values are named by their path in the configuration."""

import shlex
import sys

import pytest
from inpainting.cli import parse
from inpainting.commands import COMMANDS, Command
from inpainting.core.settings import Settings, error_sentences
from inpainting.video.settings import WindowSettings
from pydantic import Field, ValidationError


class Outer(Settings):
    window: WindowSettings = WindowSettings()
    """A section."""


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"window": {"windw": 9}}, "window.windw: there is no such setting; did you mean window?"),
        ({"window": {"window": 9, "window_overlap": 9}}, "window.window_overlap: 9 must be less than the window's 9"),
        ({"window": {"window": "x"}}, 'window.window: "x" was given, but it should be a valid integer'),
    ],
)
def test_a_wrong_key_of_a_configuration_is_named_by_its_path(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(values)
    [found] = error_sentences(caught.value, Outer, option=False)
    assert found.startswith(sentence)


class Everything(Settings):
    text: str = ""
    """Text."""
    number: int | None = None
    """A number, or none."""
    flag: bool = True
    """A flag."""
    names: list[str] = Field(default=["a"])
    """Some names."""


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"text": "two words; $HOME 'and' \"more\"", "flag": False},
        {"text": "-starts with a dash", "number": -3},
        {"names": []},
        {"names": ["x y", "-z"]},
        {"names": ["-z", "x"]},
    ],
)
def test_settings_are_the_same_after_a_round_trip_through_a_command_line(
    values: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COMMANDS, "everything", Command("everything", "everything", "Everything", "all kinds"))
    monkeypatch.setitem(sys.modules, "inpainting.everything.settings", sys.modules[__name__])
    settings = Everything.model_validate(values)
    assert parse("everything", shlex.split(settings.to_options())) == settings

"""Every setting has one role, and selections by role contain the right settings."""

from pathlib import Path
from typing import Annotated

import pytest
from inpainting.commands import COMMANDS
from inpainting.conditioning.adapter import AdapterConfig
from inpainting.core.settings import Role, Settings, names_of_role
from pydantic import Field

KNOWN = {
    Role.RESULT: [
        *("train.learning_rate", "train.batch_size", "train.seed", "train.lora_dropout", "train.mask_dilation"),
        *("encode.latents_dtype", "encode.frames", "audit.content_frames", "evaluate.extras", "run.vae_tiling"),
    ],
    Role.ARCHITECTURE: ["train.rank", "train.alpha", "train.targets", "train.optimizer", "train.base_weights"],
    Role.PLACE: [
        *(
            "train.index",
            "train.dataset",
            "train.out",
            "train.base",
            "encode.shard",
            "inspect.root",
            "evaluate.adapter",
        ),
        *("best.scores", "tables.results", "import.videos", "import.table", "run.input"),
    ],
    Role.EXECUTION: [
        *("train.processes", "train.compile", "train.save_every", "train.log_every", "train.keep_last"),
        *("train.on_change", "train.time_limit", "train.preview_every", "train.micro_batch_size", "train.device"),
        *("audit.workers", "encode.workers", "run.offload"),
    ],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_setting_has_exactly_one_role(command: str) -> None:
    kind = COMMANDS[command].settings_class()
    of_roles = [name for role in Role for name in names_of_role(kind, role)]
    assert sorted(of_roles) == sorted(kind.model_fields)


@pytest.mark.parametrize(("role", "setting"), [(role, name) for role, names in KNOWN.items() for name in names])
def test_settings_have_the_roles_that_they_are_known_to_have(role: Role, setting: str) -> None:
    command, _, name = setting.partition(".")
    assert name in names_of_role(COMMANDS[command].settings_class(), role)


@pytest.mark.parametrize("command", COMMANDS)
def test_all_paths_are_places(command: str) -> None:
    kind = COMMANDS[command].settings_class()
    paths = {name for name, field in kind.model_fields.items() if "Path" in str(field.annotation)}
    assert paths <= names_of_role(kind, Role.PLACE)


def test_two_roles_for_one_setting_are_refused() -> None:
    class Torn(Settings):
        rate: Annotated[float, Role.RESULT, Role.EXECUTION] = Field(1.0)
        """A rate."""

    with pytest.raises(AssertionError, match="one role"):
        Torn().shaping()


class Inner(Settings):
    rate: float = 0.5
    """Shapes."""
    workers: Annotated[int, Role.EXECUTION] = 2
    """Does not."""


class Outer(Settings):
    inner: Inner = Inner()
    """Nested."""
    rank: Annotated[int, Role.ARCHITECTURE] = 4
    """Shapes."""
    out: tuple[Path, ...] = (Path("out"),)
    """A place."""


def test_all_settings_except_places_and_execution_affect_the_result() -> None:
    assert Outer().shaping() == {"inner": {"rate": 0.5}, "rank": 4}
    assert Outer().to_options(Role.ARCHITECTURE) == "--rank 4"
    assert Inner().to_options() == "--rate 0.5 --workers 2"


def test_what_an_adapter_was_trained_against_is_known_by_digests_not_by_a_place() -> None:
    assert names_of_role(AdapterConfig, Role.PLACE) == {"base", "base_revision", "family"}
    assert names_of_role(AdapterConfig, Role.ARCHITECTURE) == {"transformer_digest", "random_base", "channels"}

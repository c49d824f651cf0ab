import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from inpainting import cli
from inpainting.cli import main, parse
from inpainting.core import files
from inpainting.core.provenance import describe
from inpainting.core.seeds import derive
from inpainting.core.settings import Settings, error_sentences, parse_size
from inpainting.stages.dataset.settings import AuditCommand
from inpainting.video.settings import WindowSettings
from pydantic import Field, ValidationError


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.strip()


def test_an_unknown_step_is_wrong_usage_and_the_steps_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adit"]) == 2
    assert "there is no step 'adit'" in (error := error_of(capsys)) and "audit" in error


def test_help_names_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {name} " in shown for name in cli.COMMANDS)
    assert main([]) == 2


@pytest.mark.parametrize("option", ["--frame", "--framse=3"])
def test_an_unknown_option_is_wrong_usage_and_the_nearest_is_named(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "root", "out", option]) == 2
    name = option.partition("=")[0]
    assert error_of(capsys) == f"inpaint audit: {name}: there is no such option; did you mean --frames?"


def test_an_option_like_no_other_is_answered_with_all_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["split", "--zzz"]) == 2
    assert error_of(capsys).endswith(
        "there is no such option; the options are "
        + ", ".join(["--help", "--max-rejected", "--validation-share", "--test-share", "--manifest", "--out", "--seed"])
    )


def test_a_missing_path_is_wrong_usage() -> None:
    with pytest.raises(SystemExit) as exit:
        main(["audit", "root"])
    assert exit.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--frames", "0"], '--frames: "0" was given, but it should be greater than or equal to 1'),
        (["--frames", "many"], '--frames: "many" was given, but it should be a valid integer'),
        (
            ["--effect-threshold", "-1"],
            '--effect-threshold: "-1" was given, but it should be greater than or equal to 0',
        ),
        (["--mask-threshold", "256"], '--mask-threshold: "256" was given, but it should be less than or equal to 255'),
    ],
)
def test_a_wrong_value_is_told_with_option_value_and_what_is_right(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "root", "out", *arguments]) == 2
    assert error_of(capsys).startswith(f"inpaint audit: {sentence}")


def test_all_wrong_values_are_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "root", "out", "--frames", "0", "--workers", "0"]) == 2
    assert len(error_of(capsys).splitlines()) == 2


def test_a_wrong_size_is_told_how_sizes_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", "out", "--size", "640*480"]) == 2
    assert "should be WIDTHxHEIGHT in pixels, such as 640x480" in error_of(capsys)
    assert parse_size("640x480") == (640, 480)


def test_settings_that_contradict_each_other_name_the_option_not_the_whole_input(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["sample", "out", "--size", "8x8"]) == 2
    assert error_of(capsys) == ("inpaint sample: --size: 8x8 is too small for objects and shadows; use 16x16 or more")


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
    [told] = error_sentences(caught.value, Outer, option=False)
    assert told.startswith(sentence)


@pytest.mark.parametrize(
    ("arguments", "root", "out"),
    [([], None, None), (["here"], "here", None), (["here", "there"], "here", "there")],
)
def test_print_config_shows_what_a_command_resolves_to_and_needs_no_paths(
    arguments: list[str], root: str | None, out: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", *arguments, "--frames", "17", "--mask-invert", "--print-config"]) == 0
    config = yaml.safe_load(capsys.readouterr().out)
    assert set(config) == set(AuditCommand.model_fields)
    assert (config["frames"], config["mask_invert"], config["root"], config["out"]) == (17, True, root, out)


def test_print_config_still_refuses_wrong_values(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--print-config", "--frames", "0"]) == 2
    assert main(["audit", "--print-config", "--frmes", "1"]) == 2


def test_the_command_line_gives_what_python_gives() -> None:
    given = parse("audit", ["root", "out", "--frames", "17", "--no-mask-invert"])
    assert given == AuditCommand(root=Path("root"), out=Path("out"), frames=17)
    assert type(given) is AuditCommand


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
def test_settings_survive_the_way_over_a_command_line(
    values: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cli.COMMANDS, "everything", cli.Command("everything", "everything", "Everything", "all kinds"))
    monkeypatch.setitem(sys.modules, "inpainting.everything.settings", sys.modules[__name__])
    settings = Everything.model_validate(values)
    assert parse("everything", shlex.split(settings.to_options())) == settings


def test_every_setting_has_a_help_text() -> None:
    for command in cli.COMMANDS.values():
        kind = command.settings_class()
        assert all(info.description for info in kind.model_fields.values())


def test_help_imports_neither_torch_nor_pandas() -> None:
    probe = "import sys; from inpainting.cli import main; main(['audit', '--print-config']); " + (
        "assert not {'torch', 'pandas', 'diffusers'} & set(sys.modules), 'slow imports'"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True)


def make_file(path: Path) -> None:
    path.write_text("new")


def make_folder(path: Path) -> None:
    path.mkdir()
    (path / "file").write_text("new")


def content_of(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("make", [make_file, make_folder])
def test_a_file_or_folder_is_made_and_replaced_whole(make: Callable[[Path], None], tmp_path: Path) -> None:
    target = tmp_path / "new" / "target.png"
    for _ in range(2):
        with files.atomic_path(target) as temporary:
            assert temporary.suffix == ".png"
            make(temporary)
        assert list(target.parent.iterdir()) == [target]
        assert set(content_of(tmp_path).values()) == {"new"}


def test_a_replaced_folder_keeps_nothing_of_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "old").write_text("old")
    with files.atomic_path(target) as temporary:
        make_folder(temporary)
    assert content_of(target) == {"file": "new"}


@pytest.mark.parametrize("make", [make_file, make_folder])
@pytest.mark.parametrize("before", [None, make_file, make_folder])
def test_a_failure_leaves_everything_as_it_was(
    make: Callable[[Path], None], before: Callable[[Path], None] | None, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    if before:
        before(target)
    earlier = content_of(tmp_path)
    with pytest.raises(RuntimeError), files.atomic_path(target) as temporary:
        make(temporary)
        raise RuntimeError
    assert content_of(tmp_path) == earlier
    assert list(tmp_path.iterdir()) == ([target] if before else [])


def test_files_are_as_readable_as_any_other_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    files.write_text(tmp_path / "atomic", "")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("suffix", [".tsv", ".parquet"])
def test_a_table_comes_back_with_ids_as_text(suffix: str, tmp_path: Path) -> None:
    table = pd.DataFrame({"id": ["007", "NA"], "group": ["01", "02"], "value": [0.1, 2.0]})
    files.write_table(tmp_path / f"table{suffix}", table)
    pd.testing.assert_frame_equal(files.read_table(tmp_path / f"table{suffix}"), table, check_dtype=False)


def test_a_table_of_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(".parquet or .tsv")):
        files.write_table(tmp_path / "table.csv", pd.DataFrame())
    assert not list(tmp_path.iterdir())


def test_json_with_nan_is_refused_and_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "value.json", {"loss": float("nan")})
    assert not list(tmp_path.iterdir())


def test_digests_see_names_and_contents(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_folder(tmp_path / name)
    assert files.folder_digest(tmp_path / "one") == files.folder_digest(tmp_path / "two")
    (tmp_path / "two" / "file").rename(tmp_path / "two" / "other")
    assert files.folder_digest(tmp_path / "one") != files.folder_digest(tmp_path / "two")
    assert files.value_digest({"a": 1, "b": 2}) == files.value_digest({"b": 2, "a": 1})


def test_seeds_are_the_same_in_every_release_and_differ_by_name() -> None:
    assert derive(0, "training.noise", 3, 1) == 629550372422970672
    seeds = {derive(seed, name, number) for seed in range(3) for name in ("a", "b") for number in range(50)}
    assert len(seeds) == 300
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert np.random.default_rng(derive(0, "a")).random() == np.random.default_rng(derive(0, "a")).random()


def test_provenance_leaves_out_what_does_not_shape_a_result() -> None:
    settings = AuditCommand(root=Path("root"), out=Path("out"))
    left_out = set(AuditCommand.model_fields) - set(describe(settings.shaping())["settings"])
    assert left_out == {"root", "out", "inspected", "workers"}


def test_what_is_written_has_the_permissions_that_the_umask_says(tmp_path: Path) -> None:
    with files.atomic_path(tmp_path / "folder") as temporary:
        temporary.mkdir()
        (temporary / "private").touch(mode=0o600)
    (tmp_path / "ordinary").touch()
    assert (tmp_path / "folder" / "private").stat().st_mode == (tmp_path / "ordinary").stat().st_mode

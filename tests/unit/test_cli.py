"""The command line: options, help, and messages about wrong usage."""

import resource
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from inpainting.cli import main, parse
from inpainting.commands import COMMANDS, GROUPS
from inpainting.core.settings import parse_size
from inpainting.models.settings import LoraSettings
from inpainting.stages.dataset.settings import AuditCommand

RELATIVE = "relative to the file that names it or to the current folder"


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.strip()


def test_an_unknown_step_is_wrong_usage_and_the_steps_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adit"]) == 2
    assert "there is no step 'adit'" in (error := error_of(capsys)) and "audit" in error


def test_help_names_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for group, commands in GROUPS.items():
        section = shown.split(f"\n{group}:\n")[1].split("\n\n")[0]
        assert [line.split()[0] for line in section.splitlines()] == list(commands)
    assert main([]) == 2


@pytest.mark.parametrize("option", ["--frame", "--framse=3"])
def test_an_unknown_option_is_wrong_usage_and_the_nearest_is_named(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "root", "out", option]) == 2
    name = option.partition("=")[0]
    assert error_of(capsys) == f"inpaint audit: {name}: there is no such option; did you mean --frames?"


def test_an_option_that_resembles_none_is_answered_with_all_options(capsys: pytest.CaptureFixture[str]) -> None:
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
def test_a_wrong_value_is_reported_with_its_option_and_what_would_be_right(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "root", "out", *arguments]) == 2
    assert error_of(capsys).startswith(f"inpaint audit: {sentence}")


def test_all_wrong_values_are_reported_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "root", "out", "--frames", "0", "--workers", "0"]) == 2
    assert len(error_of(capsys).splitlines()) == 2


def test_a_wrong_size_is_answered_with_the_format_of_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", "out", "--size", "640*480"]) == 2
    assert "should be WIDTHxHEIGHT in pixels, such as 640x480" in error_of(capsys)
    assert parse_size("640x480") == (640, 480)


def test_settings_that_contradict_each_other_name_the_option_not_the_whole_input(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["sample", "out", "--size", "8x8"]) == 2
    assert error_of(capsys) == ("inpaint sample: --size: 8x8 is too small for objects and shadows; use 16x16 or more")


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


def test_every_setting_has_a_help_text() -> None:
    for command in COMMANDS.values():
        kind = command.settings_class()
        assert all(info.description for info in kind.model_fields.values())


def test_the_help_of_the_command_itself_imports_no_package() -> None:
    probe = "import sys; from inpainting.cli import main; main(['--help']); " + (
        "assert not {'pydantic', 'yaml', 'numpy', 'torch'} & set(sys.modules), 'slow imports'"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True)


def test_help_imports_neither_torch_nor_pandas() -> None:
    probe = "import sys; from inpainting.cli import main; main(['audit', '--print-config']); " + (
        "assert not {'torch', 'pandas', 'diffusers'} & set(sys.modules), 'slow imports'"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True)


def test_the_options_of_a_step_are_grouped_by_the_settings_that_declare_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["train", "--help"])
    assert exit.value.code == 0
    shown = capsys.readouterr().out
    assert shown.index("\nthis step:\n") < shown.index("--index") < shown.index("\nLoRA: its target layers")
    lora = shown.split("\nLoRA: its target layers, rank and scale:\n")[1].split("\n\n")[0]
    declared = {f"--{name.replace('_', '-')}" for name in LoraSettings.model_fields}
    assert {line.split()[0].rstrip(",") for line in lora.splitlines() if line.startswith("  --")} == declared


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_what_print_config_prints_can_be_given_as_the_config(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, *(["--table", "clips.tsv"] if name == "import" else []), "--print-config"]) == 0
    printed = capsys.readouterr().out
    (tmp_path / "step.yaml").write_text(printed)
    assert main([name, "--config", str(tmp_path / "step.yaml"), "--print-config"]) == 0
    assert capsys.readouterr().out == printed


def test_options_override_the_values_of_the_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "step.yaml").write_text("root: here\nframes: 17\nmask_invert: true\n")
    given = parse("audit", ["x", "y", "--frames", "9", f"--config={tmp_path / 'step.yaml'}"])
    assert given == AuditCommand(root=Path("x"), out=Path("y"), frames=9, mask_invert=True)
    assert type(given) is AuditCommand


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("framse: 17\n", ["--framse: there is no such setting; did you mean frames?"]),
        ("frames: 0\n", ["--frames: 0 was given, but it should be greater than or equal to 1"]),
        (
            "frames: 17\n",
            ["--root: a value is needed and none was given", "--out: a value is needed and none was given"],
        ),
        ("- 1\n", ["--config: step.yaml holds a list; a configuration has names and values"]),
        (None, [f"--config: step.yaml does not exist; give a configuration file, {RELATIVE}"]),
    ],
)
def test_a_wrong_config_is_reported_as_options_are(
    text: str | None,
    sentences: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path("step.yaml").write_text(text)
    assert main(["audit", "--config", "step.yaml"]) == 2
    assert error_of(capsys).splitlines() == [f"inpaint audit: {sentence}" for sentence in sentences]


def test_config_needs_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--config"]) == 2
    assert error_of(capsys) == "inpaint audit: --config: a value is needed and none was given"


def test_a_place_without_permission_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """Not even root may make a folder in /sys."""
    assert main(["sample", "/sys/sequences", "--sequences", "1", "--frames", "1", "--size", "32x32"]) == 1
    assert "can't be opened: there is no permission; finished work is kept" in capsys.readouterr().err


def test_a_disk_that_takes_no_more_is_one_sentence(tmp_path: Path) -> None:
    """The limit of the size of files stands for a full disk."""
    command = ["sample", str(tmp_path), "--sequences", "1", "--frames", "1", "--size", "32x32", "--workers", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "inpainting.cli", *command],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "inpaint sample: a file can't be written: the file is larger than this system" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["ex"], {"export"}),
        (["train", "--learning"], {"--learning-rate"}),
        (["train", "--schedule", "cos"], {"cosine", "cosine_with_restarts"}),
        (["audit", "--level", ""], {"header", "crc", "decode"}),
    ],
)
def test_bash_completes_steps_options_and_choices(
    typed: list[str], offered: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--print-completion", "bash"]) == 0
    (tmp_path / "inpaint").write_text(capsys.readouterr().out)
    words = shlex.join(["inpaint", *typed])
    line = f"source ./inpaint; COMP_WORDS=({words}) COMP_CWORD={len(typed)}; _shtab_inpaint; echo ${{COMPREPLY[@]}}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == offered, done.stderr


def test_completion_for_an_unknown_shell_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--print-completion", "elvish"]) == 2
    assert "elvish was given, but it should be one of bash, " in error_of(capsys)

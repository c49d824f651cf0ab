"""The base of `inpaint run`: by default the adapter's, found from any working directory."""

import json
import shutil
from pathlib import Path

import commands
import pytest
from inpainting.cli import main, parse
from inpainting.conditioning.adapter import AdapterConfig, read_adapter_config
from inpainting.core.errors import InputError, UsageError
from inpainting.models.bases import PROJECT
from inpainting.sampling.pipeline import CogVideoXInpaintPipeline
from inpainting.sampling.run_model import RunModel, find_base
from inpainting.sampling.settings import RunCommand


@pytest.fixture
def config(adapter: Path) -> AdapterConfig:
    """Its configuration, which names the tiny base by its full path."""
    return read_adapter_config(adapter)


def test_the_given_base_comes_first_then_the_adapters_then_nano(config: AdapterConfig, tiny_base: Path) -> None:
    assert find_base("models/nano", config) in {"models/nano", str(PROJECT / "models" / "nano")}
    assert find_base("", config) == str(tiny_base)
    assert find_base("THUDM/CogVideoX-2b", config) == "THUDM/CogVideoX-2b"


def test_a_relative_base_is_searched_in_the_current_folder_and_then_in_the_projects(
    config: AdapterConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    relative = config.model_copy(update={"base": "models/nano"})
    assert find_base("", relative) == find_base("", None) == str(PROJECT / "models" / "nano")
    (tmp_path / "models" / "nano").mkdir(parents=True)
    assert find_base("", relative) == "models/nano"


def test_an_adapters_base_that_does_not_exist_is_refused_or_has_to_be_downloaded(
    config: AdapterConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UsageError, match="--base: the adapter was trained on models/small, which is neither in the current folder nor"
    ):
        find_base("", config.model_copy(update={"base": "models/small"}))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    trained_on_hub = config.model_copy(update={"base": "THUDM/CogVideoX-2b", "base_revision": "c0ffee"})
    with pytest.raises(InputError, match="run `inpaint fetch --base THUDM/CogVideoX-2b --revision c0ffee` first"):
        find_base("", trained_on_hub)


def test_run_takes_the_base_from_the_adapter_and_names_one_that_does_not_exist(
    adapter: Path,
    tiny_results: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = next(iter(sorted((tiny_results / "dataset").iterdir())))
    options = {"steps": 1, "frames": 9, "input": folder}
    assert main(commands.run(None, "out", **options, adapter=adapter)) == 0
    assert len(list((tmp_path / "out").iterdir())) == 9
    moved = shutil.copytree(adapter, tmp_path / "moved")
    config = json.loads((moved / "inpainting.json").read_text())
    (moved / "inpainting.json").write_text(json.dumps(config | {"base": "models/small"}))
    assert main(commands.run(None, "out", **options, adapter="moved")) == 2
    assert "inpaint run: --base: the adapter was trained on models/small" in capsys.readouterr().err


def test_a_folder_that_does_not_exist_is_refused_without_asking_the_hub(
    clip: Path, mask: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(commands.run("models/nanoo", "out", input=clip, mask=mask)) == 2
    assert "inpaint run: --base: models/nanoo does not exist; give a folder" in capsys.readouterr().err
    with pytest.raises(UsageError, match="from_pretrained: models/nanoo does not exist"):
        CogVideoXInpaintPipeline.from_pretrained("models/nanoo")


def test_from_pretrained_searches_the_projects_folder_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CogVideoXInpaintPipeline.from_pretrained("models/nano").config._name_or_path == str(PROJECT / "models/nano")


def test_options_say_how_masks_are_stored_and_the_adapter_says_the_rest(
    adapter: Path, tiny_base: Path, config: AdapterConfig
) -> None:
    dilation, window = config.masks.mask_dilation + 1, config.windows.window + 8
    given = {"mask_threshold": 1, "mask_invert": True, "mask_dilation": dilation, "window": window}
    for options in ({}, given):
        line = commands.run(tiny_base, "out.mp4", adapter=adapter, input="in", mask="mask", **options)
        settings = parse("run", line[1:])
        assert isinstance(settings, RunCommand)
        applied = RunModel(settings).settings
        stored = options or config.masks.model_dump()
        assert (applied.mask_threshold, applied.mask_invert) == (stored["mask_threshold"], stored["mask_invert"])
        assert (applied.mask_dilation, applied.window) == (config.masks.mask_dilation, config.windows.window)

"""`inpaint doctor`: a line per check, and whether a run would fail."""

from importlib import metadata
from pathlib import Path
from typing import Any

import commands
import pytest
import yaml
from inpainting.cli import main
from inpainting.config import resolve
from inpainting.core.settings import read_values
from inpainting.planning import doctor
from inpainting.planning.settings import DoctorCommand
from inpainting.video.sequence import FOLDERS

NEEDED = ["Python", "packages", "configuration", "GPU", "memory", "SLURM", "base", "dataset", "disk"]


@pytest.fixture
def values(in_the_project: Path, tmp_path: Path) -> dict[str, Any]:
    """The demo's configuration with a dataset of ten sequences, whose folders are empty."""
    for number in range(10):
        for folder in FOLDERS:
            (tmp_path / "data" / str(number) / folder).mkdir(parents=True)
    return {"extends": "config/config.yaml", "dataset": {"root": str(tmp_path / "data"), "frames": 17}}


def written(path: Path, values: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(values))
    return path


def test_each_check_is_one_line(values: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "c.yaml", values)
    assert main(commands.doctor(configfile=path, results=tmp_path / "results")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == NEEDED
    by_name = {line.split()[1]: line for line in lines}
    assert (
        by_name["dataset"].startswith("ok ") and "10 of 10 folders have RGB_480, MASK_480, GT_480" in by_name["dataset"]
    )
    assert by_name["disk"].startswith("ok ") and "the run writes up to" in by_name["disk"]


def test_without_a_configuration_only_the_machine_is_checked_wherever_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(commands.doctor()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == [name for name in NEEDED if name not in ("configuration", "dataset")]


@pytest.mark.parametrize(
    ("change", "missing", "sentence"),
    [
        ({"dataset": {"root": "nowhere"}}, "configuration", "dataset.root: nowhere does not exist"),
        (
            {"dataset": {"root": ".", "frames": 17}},
            "dataset",
            "give the folder that holds one such folder per sequence",
        ),
        ({"model": {"base": "owner/name"}}, "base", "run `inpaint fetch --base owner/name` first"),
    ],
)
def test_what_a_run_would_lack_is_named_with_what_to_do(
    change: dict[str, Any],
    missing: str,
    sentence: str,
    values: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    path = written(tmp_path / "c.yaml", values | change)
    assert main(commands.doctor(configfile=path)) == 1
    shown = capsys.readouterr()
    (line,) = (line for line in shown.out.splitlines() if line.startswith("MISSING"))
    assert line.split()[1] == missing and sentence in line
    assert shown.err == f"inpaint doctor: a run would fail for want of: {missing}\n"


def test_a_gpu_that_is_asked_for_and_absent_is_missing_with_the_setting_that_does_without(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setenv("PATH", "")
    path = written(tmp_path / "c.yaml", values | {"model": {"device": "cuda"}})
    (gpu,) = (one for one in doctor.checks(DoctorCommand(configfile=path)) if one.what == "GPU")
    assert gpu.needed
    assert gpu.next == "use a machine with one, or give model.device: cpu, for models/nano alone"


def test_packages_are_compared_with_the_pinned_ones(tmp_path: Path) -> None:
    pins, pytest_version = tmp_path / "pins.txt", metadata.version("pytest")
    for text, needed, found in (
        (f"# pinned\npytest=={pytest_version}\n", None, "1 as pinned"),
        (f"pytest=={pytest_version}.1\n", False, f"(pytest {pytest_version} instead of {pytest_version}.1)"),
        (f"pytest=={pytest_version}\nno-such-package==1\n", True, "1 of 2 are absent (no-such-package)"),
    ):
        pins.write_text(text)
        finding = doctor._packages(pins)
        assert found in finding.found
        assert (finding.needed if finding.next else None) == needed


def test_a_disk_that_is_too_small_is_missing_space(values: dict[str, Any], tmp_path: Path) -> None:
    many = values | {"training": {"steps": 10**6, "save_every": 1}}
    settings = DoctorCommand(configfile=written(tmp_path / "c.yaml", many), results=tmp_path)
    disk = next(finding for finding in doctor.checks(settings) if finding.what == "disk")
    assert disk.needed and disk.next == "`inpaint plan` says which settings take less"


@pytest.mark.parametrize(
    ("total", "helps"),
    [
        (10**12, []),
        (
            10**7,
            ["train lora: training.gradient_checkpointing: true; model.quantization: int8; fewer", "model.offload"],
        ),
    ],
)
def test_a_gpu_that_is_too_small_gets_the_settings_that_take_less(
    values: dict[str, Any], tmp_path: Path, total: int, helps: list[str]
) -> None:
    path = written(tmp_path / "c.yaml", values | {"training": {"micro_batch_size": 1, "batch_size": 4}})
    finding = doctor._gpu_memory(resolve(read_values(path, "--configfile"), [path.parent]), total)
    assert bool(finding.next) == bool(helps) and not finding.needed
    assert all(sentence in finding.next for sentence in helps)
    assert finding.found.endswith("besides CUDA")

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from inpainting.artifacts.split import SPLIT_TABLE
from inpainting.config import PipelineConfig, resolve
from inpainting.core.errors import UsageError
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.planning.work import Work, count_work, jobs
from inpainting.sampling.window_schedule import WindowSchedule


def jobs_of_snakemake(project: Path, configuration: str, folder: Path) -> dict[str, int]:
    """What a dry run in an empty folder lists, by rule."""
    for name in ("config", "models"):
        (folder / name).symlink_to(project / name)
    places = ["--snakefile", str(project / "Snakefile"), "--directory", str(folder)]
    profile = ["--workflow-profile", str(project / "workflow" / "profiles" / "default")]
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "2", *places, *profile]
    done = subprocess.run(
        [*command, "--configfile", configuration], cwd=folder, capture_output=True, text=True, check=True
    )
    table = (done.stdout + done.stderr).split("Job stats:")[1]
    rows = [line.split() for line in table.splitlines()[3:]]
    counted = {row[0]: int(row[1]) for row in rows[: rows.index([])]}
    assert counted.pop("total") == sum(counted.values())
    return counted


@pytest.mark.parametrize("name", ["config", "ablation"])
def test_the_jobs_are_those_that_snakemake_lists(name: str, in_the_project: Path, tmp_path: Path) -> None:
    configuration = f"config/{name}.yaml"
    planned = jobs(resolve(yaml.safe_load(Path(configuration).read_text(encoding="utf-8")), [Path("config")]))
    assert planned == jobs_of_snakemake(in_the_project, configuration, tmp_path)


def test_a_base_on_the_hub_is_a_job_that_fetches_it(in_the_project: Path, tmp_path: Path) -> None:
    configuration = tmp_path / "hub.yaml"
    configuration.write_text("extends: config/config.yaml\nmodel: {base: nobody/not-downloaded}\n")
    planned = jobs(resolve(yaml.safe_load(configuration.read_text(encoding="utf-8"))))
    assert planned["fetch"] == 1
    assert planned == jobs_of_snakemake(in_the_project, str(configuration), tmp_path)


def test_a_folder_is_counted_and_split_as_the_pipeline_does(work: Work, tiny_results: Path) -> None:
    split = SPLIT_TABLE.read(tiny_results / "audit" / "split.tsv")["split"].value_counts()
    assert work.sequences == 10
    assert {"train": work.train, "validation": work.validation, "test": work.test} == split.to_dict()
    assert work.train_windows == 2 * work.train, "of 9 of 17 frames"


def test_a_dataset_that_is_not_there_needs_a_number(in_the_project: Path) -> None:
    dataset = {"root": "nowhere", "split": {"validation_share": 0.1, "test_share": 0.1}}
    values = {"extends": "config/cogvideox-2b.yaml", "dataset": dataset, "latents": {"windows_per_sequence": None}}
    config = resolve(values, root_exists=False)
    with pytest.raises(UsageError, match=r"dataset\.root: nowhere does not exist.*--sequences N"):
        count_work(config, COGVIDEOX_2B.geometry, given=None, size=None)
    work = count_work(config, COGVIDEOX_2B.geometry, given=40_000, size=None)
    assert (work.train, work.validation, work.test) == (32_000, 4_000, 4_000)
    assert (work.windows, work.train_windows, work.pngs) == (3, 96_000, 12_000_000)
    fewer = resolve(values | {"latents": {"windows_per_sequence": 2}}, root_exists=False)
    assert count_work(fewer, COGVIDEOX_2B.geometry, given=40_000, size=None).train_windows == 64_000
    assert work.latent_shape == (13, 60, 80)
    assert (work.size, work.size_origin) == ((640, 480), "assumed")


def test_limits_bound_what_is_scored(tiny_config: PipelineConfig) -> None:
    work = count_work(tiny_config, COGVIDEOX_2B.geometry, given=1000, size="32x32")
    assert (work.validated, work.evaluated) == (200, 100)
    limited = tiny_config.model_copy(
        update={
            "validation": tiny_config.validation.model_copy(update={"limit": 7}),
            "evaluation": tiny_config.evaluation.model_copy(update={"limit": 5}),
        }
    )
    work = count_work(limited, COGVIDEOX_2B.geometry, given=1000, size="32x32")
    assert (work.validated, work.evaluated) == (7, 5)


@pytest.mark.parametrize(
    ("frames", "window", "overlap"), [(100, 49, 4), (25, 17, 4), (49, 49, 4), (300, 9, 0), (5, 1, 0)]
)
def test_clips_are_inpainted_in_as_many_windows_as_the_sampler_plans(
    tiny_config: PipelineConfig, frames: int, window: int, overlap: int
) -> None:
    geometry = COGVIDEOX_2B.geometry
    windows = tiny_config.windows.model_copy(update={"window": window, "window_overlap": overlap})
    dataset = tiny_config.dataset.model_copy(update={"frames": frames})
    config = tiny_config.model_copy(update={"windows": windows, "dataset": dataset})
    expected = WindowSchedule.plan(frames, window, overlap, geometry).starts
    assert count_work(config, geometry, given=1, size="32x32").joint_windows == len(expected)

"""The SLURM profile on a real SLURM of two nodes."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import slurm_cluster
import yaml
from inpainting.core.files import file_digest, read_table
from result_digests import result_digests
from snakemake_runs import run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[slurm_cluster.Cluster]:
    if not slurm_cluster.installed():
        pytest.skip("SLURM is not installed: Debian's slurmctld, slurmd and slurm-client")
    started = slurm_cluster.Cluster(tmp_path / "slurm")
    try:
        started.start()
        yield started
    finally:
        started.stop()


def configure(folder: Path, base: Path, device: str, **sections: object) -> list[str]:
    """Write a configuration of one training; the command that runs it with the SLURM profile."""
    (folder / "experiments.tsv").write_text("experiment\toverrides\tdescription\none\t\t\n")
    config = {
        "experiments": "experiments.tsv",
        "model": {"base": str(base), "device": device},
        "windows": {"window": 9},
        "dataset": {"frames": 9, "sample": {"sequences": 4, "size": "32x32"}},
        **sections,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return snakemake_on_slurm(folder)


def snakemake_on_slurm(folder: Path) -> list[str]:
    """The command line of a run in `folder` with the SLURM profile."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["--workflow-profile", str(ROOT / "workflow/profiles/slurm")]
    return [*command, "--configfile", str(folder / "config.yaml")]


def jobs(cluster: slurm_cluster.Cluster) -> list[str]:
    """A line about each job of the cluster, by scontrol."""
    command = ["scontrol", "--oneliner", "show", "jobs"]
    done = subprocess.run(command, env=cluster.environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.slow
def test_a_whole_run_with_a_training_on_two_nodes_ends_in_the_same_results_as_on_one_machine(
    cluster: slurm_cluster.Cluster, finished: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    shutil.copytree(finished, folder, ignore=shutil.ignore_patterns("results", ".snakemake"))
    experiments = folder / "experiments.tsv"
    experiments.write_text(experiments.read_text().replace("processes=2", "processes=2 nodes=2"))
    done = subprocess.run(
        snakemake_on_slurm(folder),
        env=cluster.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=1100,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert "Trying to restart job" not in done.stderr
    assert result_digests(folder / "results") == result_digests(finished / "results")
    assert (folder / "results" / "report.html").is_file()
    assert [re.findall(r"NumNodes=(\d+)", job)[0] for job in jobs(cluster)].count("2") == 1
    assert not [job for job in jobs(cluster) if "Partition=gpu" in job or re.search("gres[:/]gpu", job)]


@pytest.mark.slow
def test_jobs_that_ask_for_a_gpu_go_to_a_partition_with_gpus_and_others_do_not(
    cluster: slurm_cluster.Cluster, tiny_base: Path, tmp_path: Path
) -> None:
    command = configure(tmp_path, tiny_base, "auto")
    done = subprocess.run(
        [*command, "--", "results/latents/prompt.safetensors", "results/dataset/split.tsv"],
        env=cluster.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert "submitted with SLURM jobid" in done.stderr
    assert set(read_table(tmp_path / "results" / "dataset" / "split.tsv")["split"]) == {"train", "validation", "test"}
    assert (tmp_path / "results" / "logs" / "split.log").read_text(), "the cause of a failure is in the rule's own log"
    on_gpu = [job for job in jobs(cluster) if "Partition=gpu" in job]
    asking = [job for job in jobs(cluster) if re.search("gres[:/]gpu", job)]
    assert asking == on_gpu
    assert len(on_gpu) == 1, "the prompt's encoding asks for a GPU, no other job does"


@pytest.mark.slow
def test_a_training_on_two_nodes_that_nears_its_limit_goes_on_without_a_retry_and_ends_as_one_in_a_single_job_does(
    cluster: slurm_cluster.Cluster, tiny_base: Path, tmp_path: Path
) -> None:
    steps = {"steps": 2, "save_every": 2, "batch_size": 2, "micro_batch_size": 1, "warmup_steps": 1, "processes": 2}
    command = configure(tmp_path, tiny_base, "cpu", training=steps)
    whole = run(tmp_path, "results/training/one/training.json")
    assert whole.returncode == 0, whole.stderr[-4000:]
    trained = tmp_path / "results" / "training" / "one"
    weights = "checkpoints/step-2/adapter/pytorch_lora_weights.safetensors"
    expected = file_digest(trained / weights)
    shutil.rmtree(trained)
    # Half a minute is less than is reserved for saving, so each job trains for one step.
    configure(tmp_path, tiny_base, "cpu", training={**steps, "nodes": 2, "time_limit": 0.5})
    in_parts = subprocess.run(
        [*command, "--retries", "0", "--", "results/training/one/training.json"],
        env=cluster.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert in_parts.returncode == 0, in_parts.stderr[-4000:]
    assert file_digest(trained / weights) == expected
    assert re.findall("NumNodes=2|Restarts=[1-9]", "\n".join(jobs(cluster))) == ["Restarts=1", "NumNodes=2"], (
        "one job was started again after its first step"
    )


@pytest.mark.slow
def test_a_job_knows_its_end_from_slurm(cluster: slurm_cluster.Cluster, tmp_path: Path) -> None:
    asked = "import time; from inpainting.core.slurm import job_end; print(job_end() - time.time())"
    script = f"#!/bin/sh\nunset SLURM_JOB_END_TIME\n{sys.executable} -c '{asked}'\n"
    printed = tmp_path / "printed"
    subprocess.run(
        ["sbatch", "--wait", "--time=5", f"--output={printed}"],
        input=script,
        env=cluster.environment,
        text=True,
        check=True,
        timeout=300,
    )
    assert 0 < float(printed.read_text()) <= 300


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("cpu", set()),
        (
            "cuda",
            {
                "encode",
                "prompt",
                "train",
                "validate",
                "evaluate_model",
                "evaluate_experiment",
            },
        ),
    ],
)
def test_rules_that_use_the_model_ask_for_a_gpu_unless_the_device_is_the_cpu(
    tiny_base: Path, tmp_path: Path, device: str, expected: set[str]
) -> None:
    command = configure(tmp_path, tiny_base, device)
    planned = subprocess.run([*command, "--dry-run"], capture_output=True, text=True, check=False)
    assert planned.returncode == 0, planned.stderr[-4000:]
    asked = re.findall(r"^rule (\w+):\n(?: .*\n)*?    resources: (.*)", planned.stdout + planned.stderr, re.MULTILINE)
    assert {rule for rule, _ in asked} >= {"encode", "train", "tables"}
    assert {rule for rule, resources in asked if re.search(r"\bgpu=[1-9]", resources)} == expected

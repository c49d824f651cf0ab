"""The SLURM profile on a real SLURM of one node."""

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
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["--workflow-profile", str(ROOT / "workflow/profiles/slurm")]
    return [*command, "--configfile", str(folder / "config.yaml")]


@pytest.mark.slow
@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_jobs_that_ask_for_a_gpu_go_to_a_partition_with_gpus_and_others_do_not(
    cluster: slurm_cluster.Cluster, tiny_base: Path, tmp_path: Path, device: str
) -> None:
    command = configure(tmp_path, tiny_base, device)
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
    jobs = subprocess.run(
        ["scontrol", "--oneliner", "show", "jobs"], env=cluster.environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    on_gpu = [job for job in jobs if "Partition=gpu" in job]
    asking = [job for job in jobs if re.search("gres[:/]gpu", job)]
    assert asking == on_gpu
    assert len(on_gpu) == (0 if device == "cpu" else 1), "the prompt's encoding asks for a GPU, no other job does"


@pytest.mark.slow
def test_a_training_continues_over_more_jobs_than_there_are_retries_and_ends_as_one_in_a_single_job_does(
    cluster: slurm_cluster.Cluster, tiny_base: Path, tmp_path: Path
) -> None:
    steps = {"steps": 4, "save_every": 4, "batch_size": 1, "micro_batch_size": 1, "warmup_steps": 1, "log_every": 1}
    command = configure(tmp_path, tiny_base, "cpu", training=steps)
    whole = run(tmp_path, "results/training/one/training.json")
    assert whole.returncode == 0, whole.stderr[-4000:]
    trained = tmp_path / "results" / "training" / "one"
    weights = "checkpoints/step-4/adapter/pytorch_lora_weights.safetensors"
    expected = file_digest(trained / weights)
    shutil.rmtree(trained)
    # Half a minute is less than is reserved for saving, so each job trains for one step.
    configure(tmp_path, tiny_base, "cpu", training={**steps, "time_limit": 0.5})
    in_parts = subprocess.run(
        [*command, "--", "results/training/one/training.json"],
        env=cluster.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert in_parts.returncode == 0, in_parts.stderr[-4000:]
    assert file_digest(trained / weights) == expected
    assert "Trying to restart job" not in in_parts.stderr, "no retry was used up"
    jobs = subprocess.run(
        ["scontrol", "--oneliner", "show", "jobs"], env=cluster.environment, capture_output=True, text=True, check=True
    ).stdout
    assert re.findall("Restarts=([1-9])", jobs) == ["3"], "one job was started again after each step but the last"


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
    jobs = re.findall(r"^rule (\w+):\n(?: .*\n)*?    resources: (.*)", planned.stdout + planned.stderr, re.MULTILINE)
    assert {rule for rule, _ in jobs} >= {"encode", "train", "tables"}
    assert {rule for rule, resources in jobs if re.search(r"\bgpu=[1-9]", resources)} == expected

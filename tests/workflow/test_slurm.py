"""The SLURM profile on a real SLURM of one node."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import slurm_cluster
import yaml
from inpainting.core.files import read_table

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


@pytest.mark.slow
def test_the_slurm_profile_runs_rules_as_jobs_and_asks_for_a_gpu_where_one_is_used(
    cluster: slurm_cluster.Cluster, tiny_base: Path, tmp_path: Path
) -> None:
    (tmp_path / "experiments.tsv").write_text("experiment\toverrides\tdescription\none\t\t\n")
    config = {
        "experiments": "experiments.tsv",
        "model": {"base": str(tiny_base), "device": "auto"},
        "windows": {"window": 9},
        "dataset": {"frames": 9, "sample": {"sequences": 4, "size": "32x32"}},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path)]
    command += [
        "--workflow-profile",
        str(ROOT / "workflow/profiles/slurm"),
        "--configfile",
        str(tmp_path / "config.yaml"),
    ]
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
    assert len(on_gpu) == 1 and asking == on_gpu, "the prompt's encoding asks for a GPU, no other job does"


def test_all_that_asks_for_a_gpu_goes_to_the_partition_that_has_them(tiny_base: Path, tmp_path: Path) -> None:
    (tmp_path / "experiments.tsv").write_text("experiment\toverrides\tdescription\none\t\t\n")
    config = {"experiments": "experiments.tsv", "model": {"base": str(tiny_base), "device": "cuda"}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path)]
    command += ["--workflow-profile", str(ROOT / "workflow/profiles/slurm"), "--dry-run", "--configfile"]
    planned = subprocess.run([*command, str(tmp_path / "config.yaml")], capture_output=True, text=True, check=False)
    assert planned.returncode == 0, planned.stderr[-4000:]
    jobs = re.findall(r"^rule (\w+):\n(?: .*\n)*?    resources: (.*)", planned.stdout + planned.stderr, re.MULTILINE)
    asking = {rule for rule, resources in jobs if re.search(r"\bgpu=1\b", resources)}
    sent = {rule for rule, resources in jobs if "slurm_partition=gpu" in resources}
    assert {"encode_truth", "encode_condition", "train", "evaluate_experiment"} <= asking
    assert sent == asking

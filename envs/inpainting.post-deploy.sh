#!/usr/bin/env bash
# Snakemake runs this in the environment that inpainting.yaml made, from the folder that snakemake was called in.
set -euo pipefail
python -m pip install --quiet -r envs/requirements.txt
python -m pip install --quiet --no-deps --no-build-isolation -e .

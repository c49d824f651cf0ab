"""The demo and a run on one's own sequences have the same file names: neither may replace the other unasked."""

from pathlib import Path


def other_run(results: Path, root: str | None) -> str | None:
    """What to do if `results` holds the demo's run and this one has a dataset.root, or the other way round; else None.

    root: the setting dataset.root, without which sample sequences are made.
    """
    sample = results / "dataset" / "sample"
    if root is not None and sample.exists():
        return (
            f"{results}/ holds a run on sample sequences (the demo), which this run on dataset.root = {root} would "
            f"replace: move it away (mv {results} demo-{results.name}), or remove {sample} to have it replaced"
        )
    if root is None and not sample.exists() and (results / "dataset" / "manifest.parquet").exists():
        return (
            f"{results}/ holds a run on other sequences, which the demo would replace, since no dataset.root is given: "
            f"give that run's --configfile, or move {results}/ away"
        )
    return None

"""`inpaint audit`: find every sequence below a folder, check it, and write what was found."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from inpainting import provenance
from inpainting.dataset.groups import GROUPS, read_groups
from inpainting.dataset.inspection import inspect
from inpainting.dataset.manifest import write_manifest, write_rejected
from inpainting.dataset.reasons import Finding, Reason, reason_counts, verdict
from inpainting.dataset.record import ACCEPTED, REJECTED, Record
from inpainting.dataset.settings import AuditCommand
from inpainting.errors import InputError, UsageError
from inpainting.files import file_digest, value_digest, write_json
from inpainting.progress import tracked
from inpainting.settings import existing
from inpainting.video.sequence import FOLDERS
from inpainting.workers import process_pool

log = logging.getLogger(__name__)


def audit(settings: AuditCommand) -> None:
    """Write manifest.parquet, rejected.tsv and summary.json.

    Raises UsageError for paths that can't be used, InputError for a root without sequences. Rejected sequences are no
    failure of the audit, whose findings must stay for a person to read: `inpaint split` refuses too many of them.
    """
    check_paths(settings.root, settings.out)
    names, stray = find_sequences(settings.root)
    groups = read_groups(settings.root)
    records, findings = inspect_all(names, settings)
    records = [replace(record, group=groups.get(record.id, record.group)) for record in records]
    origin = provenance.describe(settings, inputs(settings.root, records), leave_out=("root", "out", "workers"))
    write_rejected(settings.out / "rejected.tsv", findings)
    write_json(settings.out / "summary.json", summarise(records, findings, stray) | {"provenance": origin})
    write_manifest(settings.out / "manifest.parquet", records, origin)
    log.info("%s", verdict([record.reasons for record in records]))


def check_paths(root: Path, out: Path) -> None:
    """Raise UsageError unless `root` is a folder and `out` can be one outside of it."""
    if not existing(root, "ROOT", "the folder that holds the sequences").is_dir():
        raise UsageError(f"ROOT: {root} is a file; give the folder that holds the sequences")
    if out.exists() and not out.is_dir():
        raise UsageError(f"OUT: {out} is a file; give a folder for the audit's results")
    if out.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"OUT: {out} lies inside ROOT, where it would pass for a sequence; choose a place outside")


def find_sequences(root: Path) -> tuple[list[str], int]:
    """Names of the folders directly below `root`, sorted, and the count of all else there.

    A link to nothing counts as a sequence, a lost one; hidden folders do not. Raises InputError when there is none.
    """
    try:
        found = sorted(root.iterdir(), key=lambda path: path.name)
        names = [path.name for path in found if _is_sequence(path)]
    except OSError as error:
        raise InputError(f"{root} can't be listed: {error.strerror}") from error
    if set(FOLDERS) & set(names):
        raise InputError(f"{root} is itself a sequence; give the folder that holds the sequences as ROOT")
    if not names:
        raise InputError(f"{root} holds no folders; every sequence is a folder with {', '.join(FOLDERS)} in it")
    return names, len({path.name for path in found} - {*names, GROUPS})


def _is_sequence(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    return path.is_dir() or (path.is_symlink() and not path.exists())


def inspect_all(names: Sequence[str], settings: AuditCommand) -> tuple[list[Record], dict[str, list[Finding]]]:
    """Records sorted by id, and all findings by id."""
    with process_pool(settings.workers, preload=inspect.__module__) as pool:
        results = pool.map(partial(inspect, settings=settings), names)
        inspected = list(tracked(results, "audit", "sequences", len(names)))
    inspected.sort(key=lambda result: result[0].id)
    return [record for record, _ in inspected], {record.id: findings for record, findings in inspected}


def inputs(root: Path, records: Sequence[Record]) -> dict[str, str]:
    """Digests of what the manifest is made from; where it lies plays no part."""
    digests = {"sequences": value_digest([[record.id, record.digest] for record in records])}
    if (root / GROUPS).exists():
        digests[GROUPS] = file_digest(root / GROUPS)
    return digests


def summarise(records: Sequence[Record], findings: dict[str, list[Finding]], stray: int) -> dict[str, Any]:
    """The audit in numbers: counts by verdict and reason; sizes and coverage of the accepted sequences."""
    accepted = [record for record in records if record.verdict == ACCEPTED]
    sizes = Counter(f"{record.width}x{record.height}" for record in accepted)
    counts = reason_counts([record.reasons for record in records])
    return {
        "sequences": len(records),
        ACCEPTED: len(accepted),
        REJECTED: len(records) - len(accepted),
        "groups": len({record.group for record in accepted}),
        "stray": stray,
        "reasons": {reason.code: {"sequences": counts[reason.code], "meaning": reason.meaning} for reason in Reason},
        "findings": sum(len(of) for of in findings.values()),
        "sizes": dict(sorted(sizes.items())),
        "coverage": quantiles([record.coverage_mean for record in accepted if record.coverage_mean is not None]),
    }


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Smallest, 5 %, 25 %, 50 %, 75 %, 95 % and largest of some values, by name; empty for none."""
    names = {"min": 0.0, "q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}
    return {name: float(np.quantile(values, share)) for name, share in names.items()} if values else {}

"""`inpaint audit`: gather what was found of every sequence, join duplicates into groups, and write the manifest."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from inpainting.artifacts.audit_summary import AuditSummary
from inpainting.artifacts.findings import write_findings
from inpainting.artifacts.formats import digests
from inpainting.artifacts.groups import GROUPS, read_groups
from inpainting.artifacts.inspected_shard import InspectedShard
from inpainting.artifacts.manifest import write_manifest
from inpainting.artifacts.reasons import Finding, Reason, reason_counts, verdict, warned
from inpainting.artifacts.record import ACCEPTED, Content, Record, Soundness, make_record
from inpainting.core import provenance
from inpainting.core.errors import InputError, UsageError
from inpainting.core.files import file_digest, value_digest
from inpainting.stages.dataset.groups import Joined, join
from inpainting.stages.dataset.inspect_shard import check_paths, inspect_shard, shaping_settings
from inpainting.stages.dataset.settings import AuditCommand, InspectCommand, Inspecting

log = logging.getLogger(__name__)

Found = list[tuple[str, Soundness, Content]]


def audit(settings: AuditCommand) -> None:
    """Write manifest.parquet, rejected.tsv, warnings.tsv and summary.json.

    Raises UsageError for paths that can't be used, InputError for a root without sequences. Rejected sequences are no
    failure of the audit, whose findings must stay for a person to read: `inpaint split` refuses too many of them.
    """
    check_paths(settings.root, settings.out)
    if settings.out.exists() and not settings.out.is_dir():
        raise UsageError(f"OUT: {settings.out} is a file; give a folder for the audit's results")
    user_groups = read_groups(settings.root)
    found, stray = gather(settings.inspected or [inspect_here(settings)], settings)
    findings = {name: [*sound.findings, *content.findings] for name, sound, content in found}
    records = [make_record(name, sound, content) for name, sound, content in found]
    joined = join(records, user_groups)
    records = [replace(record, group=joined.groups[record.id]) for record in records]
    origin = provenance.describe(settings.shaping(), inputs(settings.root, records))
    rejected, warnings = settings.out / "rejected.tsv", settings.out / "warnings.tsv"
    write_findings(rejected, findings, rejects=True)
    write_findings(warnings, findings, rejects=False)
    counts = summarise(records, findings, joined, stray)
    told = {"effect_threshold": settings.effect_threshold, "files": digests(rejected, warnings), "provenance": origin}
    AuditSummary.model_validate(counts | told).write(settings.out / "summary.json")
    write_manifest(settings.out / "manifest.parquet", records, origin)
    log.info("%s; %s", verdict([of.reasons for of in records]), warned([of.warnings for of in records]))


def inspect_here(settings: AuditCommand) -> Path:
    """Inspect all sequences as one shard, beside the folder where a pipeline keeps its shards."""
    out = settings.out / "inspected.jsonl"
    inspect_shard(InspectCommand(**settings.section(Inspecting).model_dump(), out=out))
    return out


def gather(paths: Sequence[Path], settings: AuditCommand) -> tuple[Found, int]:
    """What was found of all sequences, by id, and how many entries of the root are none.

    Raises InputError for shards that are not all of one whole, or were inspected with other settings.
    """
    found: Found = []
    stray = 0
    for path in paths:
        shard = InspectedShard.read(path, "--inspected")
        if shard.settings != shaping_settings(settings):
            raise InputError(f"{path} was inspected with other settings; make it again with `inpaint inspect`")
        if shard.shards != len(paths):
            raise InputError(f"{path} is one of {shard.shards} shards, but {len(paths)} are given; give all of them")
        found += shard.sequences
        stray = shard.stray
    found.sort(key=lambda one: one[0])
    twice = [name for name, count in Counter(name for name, *_ in found).items() if count > 1]
    if twice:
        raise InputError(f"{twice[0]} is in two shards, which are no parts of one whole; inspect all of them again")
    return found, stray


def inputs(root: Path, records: Sequence[Record]) -> dict[str, str]:
    """Digests of what the manifest is made from; where it lies plays no part."""
    digests = {"sequences": value_digest([[record.id, record.digest] for record in records])}
    if (root / GROUPS).exists():
        digests[GROUPS] = file_digest(root / GROUPS)
    return digests


def summarise(
    records: Sequence[Record], findings: dict[str, list[Finding]], joined: Joined, stray: int
) -> dict[str, object]:
    """The audit in numbers, as `AuditSummary` has them."""
    accepted = [record for record in records if record.verdict == ACCEPTED]
    sizes = Counter(f"{record.width}x{record.height}" for record in accepted)
    counts = reason_counts([f"{record.reasons};{record.warnings}" for record in records])
    return {
        "sequences": len(records),
        "accepted": len(accepted),
        "rejected": len(records) - len(accepted),
        "warned": sum(bool(record.warnings) for record in accepted),
        "groups": len({record.group for record in accepted}),
        "duplicates": {"exact": joined.exact, "near": joined.near},
        "stray": stray,
        "reasons": {
            reason.code: {"sequences": counts[reason.code], "rejects": reason.rejects, "meaning": reason.meaning}
            for reason in Reason
        },
        "findings": sum(len(of) for of in findings.values()),
        "sizes": dict(sorted(sizes.items())),
        "coverage": quantiles([record.coverage_mean for record in accepted if record.coverage_mean is not None]),
    }


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Smallest, 5 %, 25 %, 50 %, 75 %, 95 % and largest of some values, by name; empty for none."""
    names = {"min": 0.0, "q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}
    return {name: float(np.quantile(values, share)) for name, share in names.items()} if values else {}

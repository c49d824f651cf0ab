"""`inpaint audit`: collect the inspection results, group duplicates, and write the manifest."""

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
from inpainting.stages.dataset.groups import Grouping, group_duplicates
from inpainting.stages.dataset.inspect_shard import check_paths, inspect_shard, shaping_settings
from inpainting.stages.dataset.polarity import mostly_inverted
from inpainting.stages.dataset.settings import AuditCommand, InspectCommand, InspectionSettings

log = logging.getLogger(__name__)

Results = list[tuple[str, Soundness, Content]]


def audit(settings: AuditCommand) -> None:
    """Write manifest.parquet, rejected.tsv, warnings.tsv and summary.json.

    Raises UsageError for paths that can't be used, InputError for a root without sequences. Rejected sequences do not
    make the audit fail, so that its findings can be read: `inpaint split` fails if there are too many.
    """
    check_paths(settings.root, settings.out)
    if settings.out.exists() and not settings.out.is_dir():
        raise UsageError(f"OUT: {settings.out} is a file; give a folder for the audit's results")
    user_groups = read_groups(settings.root)
    found, stray = gather(settings.inspected or [inspect_here(settings)], settings)
    findings = {name: [*sound.findings, *content.findings] for name, sound, content in found}
    records = [make_record(name, sound, content) for name, sound, content in found]
    grouping = group_duplicates(records, user_groups)
    records = [replace(record, group=grouping.groups[record.id]) for record in records]
    origin = provenance.describe(settings.shaping(), inputs(settings.root, records))
    rejected, warnings = settings.out / "rejected.tsv", settings.out / "warnings.tsv"
    write_findings(rejected, findings, rejects=True)
    write_findings(warnings, findings, rejects=False)
    counts = summarise(records, findings, grouping, stray)
    metadata = {"effect_threshold": settings.effect_threshold, "files": digests(rejected, warnings)}
    AuditSummary.model_validate(counts | metadata | {"provenance": origin}).write(settings.out / "summary.json")
    write_manifest(settings.out / "manifest.parquet", records, origin)
    log.info("%s; %s", verdict([of.reasons for of in records]), warned([of.warnings for of in records]))
    kept = [record.warnings for record in records if record.verdict == ACCEPTED]
    if sentence := mostly_inverted(kept, settings.mask_invert):
        log.warning("%s; `inpaint split` stops until then", sentence)


def inspect_here(settings: AuditCommand) -> Path:
    """Inspect all sequences as one shard; returns the .jsonl file."""
    out = settings.out / "inspected.jsonl"
    inspect_shard(InspectCommand(**settings.section(InspectionSettings).model_dump(), out=out))
    return out


def gather(paths: Sequence[Path], settings: AuditCommand) -> tuple[Results, int]:
    """The inspection results of all sequences, sorted by id, and the number of the root's other entries.

    Raises InputError if shards are missing, repeated, or were inspected with other settings.
    """
    found: Results = []
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
        raise InputError(f"--inspected: {twice[0]} is in two shards; inspect all shards again")
    return found, stray


def inputs(root: Path, records: Sequence[Record]) -> dict[str, str]:
    """Digests of the sequences and of groups.tsv, for the provenance."""
    digests = {"sequences": value_digest([[record.id, record.digest] for record in records])}
    if (root / GROUPS).exists():
        digests[GROUPS] = file_digest(root / GROUPS)
    return digests


def summarise(
    records: Sequence[Record], findings: dict[str, list[Finding]], grouping: Grouping, stray: int
) -> dict[str, object]:
    """The numbers of `AuditSummary`."""
    accepted = [record for record in records if record.verdict == ACCEPTED]
    sizes = Counter(f"{record.width}x{record.height}" for record in accepted)
    counts = reason_counts([f"{record.reasons};{record.warnings}" for record in records])
    return {
        "sequences": len(records),
        "accepted": len(accepted),
        "rejected": len(records) - len(accepted),
        "warned": sum(bool(record.warnings) for record in accepted),
        "groups": len({record.group for record in accepted}),
        "duplicates": {"exact": grouping.exact, "near": grouping.near},
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
    """Minimum, maximum and quantiles of some values, by name; empty for no values."""
    names = {"min": 0.0, "q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}
    return {name: float(np.quantile(values, share)) for name, share in names.items()} if values else {}

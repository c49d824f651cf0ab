"""results/dataset/rejected.tsv and warnings.tsv: the audit's findings, one per row, sorted by id. For people to read.

rejected.tsv: why sequences were rejected; warnings.tsv: what is unusual about sequences. Columns: id; reason, a code of
`artifacts.reasons.Reason`; frame, from 1, empty if no single frame is the cause; detail. Written by `inpaint audit`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from inpainting.artifacts.formats import TextTable
from inpainting.artifacts.reasons import Finding

FINDINGS = TextTable(
    {"id": "str", "reason": "str", "frame": "Int64", "detail": "str"},
    wanted="the rejected.tsv or warnings.tsv of `inpaint audit`",
    digest_file="summary.json",
)


def write_findings(path: Path, findings: Mapping[str, Sequence[Finding]], rejects: bool) -> None:
    """Write findings by id of their sequence: those that reject it, or those that only warn."""
    rows = [
        (name, finding.reason.code, finding.frame, finding.detail)
        for name in sorted(findings)
        for finding in findings[name]
        if finding.reason.rejects is rejects
    ]
    FINDINGS.write(path, pd.DataFrame(rows, columns=list(FINDINGS.columns)).astype({"frame": "Int64"}))

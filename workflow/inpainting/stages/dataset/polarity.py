"""Whether most masks of a dataset are inverted: white where pixels are known, though white should mean the hole."""

from collections.abc import Sequence

from inpainting.artifacts.reasons import Reason, reason_counts

MOST = 0.5
"""Share of accepted sequences. With more inverted ones, not single masks are wrong but a setting."""


def mostly_inverted(warnings: Sequence[str], mask_invert: bool) -> str:
    """A sentence that names the setting to change if most masks look inverted, else "".

    warnings: the joined codes of every accepted sequence; mask_invert: the audit's setting.
    """
    inverted = reason_counts(warnings)[Reason.INVERTED_MASK.code]
    if inverted <= MOST * len(warnings):
        return ""
    wanted = str(not mask_invert).lower()
    return (
        f"{inverted} of {len(warnings)} accepted sequences differ from their truth outside the mask alone, as if their "
        f"masks were inverted; set masks.mask_invert to {wanted} (in `inpaint audit`: --mask-invert {wanted})"
    )

"""Where a number of the plan comes from; each is printed with it."""

from typing import Literal

Origin = Literal["counted", "published", "measured", "assumed"]
"""counted: from shapes, settings or a folder's listing; published: somebody else's figure, the source named where it is
written; measured: from the benchmark files of this run; assumed: a guess, printed as one."""

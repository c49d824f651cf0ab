from pathlib import Path

from inpainting.core.provenance import describe
from inpainting.stages.dataset.settings import AuditCommand


def test_provenance_leaves_out_settings_that_do_not_affect_the_result() -> None:
    settings = AuditCommand(root=Path("root"), out=Path("out"))
    left_out = set(AuditCommand.model_fields) - set(describe(settings.shaping())["settings"])
    assert left_out == {"root", "rgb_folder", "mask_folder", "truth_folder", "out", "inspected", "workers"}

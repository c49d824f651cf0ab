"""What the report shows, by the name of its text in workflow/report: the section, and the labels in the section's menu."""

SHOWN = {
    "samples": ("1. Dataset", {"what": "sequences by mask size", "kind": "figure"}),
    "random": ("1. Dataset", {"what": "random sequences", "kind": "figure"}),
    "coverage": ("1. Dataset", {"what": "masks and motion", "kind": "figure"}),
    "dataset": ("1. Dataset", {"what": "audit and split", "kind": "table"}),
    "look": ("1. Dataset", {"what": "outliers and random sequences", "kind": "clips"}),
    "training": ("2. Training", {"experiment": "{experiment}"}),
    "previews": ("2. Training", {"experiment": "{experiment}: previews"}),
    "trainings": ("2. Training", {"experiment": "all"}),
    "checkpoints": ("3. Checkpoints", {"experiment": "{experiment}", "what": "scores"}),
    "choices": (
        "3. Checkpoints",
        {"experiment": "{experiment}", "what": "pictures by criterion"},
    ),
    "comparison": ("4. Results", {"what": "comparison"}),
    "strata": ("4. Results", {"what": "by motion, mask size and shadow"}),
    "metrics": ("4. Results", {"what": "all metrics by region", "kind": "table"}),
    "failures": ("4. Results", {"what": "failures", "kind": "table"}),
    "repeats": ("4. Results", {"what": "single trainings", "kind": "table"}),
    "cost": ("4. Results", {"what": "quality against run time", "kind": "figure"}),
    "sequences": ("4. Results", {"what": "sequence by sequence", "kind": "figure"}),
    "difficulty": (
        "4. Results",
        {"what": "against mask size and motion", "kind": "figure"},
    ),
    "sequence_list": ("4. Results", {"what": "sequence by sequence", "kind": "table"}),
    "examples": (
        "5. Examples",
        {"chosen": "{role}", "sequence": "{sequence}", "shown as": "{view}"},
    ),
    "provenance": ("6. Provenance", {"what": "settings, versions, digests"}),
}


def shown(output, name, patterns=None, **labels):
    """An output that the report shows, as SHOWN says; patterns: of the files in a folder; labels: further ones."""
    section, own = SHOWN[name]
    return report(
        output,
        caption=f"../report/{name}.rst",
        category=section,
        labels=own | labels,
        patterns=patterns or [],
    )

"""docs/security.md names a test for every threat, and here are those that belong to no single room."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import commands
import pytest
from inpainting.cli import main
from inpainting.core.files import read_table

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
FORBIDDEN = {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve"}
ODD_NAMES = [
    "a b",
    "it's",
    "été",
    "$(touch x); rm -rf .",
    "{word}",
    "*",
    "Upper",
    "upper",
    80 * "x" + "1",
    80 * "x" + "2",
]
"""Names of sequences; some differ only in case, or after their 60th letter."""


def modules() -> list[Path]:
    return sorted((ROOT / "workflow" / "inpainting").rglob("*.py"))


def calls(module: Path) -> Iterator[tuple[str, ast.Call]]:
    """The calls in a module, with the name that is called, such as torch.load."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_every_threat_names_a_test_that_exists() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 8
    for row in rows:
        path, test = re.findall(r"\(\.\./(tests/[\w/]+\.py)\): `(\w+)` \|$", row)[0]
        assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), row


def test_no_module_can_read_a_pickle_or_run_a_text_as_code() -> None:
    for module in modules():
        tree = ast.parse(module.read_text(encoding="utf-8"))
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {name.partition(".")[0] for name in imported} & FORBIDDEN, module
        for name, call in calls(module):
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            assert name not in {"eval", "exec", "compile", "__import__", "os.system", "yaml.load", "pd.read_pickle"}
            assert name != "torch.load" or given["weights_only"] == "True", module
            assert not name.endswith("np.load") or given.get("allow_pickle", "False") == "False", module
            assert given.get("shell", "False") == "False", module
            assert "trust_remote_code" not in given, module


def test_sequences_may_have_any_name_and_keep_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, out = tmp_path / "it's a root", tmp_path / "out"
    options = {"sequences": len(ODD_NAMES), "frames": 3, "size": "32x32", "workers": 1}
    assert main(commands.command("sample", root, **options)) == 0
    for sequence, name in zip(sorted(path for path in root.iterdir() if path.is_dir()), ODD_NAMES, strict=True):
        sequence.rename(root / name)
    (root / "sample.tsv").unlink()
    monkeypatch.chdir(tmp_path)
    assert main(commands.audit(root, out, "--frames", "3")) == 0
    manifest = read_table(out / "manifest.parquet")
    assert sorted(manifest["id"]) == sorted(ODD_NAMES)
    assert manifest["digest"].nunique() == len(ODD_NAMES)
    assert main(commands.split(out / "manifest.parquet", out / "split.tsv")) == 0
    accepted = manifest.loc[manifest["verdict"] == "accepted", "id"]
    assert sorted(read_table(out / "split.tsv")["id"]) == sorted(accepted)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["it's a root", "out"]

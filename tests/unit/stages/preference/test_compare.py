"""The page shows each pair once, on random sides, and does not tell whose clip is whose."""

import json
import re
from collections import Counter
from pathlib import Path

import commands
import pytest
from inpainting.cli import main
from inpainting.stages.preference.compare import choose_pairs
from inpainting.stages.preference.settings import CompareCommand


def test_the_page_shows_every_pair_without_names_and_the_key_tells_them(
    tiny_results: Path, methods: tuple[str, ...], evaluation: Path, tmp_path: Path
) -> None:
    out = tmp_path / "pairs.html"
    assert main(commands.compare(tiny_results, evaluation, methods, out)) == 0
    page, key = out.read_text(), json.loads((tmp_path / "pairs.key.json").read_text())
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    assert data["page"] == key["page"]
    assert len(data["pairs"]) == len(key["pairs"]) == 9
    assert not any(method in page for method in methods)
    clip_of: dict[str, tuple[str, str]] = {}
    for shown, pair in zip(data["pairs"], key["pairs"], strict=True):
        for side in ("left", "right"):
            assert data["clips"][shown[side]].startswith("data:video/mp4;base64,")
            assert clip_of.setdefault(shown[side], (pair["sequence"], pair[side])) == (pair["sequence"], pair[side])
    assert len(clip_of) == len({data["clips"][name] for name in clip_of}) == 9
    assert not re.search(r'(src|href)="(?!data:)', page), "nothing is loaded from elsewhere"


def test_the_same_seed_gives_the_same_page_and_another_one_another_order(
    tiny_results: Path, methods: tuple[str, ...], evaluation: Path, tmp_path: Path
) -> None:
    pages = []
    for name, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        assert main(commands.compare(tiny_results, evaluation, methods, tmp_path / f"{name}.html", "--seed", seed)) == 0
        pages.append((tmp_path / f"{name}.key.json").read_bytes())
    assert pages[0] == pages[1] != pages[2]
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_of_too_many_pairs_all_methods_meet_equally_often_on_both_sides(
    methods: tuple[str, ...], tmp_path: Path
) -> None:
    settings = CompareCommand(
        dataset=tmp_path, evaluation=tmp_path, methods=methods, pairs=300, out=tmp_path / "pairs.html"
    )
    pairs = choose_pairs(settings, [str(number) for number in range(1000)])
    met = Counter(frozenset((pair.left, pair.right)) for pair in pairs)
    assert set(met.values()) == {100}
    assert 100 < sum(pair.left == min(pair.left, pair.right) for pair in pairs) < 200


def test_methods_without_examples_and_without_a_common_sequence_are_refused(
    tiny_results: Path, methods: tuple[str, ...], evaluation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "pairs.html"
    assert main(commands.compare(tiny_results, evaluation, (methods[0], "nobody"), out)) == 2
    assert "has no examples of nobody; evaluate it with --examples" in capsys.readouterr().err
    examples = evaluation / methods[0] / "examples"
    for folder in examples.iterdir():
        folder.rename(examples / f"other-{folder.name}")
    assert main(commands.compare(tiny_results, evaluation, methods[:2], out)) == 1
    assert "lora-seed-1, telea have no sequence in common" in capsys.readouterr().err
    assert not out.exists()

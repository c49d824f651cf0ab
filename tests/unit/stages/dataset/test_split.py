"""`inpaint split`: the split of groups, and the files that it writes."""

import json
from dataclasses import replace
from pathlib import Path

import commands
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inpainting.artifacts.manifest import write_manifest
from inpainting.artifacts.record import Content, Record, Soundness, make_record
from inpainting.artifacts.split import SPLITS, TEST, VALIDATION
from inpainting.cli import main
from inpainting.core.errors import InputError
from inpainting.core.files import file_digest, read_table
from inpainting.stages.dataset.settings import SplitSettings
from inpainting.stages.dataset.split import assign, choose, position

ORIGIN = {"settings": {"frames": 1}, "versions": {"python": "3"}, "inputs": {"sequences": "0"}}

SHARES = SplitSettings(validation_share=0.1, test_share=0.2)

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
group_sets = st.sets(names, min_size=3, max_size=40)
all_shares = st.floats(0.01, 0.49).flatmap(
    lambda test: st.builds(SplitSettings, validation_share=st.floats(0.01, 0.49), test_share=st.just(test))
)


@given(group_sets, all_shares, st.integers(0, 2**32))
def test_every_group_is_in_one_split_and_no_split_is_empty(groups: set[str], shares: SplitSettings, seed: int) -> None:
    assignment = assign(groups, seed, shares)
    assert set(assignment.splits) == groups
    assert set(assignment.splits.values()) == set(SPLITS)


@given(st.integers(3, 100), all_shares, st.integers(0, 2**32))
def test_small_sets_have_their_exact_shares(count: int, shares: SplitSettings, seed: int) -> None:
    counts = pd.Series(assign(map(str, range(count)), seed, shares).splits).value_counts()
    test = min(max(round(shares.test_share * count), 1), count - 2)
    assert counts[TEST] == test
    assert counts[VALIDATION] == min(max(round(shares.validation_share * count), 1), count - 1 - test)


@given(st.integers(3, 400), all_shares, st.integers(0, 2**32))
def test_a_new_group_moves_at_most_a_few_groups_next_to_the_bounds(
    count: int, shares: SplitSettings, seed: int
) -> None:
    groups = [str(number) for number in range(count)]
    before, after = assign(groups, seed, shares).splits, assign([*groups, "new"], seed, shares).splits
    ordered = sorted(groups, key=lambda group: position(seed, group))
    moved = [place for place, group in enumerate(ordered) if before[group] != after[group]]
    bounds = [sum(before[group] in splits for group in groups) for splits in ({TEST}, {TEST, VALIDATION})]
    assert len(moved) <= 6
    assert all(min(abs(place + 0.5 - bound) for bound in bounds) <= 5 for place in moved)


@given(st.integers(0, 1000))
def test_a_new_group_moves_no_other_among_many_groups(seed: int) -> None:
    groups = [f"{seed} {number}" for number in range(1000)]
    before, after = assign(groups, seed, SHARES), assign([*groups, "new"], seed, SHARES)
    assert before.moved == after.moved == {}
    assert {group: after.splits[group] for group in groups} == before.splits


@given(group_sets, all_shares, st.integers(0, 2**32))
def test_moved_groups_are_those_that_differ_from_the_split_by_hash(
    groups: set[str], shares: SplitSettings, seed: int
) -> None:
    assignment = assign(groups, seed, shares)
    hashed = {group: choose(position(seed, group), shares) for group in groups}
    assert {g: split for g, split in assignment.splits.items() if split != hashed[g]} == assignment.moved


@given(st.permutations([f"group {number}" for number in range(12)]))
def test_the_order_of_the_groups_does_not_change_the_split(groups: list[str]) -> None:
    assert assign(groups, 0, SHARES) == assign(sorted(groups), 0, SHARES)


def test_many_groups_have_their_shares_and_another_seed_gives_another_split() -> None:
    groups = [f"{number:016x}" for number in range(20000)]
    shares = pd.Series(assign(groups, 0, SHARES).splits).value_counts(normalize=True)
    assert shares[TEST] == pytest.approx(0.2, abs=0.01)
    assert shares[VALIDATION] == pytest.approx(0.1, abs=0.01)
    assert assign(groups, 0, SHARES) != assign(groups, 1, SHARES)


def test_a_groups_position_is_the_same_in_every_release() -> None:
    assert position(0, "ffe262bc198345df") == 0.9053334579999701
    splits = assign([f"{number:04x}" for number in range(12)], 7, SHARES).splits
    assert [group for group in splits if splits[group] == TEST] == ["0003", "0004"]
    assert [group for group in splits if splits[group] == VALIDATION] == ["0005"]


def test_fewer_than_three_groups_can_not_be_split() -> None:
    with pytest.raises(InputError, match=r"2 groups .* at least 3 are needed"):
        assign(["a", "b", "b"], 0, SHARES)


def a_record(name: str, group: str, verdict: str = "accepted") -> Record:
    reasons = "" if verdict == "accepted" else "empty_mask"
    content = Content([0.5], 1.0, 1.0, 0.0, 0.0, 0.0, "", [])
    record = make_record(name, Soundness(1, 24, 16, "digest", []), content)
    return replace(record, verdict=verdict, reasons=reasons, group=group)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A manifest of twelve sequences with numeric names, two in one group, one rejected."""
    records = [a_record(f"{number:03}", f"{number:03}") for number in range(12)]
    records[4] = replace(records[4], group="003")
    records[5] = a_record("005", "005", "rejected")
    write_manifest(tmp_path / "manifest.parquet", records, ORIGIN)
    return tmp_path / "manifest.parquet"


def test_the_table_has_the_accepted_sequences_by_id_and_one_split_per_group(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "split.tsv"
    assert main(commands.split(manifest, out, "--seed", "3")) == 0
    table = read_table(out)
    assert list(table.columns) == ["id", "group", "split"]
    assert list(table["id"]) == [f"{number:03}" for number in range(12) if number != 5]
    assert table.groupby("group")["split"].nunique().max() == 1
    assert set(table["split"]) == set(SPLITS)
    assert table.set_index("id").loc["004", "group"] == "003"


def test_too_many_rejected_sequences_are_an_error_with_their_reasons(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "split.tsv"
    assert main(commands.split(manifest, out, "--max-rejected", "0.05")) == 1
    message = capsys.readouterr().err
    assert "1 of 12 sequences were rejected (empty_mask 1), more than the share 0.05" in message
    assert "rejected.tsv" in message
    assert not out.exists()


@pytest.mark.parametrize(("inverts", "wanted"), [(False, "true"), (True, "false")])
def test_a_dataset_with_mostly_inverted_masks_is_refused_with_the_setting_to_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], inverts: bool, wanted: str
) -> None:
    def split(inverted: int) -> int:
        records = [a_record(name, name) for name in "abcdef"]
        records[:inverted] = [replace(record, warnings="inverted_mask") for record in records[:inverted]]
        origin = ORIGIN | {"settings": {"mask_invert": inverts}}
        write_manifest(tmp_path / "manifest.parquet", records, origin)
        return main(commands.split(tmp_path / "manifest.parquet", tmp_path / "split.tsv"))

    assert split(inverted=3) == 0
    assert split(inverted=4) == 1
    message = capsys.readouterr().err
    assert "4 of 6 accepted sequences" in message
    assert f"set masks.mask_invert to {wanted}" in message


def test_a_manifest_of_an_audit_that_decoded_no_pixels_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [replace(a_record(name, name), digest="") for name in "abc"]
    write_manifest(tmp_path / "manifest.parquet", records, {})
    assert main(commands.split(tmp_path / "manifest.parquet", tmp_path / "split.tsv")) == 1
    assert "decoded no pixels" in capsys.readouterr().err


def test_no_accepted_sequence_is_an_error_at_any_max_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_manifest(tmp_path / "manifest.parquet", [a_record("a", "a", "rejected")], {})
    assert main(commands.split(tmp_path / "manifest.parquet", tmp_path / "split.tsv", "--max-rejected", "1")) == 1
    assert "none is left" in capsys.readouterr().err


def test_split_json_has_counts_settings_and_the_manifests_provenance(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "split.tsv"
    assert main(commands.split(manifest, out, "--seed", "3", "--test-share", "0.3")) == 0
    summary = json.loads((tmp_path / "split.json").read_text())
    assert summary["sequences"] == read_table(out)["split"].value_counts().reindex(SPLITS).to_dict()
    assert sum(summary["groups"].values()) == 10
    assert summary["provenance"]["settings"] == {
        "max_rejected": 0.5,
        "validation_share": 0.1,
        "test_share": 0.3,
        "seed": 3,
    }
    assert summary["provenance"]["inputs"] == {"manifest": file_digest(manifest)}
    assert summary["manifest"] == ORIGIN


def test_the_same_manifest_gives_the_same_bytes(manifest: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert main(commands.split(manifest, tmp_path / name / "split.tsv")) == 0
    for name in ("split.tsv", "split.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_shares_that_leave_no_training_set_are_wrong_usage(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--test-share", "0.6", "--validation-share", "0.4"]
    assert main(commands.split(manifest, tmp_path / "split.tsv", *options)) == 2
    assert "--test-share: 0.6 is too much" in capsys.readouterr().err


def test_unusable_paths_are_refused(manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, other = tmp_path / "text.parquet", tmp_path / "other.parquet"
    text.write_text("no parquet")
    pd.DataFrame({"id": ["a"]}).to_parquet(other)
    for place, out, code, complaint in [
        (tmp_path / "nowhere", "split.tsv", 2, "MANIFEST: "),
        (tmp_path, "split.tsv", 1, "is damaged or of another kind"),
        (text, "split.tsv", 1, "is damaged or of another kind"),
        (other, "split.tsv", 1, "it lacks the columns verdict, "),
        (manifest, "split.csv", 2, "OUT: "),
    ]:
        assert main(commands.split(place, tmp_path / out)) == code
        assert complaint in capsys.readouterr().err
        assert not (tmp_path / out).exists()

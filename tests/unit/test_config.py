import itertools
import re
import shutil
from pathlib import Path

import pytest
import yaml
from inpainting.config import resolve, schema
from inpainting.core.errors import UsageError
from inpainting.core.files import read_json

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def shipped(name: str) -> dict[str, object]:
    values = yaml.safe_load((ROOT / "config" / name).read_text())
    assert isinstance(values, dict)
    return values


def test_the_schema_says_what_the_settings_say() -> None:
    assert read_json(ROOT / "workflow" / "schemas" / "config.schema.json") == schema(), "run `make schema`"


def test_the_demo_names_a_base_model_that_is_there() -> None:
    settings = resolve(shipped("config.yaml"), [ROOT / "config"])
    assert (ROOT / settings.model.base / "transformer" / "config.json").is_file()
    assert list(settings.compared()) == ["lora"]


def test_the_configuration_for_2b_is_whole_and_waits_for_a_dataset(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"dataset\.root: /path/to/sequences does not exist"):
        resolve(shipped("cogvideox-2b.yaml"), [ROOT / "config"])
    settings = resolve({"extends": "config/cogvideox-2b.yaml", "dataset": {"root": str(tmp_path)}})
    assert (settings.windows.window, settings.dataset.frames) == (49, 100)
    assert (settings.model.dtype, settings.training.mixed_precision) == ("float16", "fp16")


SIZES_RATES_AND_STEPS = {
    "model": {"base", "dtype", "vae_dtype", "device"},
    "windows": {"window"},
    "masks": {"mask_dilation"},
    "dataset": {"root", "frames", "sample", "audit", "split"},
    "latents": {"shards", "windows_per_sequence", "latents_dtype"},
    "training": {
        "steps",
        "batch_size",
        "micro_batch_size",
        "learning_rate",
        "patch_learning_rate",
        "warmup_steps",
        "ema_decay",
        "mixed_precision",
        "gradient_checkpointing",
        "save_every",
        "preview_every",
        "log_every",
        "on_change",
    },
    "validation": {"steps", "limit"},
    "evaluation": {"steps", "limit", "extras"},
}
"""What the demo and CogVideoX-2b may set differently, by section."""


def test_the_demo_and_2b_share_one_recipe_and_differ_in_sizes_rates_and_steps(tmp_path: Path) -> None:
    demo = resolve(shipped("config.yaml"), [ROOT / "config"]).model_dump()
    real = resolve({"extends": "config/cogvideox-2b.yaml", "dataset": {"root": str(tmp_path)}}).model_dump()
    differ = {
        section: names
        for section, values in demo.items()
        if isinstance(values, dict) and (names := {name for name in values if values[name] != real[section][name]})
    }
    assert all(names <= SIZES_RATES_AND_STEPS[section] for section, names in differ.items()), differ
    assert {name: demo[name] for name in ("seed", "experiments")} == {
        name: real[name] for name in ("seed", "experiments")
    }


def test_the_rows_to_compare_on_2b_differ_from_the_recipe_and_are_whole(tmp_path: Path) -> None:
    table = "config/cogvideox-2b-ablation.tsv"
    given = {"extends": "config/cogvideox-2b.yaml", "experiments": table, "dataset": {"root": str(tmp_path)}}
    compared = resolve(given).compared()
    recipe = compared.pop("recipe").training
    assert {"grey", "outside", "rank-16"} <= set(compared)
    assert all(one.training != recipe for one in compared.values())


def test_the_shipped_study_repeats_its_experiments_with_other_seeds() -> None:
    settings = resolve(shipped("ablation.yaml"), [ROOT / "config"])
    groups = settings.groups()
    assert {"recipe", "grey", "outside"} <= set(groups.values())
    assert {list(groups.values()).count(group) for group in groups.values()} == {3}
    assert set(groups) == set(settings.compared())


def test_adapters_are_scored_without_a_training_and_several_of_a_name_are_repeats(tmp_path: Path) -> None:
    folders = [str(tmp_path / name) for name in ("a", "b", "c")]
    for folder in folders:
        Path(folder).mkdir()
    values = {"dataset": {"root": str(tmp_path)}, "model": {"base": "models/nano"}}
    adapters = {"mine": folders[:2], "other": folders[2:]}
    settings = resolve({**shipped("score.yaml"), **values, "evaluation": {"split": "all", "adapters": adapters}})
    assert settings.compared() == {}
    assert list(settings.evaluation.given()) == ["mine-0", "mine-1", "other"]
    assert settings.groups() == {"mine-0": "mine", "mine-1": "mine", "other": "other"}


def test_a_file_that_extends_another_overrides_it_key_by_key(tmp_path: Path) -> None:
    (tmp_path / "below.yaml").write_text("seed: 3\ntraining: {rank: 8, steps: 7, warmup_steps: 0}\n")
    settings = resolve({"extends": str(tmp_path / "below.yaml"), "training": {"steps": 9}})
    assert (settings.seed, settings.training.rank, settings.training.steps) == (3, 8, 9)


def test_paths_in_a_configuration_are_relative_to_the_file_that_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("shared", "mine"):
        (tmp_path / folder).mkdir()
    base = ROOT / "models" / "nano"
    below = f"experiments: rows.tsv\nmodel: {{base: {base}}}\ntraining: {{rank: 8}}\n"
    (tmp_path / "shared" / "below.yaml").write_text(below)
    (tmp_path / "shared" / "rows.tsv").write_text("experiment\toverrides\tdescription\none\t\t\n")
    monkeypatch.chdir(tmp_path / "mine")
    settings = resolve({"extends": "../shared/below.yaml"}, [tmp_path / "mine"])
    assert (settings.training.rank, list(settings.compared())) == (8, ["one"])
    monkeypatch.chdir(ROOT)
    assert list(resolve({"extends": "below.yaml"}, [tmp_path / "shared"]).compared()) == ["one"]
    with pytest.raises(UsageError, match=r"extends: below\.yaml does not exist"):
        resolve({"extends": "below.yaml"})


BOMB = "a: &a [1, 1]\n" + "".join(
    f"{b}: &{b} [{','.join(9 * ['*' + a])}]\n" for a, b in itertools.pairwise("abcdefghi")
)
"""A file whose last value has 86 million numbers once its aliases are followed."""


def test_a_relative_base_is_searched_beside_its_file_then_here_then_in_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "run.yaml").write_text("model: {base: models/nano}\nexperiments: null\n")
    monkeypatch.chdir(tmp_path)
    given = {"extends": "mine/run.yaml"}
    found = [resolve(given).model.base]
    for folder in (Path("models/nano"), tmp_path / "mine" / "models" / "nano"):
        shutil.copytree(ROOT / "models" / "nano", folder)
        found.append(resolve(given).model.base)
    assert found == [str(ROOT / "models" / "nano"), "models/nano", "mine/models/nano"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [1", "below.yaml is not a YAML file"),
        ("- 1\n", "below.yaml holds a list"),
        ("", "below.yaml is empty; a configuration has names and values"),
        ("[" * 5000, "below.yaml is not a YAML file"),
        ("day: 2024-99-99\n", "below.yaml is not a YAML file"),
        ("x: !!python/object/apply:os.system [touch pwned]\n", "below.yaml is not a YAML file"),
        ("extends: below.yaml\n", "below.yaml extends itself, through below.yaml"),
        ("extends: [a.yaml, b.yaml]\n", "extends: a list was given"),
        ("7: {}\n", "7: "),
        ("training:\n", "training: null was given"),
        ("training: [1]\n", "training: [1] was given"),
        ("training: {steps: {a: [1]}}\n", "training.steps: {'a': [...]} was given"),
        (BOMB + "seed: *i\n", "seed: [[...], [...]"),
    ],
)
def test_a_file_that_is_no_configuration_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "below.yaml").write_text(text)
    with pytest.raises(UsageError, match=re.escape(sentence)):
        resolve({"extends": "below.yaml"}, [tmp_path])


def test_experiments_start_from_the_training_section_and_the_seed_of_the_run(tmp_path: Path) -> None:
    table = tmp_path / "experiments.tsv"
    table.write_text("experiment\toverrides\tdescription\tgroup\nwide\t\t\t\nsmall\trank=4 seed=7\t\tless\n")
    settings = resolve({"experiments": str(table), "training": {"rank": 16}, "seed": 3})
    compared = {name: (one.training.rank, one.seed) for name, one in settings.compared().items()}
    assert compared == {"wide": (16, 3), "small": (4, 7)}
    assert settings.groups() == {"wide": "wide", "small": "less"}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"training": {"stepss": 4}}, "training.stepss: there is no such setting; did you mean steps?"),
        ({"learning_rate": 1e-4}, "learning_rate: there is no such setting; did you mean training.learning_rate?"),
        ({"dataset": {"mask_dilation": 4}}, "dataset.mask_dilation: there is no such setting; did you mean masks.mask"),
        ({"training": {"steps": True}}, "training.steps: true was given, but it should be a number; YAML reads yes"),
        ({"extends": "config"}, "extends: config is a folder; give a configuration file"),
        ({"latents": 5}, "latents: 5 was given, but it should be a section with names and values"),
        ({"windows": {"window": 48}}, "48 frames do not keep their length in the VAE; use 8k+1, such as 41 or 49"),
        ({"windows": {"window": 49}, "dataset": {"frames": 17}}, "49 frames do not fit into sequences of"),
        ({"dataset": {"root": "nowhere"}}, "dataset.root: nowhere does not exist"),
        ({"experiments": "nowhere.tsv"}, "experiments: nowhere.tsv does not exist"),
        ({"extends": "nowhere.yaml"}, "extends: nowhere.yaml does not exist"),
        ({"evaluation": {"split": "all"}}, "evaluation.split: all was given, but experiments train on some of these"),
        ({"evaluation": {"examples": 0}}, "evaluation.examples: 0 was given, but the report shows some of them"),
        ({"evaluation": {"adapters": {"lora": ["tests"]}}}, "evaluation.adapters: lora is another method's name"),
        ({"evaluation": {"adapters": {"a b": ["tests"]}}}, "evaluation.adapters: a b should be made of letters"),
        ({"evaluation": {"adapters": {"a": ["nowhere"]}}}, "evaluation.adapters: nowhere does not exist"),
        ({"evaluation": {"adapters": {"a": []}}}, "evaluation.adapters: a has no folder"),
        ({"evaluation": {"adapters": {"a": ["tests", "docs"], "a-1": ["tests"]}}}, "one of these is another adapter's"),
        (
            {"evaluation": {"degraded_masks": True, "external": {"lora-degraded-masks": "tests"}}},
            "evaluation.external: lora-degraded-masks is another method's name",
        ),
        ({"seed": -1}, "seed: -1 was given, but it should be greater than or equal to 0"),
    ],
)
def test_a_wrong_value_gets_one_sentence_that_names_it(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(values)
    assert sentence in str(caught.value)


def test_other_tools_need_names_of_their_own_and_folders_that_are_there(tmp_path: Path) -> None:
    given = {"evaluation": {"external": {"propainter": str(tmp_path)}}}
    assert resolve(given).evaluation.external == {"propainter": str(tmp_path)}
    for external, sentence in (
        ({"telea": str(tmp_path)}, "telea is another method's name"),
        ({"lora": str(tmp_path)}, "lora is another method's name"),
        ({"propainter": "nowhere"}, "evaluation.external: nowhere does not exist"),
    ):
        with pytest.raises(UsageError, match=sentence):
            resolve({"evaluation": {"external": external}})


def test_what_yaml_reads_in_another_way_is_taken_as_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "sequences").mkdir()
    text = "dataset: {root: ~/sequences, rgb_folder: in}\ntraining: {mixed_precision: no, steps: 1e4}\n"
    settings = resolve({"extends": "config/config.yaml", **yaml.safe_load(text)})
    assert (settings.training.mixed_precision, settings.training.steps) == ("no", 10_000)
    assert settings.dataset.root == str(tmp_path / "sequences")
    assert settings.dataset.folder_options() == "--rgb-folder in"
    with pytest.raises(UsageError, match="YAML reads yes, no, on and off as true and false, so quote them"):
        resolve({"extends": "config/config.yaml", "dataset": {"root": False}})


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ({"rgb_folder": "a/b"}, "should be the name of a folder inside each sequence"),
        ({"rgb_folder": "same", "truth_folder": "same"}, "should differ from the names of the other two"),
    ],
)
def test_names_of_folders_that_can_not_be_are_refused(names: dict[str, str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        resolve({"extends": "config/config.yaml", "dataset": names})


@pytest.mark.parametrize("name", ["cogvideox-5b", "cogvideox-1.5-5b", "cogvideox-fun-2b-inp", "cogvideox-fun-5b-inp"])
def test_other_bases_differ_from_2b_in_base_precision_and_what_the_base_was_trained_with(
    tmp_path: Path, name: str
) -> None:
    dataset = {"root": str(tmp_path)}
    other, real = (
        resolve({"extends": f"config/{name}.yaml", "dataset": dataset}).model_dump() for name in (name, "cogvideox-2b")
    )
    changed = {
        f"{section}.{key}"
        for section, values in real.items()
        if isinstance(values, dict)
        for key, value in values.items()
        if other[section][key] != value
    }
    inputs = {"training.fill", "training.mask_input"} if "inp" in name else set()
    assert changed == {"model.base", "model.dtype", "training.mixed_precision"} | inputs

"""What the documents tell people to type can be typed, what they link to exists, and their lists are complete."""

import ast
import re
import shlex
import tomllib
from pathlib import Path
from typing import get_args

import configuration
import pytest
import rooms
import yaml
from inpainting.artifacts.method_kinds import Kind
from inpainting.baselines.registry import BASELINES
from inpainting.cli import COMPLETION, parse
from inpainting.commands import COMMANDS
from inpainting.completion import SHELLS
from inpainting.conditioning.registry import CONDITIONINGS, MASK_INPUTS
from inpainting.config import resolve
from inpainting.core.settings import Role, read_values
from inpainting.metrics.regions import REGIONS
from inpainting.metrics.registry import METRICS
from inpainting.models.bases import FAMILIES
from PIL import Image, ImageSequence
from snakemake.cli import get_argument_parser

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "workflow" / "inpainting"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *(ROOT / name / "README.md" for name in ("benchmarks", "config")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "models").rglob("*.md")),
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def command_lines(program: str) -> list[str]:
    """The lines that start with a program, of all pages: indented as code, their continuations joined."""
    lines = []
    for page in PAGES:
        text = FENCE.sub("", page.read_text(encoding="utf-8")).replace("\\\n", " ")
        found = [line.strip() for line in text.splitlines() if line.startswith("    ")]
        lines += [line for line in found if re.match(rf"(?:\S*/)?{program} ", line)]
    assert lines, f"no page has a command of {program}"
    return lines


def links() -> list[tuple[Path, str]]:
    return [(page, target) for page in PAGES for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))]


def anchors(page: Path) -> set[str]:
    """The headings of a page, as the forges turn them into anchors."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("line", command_lines("inpaint"))
def test_inpaint_commands_are_understood(line: str) -> None:
    _, step, *options = shlex.split(line.replace("--method nearest_frame", "--method telea"))  # extending.md's example
    if step == COMPLETION:
        assert options[0] in SHELLS
    elif step != "--help":
        parse(step, options)


@pytest.mark.parametrize("line", command_lines("snakemake"))
def test_snakemake_commands_are_understood_and_name_files_that_exist(line: str) -> None:
    given, unknown = get_argument_parser(None).parse_known_args(shlex.split(line)[1:])
    assert not unknown
    profile = given.workflow_profile
    assert profile is None or (ROOT / profile / "config.yaml").is_file()
    for name in (str(path).removeprefix("../") for path in given.configfile or ()):
        assert Path(name).name.startswith("my_") or (ROOT / name).is_file(), "the reader's own are called my_..."


@pytest.mark.parametrize("line", command_lines("make"))
def test_make_targets_exist(line: str) -> None:
    assert re.search(rf"^{line.split()[1]}:", text_of("Makefile"), re.MULTILINE)


@pytest.mark.parametrize(("page", "target"), links())
def test_links_lead_to_a_file_and_a_heading(page: Path, target: str) -> None:
    if target.startswith("http"):
        return
    name, _, anchor = target.partition("#")
    linked = (page.parent / name).resolve() if name else page
    assert linked.exists()
    assert not anchor or anchor in anchors(linked)


@pytest.mark.parametrize("page", [page for page in PAGES if "```yaml" in page.read_text("utf-8")])
def test_examples_of_configurations_are_accepted(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for language, example in FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "yaml":
            values = yaml.safe_load(example)
            values["dataset"] = {**values.get("dataset", {}), "root": str(tmp_path)}
            resolve(values, root_exists=False)


def test_the_page_of_steps_has_all_commands() -> None:
    rows = [line.split("|")[1] for line in text_of("docs/steps.md").splitlines() if line.startswith("| `")]
    steps = {step for row in rows for step in re.findall(r"`([a-z-]+)`", row)}
    assert steps - {"draw-"} == {step for step in COMMANDS if not step.startswith("draw-")}


def test_the_documentation_links_every_page_and_the_readme_the_documentation() -> None:
    linked = {target for page, target in links() if page == ROOT / "docs" / "index.md"}
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"} <= linked
    linked = {target for page, target in links() if page == ROOT / "README.md"}
    assert {"docs/index.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"} <= linked


def test_the_reference_of_the_configuration_is_made_from_the_settings_classes() -> None:
    assert text_of("docs/configuration.md") == configuration.page(), "run `make schema`"


def test_the_diagram_of_rooms_is_drawn_from_the_imports() -> None:
    assert text_of("docs/rooms.svg") == rooms.picture(), "run `make schema`"


def test_a_room_is_drawn_above_all_that_it_imports_and_lines_pass_every_row_between() -> None:
    rows, links = rooms.layered({"cli": {"models", "core"}, "models": {"video"}, "video": {"core"}, "core": set()})
    assert [[room for room, to, _ in row if not to] for row in rows] == [["core"], ["video"], ["models"], ["cli"]]
    row_of = {node: number for number, row in enumerate(rows) for node in row}
    assert {row_of[upper] - row_of[lower] for upper, lower in links} == {1} and len(links) == 3 + 3


def test_a_diagram_leaves_out_the_imports_that_others_imply() -> None:
    imported = {"cli": {"models", "core"}, "models": {"core"}, "core": set[str]()}
    assert rooms.drawn(imported) == {"cli": {"models"}, "models": {"core"}, "core": set()}


def test_the_page_of_benchmarks_names_every_script() -> None:
    named = set(re.findall(r"`(\w+\.(?:py|sh))`", text_of("benchmarks/README.md")))
    assert named == {path.name for path in (ROOT / "benchmarks").iterdir() if path.suffix in (".py", ".sh")}


def test_the_terms_of_the_glossary_are_unique_and_explained() -> None:
    found = re.findall(r"^- \*\*(.+?)\*\*: (.+)$", text_of("docs/glossary.md"), re.MULTILINE)
    terms = [term.lower() for term, _ in found]
    assert len(terms) == len(set(terms)) == text_of("docs/glossary.md").count("\n- ")


def test_the_glossary_names_every_role_region_and_kind_of_method() -> None:
    glossary = text_of("docs/glossary.md").lower()
    for name in (*(role.value for role in Role), *REGIONS, *get_args(Kind)):
        assert re.search(rf"\b{'baseline' if name == 'classical' else name}\b", glossary), name


def test_the_page_of_metrics_names_every_metric_and_column() -> None:
    page = text_of("docs/metrics.md")
    named = set(re.findall(r"`([a-z0-9_<>]+)`", page))
    written = {name.replace("<region>", region) for name in named for region in REGIONS}
    assert {column for metric in METRICS for column in metric.columns} - written == set()
    assert {metric.name for metric in METRICS} - named == set()


def test_the_page_of_the_method_names_every_method_conditioning_and_mask_input() -> None:
    named = set(re.findall(r"`(\w+)`", text_of("docs/method.md")))
    assert {*BASELINES, *CONDITIONINGS, *MASK_INPUTS} - named == set()


def test_the_page_of_bases_names_every_family() -> None:
    families = re.findall(r"^\| (CogVideoX[^ |]*).*\.yaml", text_of("docs/bases.md"), re.MULTILINE)
    assert families == [family.name for family in FAMILIES]


def test_the_page_of_files_names_every_artifact_and_version() -> None:
    page = text_of("docs/architecture.md")
    modules = {path.name for path in (PACKAGE / "artifacts").glob("*.py") if _is_of_a_file(path)}
    assert modules == set(re.findall(r"\.\./workflow/inpainting/artifacts/(\w+\.py)\)", page)) != set()
    sources = (path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    versions = {name for source in sources for name in re.findall(r"^([A-Z]+_VERSION) =", source, re.MULTILINE)}
    assert versions == set(re.findall(r"`([A-Z]+_VERSION)`", page))


def _is_of_a_file(module: Path) -> bool:
    """Whether an artifact's module is about a file: its docstring then names the command that writes it."""
    return "`inpaint " in (ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or "")


def test_the_page_of_rooms_has_their_order() -> None:
    contracts = tomllib.loads(text_of("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    rooms = text_of("docs/architecture.md").split("## Rooms")[1].split("## Files")[0]
    listed = re.findall(r"^\| `(\w+)` \|", rooms, re.MULTILINE)
    assert listed == [layer for layer in reversed(layers) if layer in listed]
    assert set(listed) == {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}


def test_the_picture_of_the_readme_moves_and_is_small() -> None:
    picture = ROOT / "docs" / "demo.webp"
    assert picture.stat().st_size < 200_000
    assert len(list(ImageSequence.Iterator(Image.open(picture)))) > 1


def test_the_forge_runs_targets_and_tools_that_exist() -> None:
    jobs = yaml.safe_load(text_of(".github/workflows/ci.yml"))["jobs"]
    assert (ROOT / jobs["test"]["steps"][-1]["run"]).is_file()
    for target in jobs["make"]["strategy"]["matrix"]["target"]:
        assert re.search(rf"^{target}:", text_of("Makefile"), re.MULTILINE)
    (local,) = yaml.safe_load(text_of(".pre-commit-config.yaml"))["repos"]
    for hook in local["hooks"]:
        assert (ROOT / hook["entry"].split()[0]).name in text_of("Makefile")


def test_the_small_configuration_for_trying_the_workflow_is_accepted() -> None:
    path = ROOT / ".test" / "config" / "config.yaml"
    small = resolve(read_values(path, "--configfile"), [path.parent])
    assert list(small.compared()) == ["lora"] and small.training.steps == 20


def test_the_citation_names_this_version_and_licence() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    cited = yaml.safe_load(text_of("CITATION.cff"))
    assert (cited["version"], cited["license"]) == (project["version"], project["license"])
    assert {"cff-version", "message", "title", "authors"} <= cited.keys()

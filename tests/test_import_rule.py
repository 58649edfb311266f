"""Imports point one way, and each folder lists what it may import. The sources are parsed, not imported."""

import ast
from pathlib import Path

import pytest

PACKAGE = "nnunet_slice_attention"
ROOT = Path(__file__).parents[1] / PACKAGE

# Top-level modules, which every folder may import; they import only each other.
GROUND = {
    "dataset_files", "environment", "files", "fold_split", "fold_validation", "image_files", "image_geometry",
    "label_values", "messages", "model_name", "phantom", "phantom_dataset", "spreadsheet", "standard_output",
    "tiff_spacing",
}  # fmt: skip
# Every folder and what it may import besides itself and the ground; lowest first, so imports point up this list.
MAY_IMPORT = {
    "attention": set(),
    "augmentation": {"attention"},
    "networks": {"attention"},
    "evaluation": set(),
    "jobs": set(),
    "plans": {"networks"},
    "inference": {"attention", "evaluation", "networks", "plans"},
    "report": {"evaluation"},
    "trainers": {"attention", "augmentation", "networks", "plans"},
    "cost": {"inference", "networks", "plans", "report"},
    "shim": {"trainers"},
    "bundle": {"inference", "networks", "plans", "trainers"},
    "comparison": {"cost", "evaluation", "inference", "plans", "report", "trainers"},
    "doctor": {"networks", "plans", "shim", "trainers"},
    "crossval": {"comparison", "evaluation", "inference", "jobs", "plans", "trainers"},
    "cli": {
        "bundle", "comparison", "cost", "crossval", "doctor", "inference", "jobs", "networks", "plans", "shim",
        "trainers",
    },
}  # fmt: skip
WITHOUT_GROUND = {"attention", "augmentation", "networks"}
WITHOUT_NNUNET = {"attention", "networks", "jobs"}


def imported(source: str, module: str, top_level_only: bool = False) -> set[str]:
    """Absolute names of all modules and members that `module`'s source imports."""
    tree = ast.parse(source)
    names = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parent = module.split(".")[: -node.level] if node.level else []
            origin = ".".join([*parent, *filter(None, [node.module])])
            names |= {f"{origin}.{alias.name}" for alias in node.names}
    return names


def violations(source: str, module: str) -> list[str]:
    """Forbidden imports of one module, e.g. "nnunet_slice_attention.networks.x"; packages end in ".__init__"."""
    folder = module.split(".")[1]
    allowed = {folder, *GROUND} | MAY_IMPORT.get(folder, set())
    if folder in WITHOUT_GROUND:
        allowed -= GROUND
    found = []
    for name in sorted(imported(source, module)):
        inside = name.removeprefix(f"{PACKAGE}.").split(".")[0]
        is_ours = name.startswith(f"{PACKAGE}.") and (inside in MAY_IMPORT or inside in GROUND)
        is_nnunet = name.split(".")[0] == "nnunetv2" and folder in WITHOUT_NNUNET
        if is_nnunet or (is_ours and inside not in allowed):
            found.append(name)
    return found


def modules() -> dict[str, Path]:
    return {
        ".".join([PACKAGE, *path.relative_to(ROOT).with_suffix("").parts]): path
        for path in ROOT.rglob("*.py")
    }


def test_every_folder_has_a_list_and_imports_lower_folders_only():
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert set(MAY_IMPORT) == folders
    assert {path.stem for path in ROOT.glob("*.py")} - {"__init__", "__main__"} == GROUND
    order = list(MAY_IMPORT)
    for folder, others in MAY_IMPORT.items():
        assert all(order.index(other) < order.index(folder) for other in others), folder


def test_the_package_does_not_import_the_experiments():
    for module, path in modules().items():
        names = imported(path.read_text(encoding="utf-8"), module)
        assert not {name.split(".")[0] for name in names} & {"experiments", "benchmark_results"}, module


ENTRY_POINTS = {f"{PACKAGE}.__init__", f"{PACKAGE}.__main__"}


@pytest.mark.parametrize("module", sorted(modules().keys() - ENTRY_POINTS))
def test_a_module_imports_only_what_its_folder_may(module):
    assert not violations(modules()[module].read_text(encoding="utf-8"), module)


@pytest.mark.parametrize("path", sorted((ROOT / "cli").glob("*.py")), ids=lambda path: path.stem)
def test_the_command_line_imports_the_package_only_inside_functions(path):
    names = imported(path.read_text(encoding="utf-8"), f"{PACKAGE}.cli.{path.stem}", top_level_only=True)
    names = {name for name in names if not name.startswith(f"{PACKAGE}.cli.")}
    assert not {name.split(".")[0] for name in names} & {"torch", "nnunetv2", "numpy", PACKAGE}


def test_training_imports_timm_and_with_it_all_its_models_only_where_a_network_needs_it():
    for module, path in modules().items():
        names = imported(path.read_text(encoding="utf-8"), module, top_level_only=True)
        imports_timm = any(name.split(".")[0] == "timm" for name in names)
        assert not imports_timm or module == f"{PACKAGE}.networks.timm_weights", module


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("attention.x", "from nnunet_slice_attention.networks import NETWORKS"),
        ("attention.x", "from ..networks import NETWORKS"),
        ("attention.x", "from ..files import write_text"),
        ("attention.x", "import nnunetv2.paths"),
        ("networks.x", "def f():\n    from nnunetv2.paths import nnUNet_raw"),
        ("networks.__init__", "from ..trainers.base import nnUNetTrainerSlab"),
        ("jobs.x", "from nnunetv2.paths import nnUNet_results"),
        ("jobs.x", "from ..crossval.training_job import TrainingJob"),
        ("augmentation.x", "from .. import networks"),
        ("plans.slabs", "from ..trainers import BASES"),
        ("trainers.x", "from ..shim import slice_attention_trainers"),
        ("trainers.x", "from ..doctor import check"),
        ("evaluation.x", "from nnunet_slice_attention.trainers import BASES"),
        ("report.x", "from nnunet_slice_attention import trainers"),
        ("files", "from .inference.cases import Case"),
    ],
)
def test_the_rule_forbids(module, source):
    assert violations(source, f"{PACKAGE}.{module}")


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("networks.x", "from ..attention.vit import x"),
        ("trainers.base", "from ..plans.slabs import slab_plan"),
        ("shim.slice_attention_trainers", "from nnunet_slice_attention.trainers import resolve_trainer"),
        ("doctor.run_checks", "from nnunet_slice_attention.trainers import BASES"),
        ("jobs.slurm", "from ..files import write_text"),
        ("attention.x", "from nnunet_slice_attention import __version__"),
    ],
)
def test_the_rule_allows(module, source):
    assert not violations(source, f"{PACKAGE}.{module}")

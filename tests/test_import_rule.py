"""Imports point one way: attention <- networks <- trainers <- discovery shim. Read from the sources, not imported."""

import ast
from pathlib import Path

import pytest

PACKAGE = "nnunet_slice_attention"
ROOT = Path(__file__).parents[1] / PACKAGE

# What a folder may import of ours; folders that are not listed may import everything.
MAY_IMPORT = {
    "attention": {"attention"},
    "networks": {"attention", "networks"},
    "augmentation": {"augmentation"},
    "trainers": {"attention", "networks", "augmentation", "trainers", "nnunet"},
    "inference": {"attention", "networks", "inference"},
    "nnunet": {"attention", "networks", "augmentation", "nnunet"},
}
MAY_NOT_IMPORT = {"evaluation": {"trainers"}, "report": {"trainers"}}
WITHOUT_NNUNET = {"attention", "networks"}
# These stand above the trainers: one hands them to nnU-Net, two look whether nnU-Net finds them.
ABOVE_TRAINERS = ("nnunet.shim", "nnunet.discovery", "nnunet.doctor")


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
    """What breaks the rule in one module, e.g. "nnunet_slice_attention.networks.x"; packages end in ".__init__"."""
    inside = module.removeprefix(f"{PACKAGE}.")
    folder = inside.split(".")[0]
    above = inside.startswith(ABOVE_TRAINERS)
    found = []
    for name in sorted(imported(source, module)):
        if name.split(".")[0] == "nnunetv2" and folder in WITHOUT_NNUNET:
            found.append(name)
        if not name.startswith(f"{PACKAGE}."):
            continue
        target = name.removeprefix(f"{PACKAGE}.")
        target_folder = target.split(".")[0]
        if not (ROOT / target_folder).is_dir() or (above and target_folder == "trainers"):
            continue
        not_listed = target_folder not in MAY_IMPORT.get(folder, {target_folder})
        forbidden = target_folder in MAY_NOT_IMPORT.get(folder, set())
        upwards = folder == "trainers" and target.startswith(ABOVE_TRAINERS)
        if not_listed or forbidden or upwards:
            found.append(name)
    return found


def modules() -> dict[str, Path]:
    return {
        ".".join([PACKAGE, *path.relative_to(ROOT).with_suffix("").parts]): path
        for path in ROOT.rglob("*.py")
    }


@pytest.mark.parametrize("module", sorted(modules()))
def test_a_module_imports_only_what_stands_below_it(module):
    assert not violations(modules()[module].read_text(encoding="utf-8"), module)


@pytest.mark.parametrize("path", sorted((ROOT / "cli").glob("*.py")), ids=lambda path: path.stem)
def test_the_command_line_imports_ours_only_inside_functions(path):
    names = imported(path.read_text(encoding="utf-8"), f"{PACKAGE}.cli.{path.stem}", top_level_only=True)
    names = {name for name in names if not name.startswith(f"{PACKAGE}.cli.")}
    assert not {name.split(".")[0] for name in names} & {"torch", "nnunetv2", "numpy", PACKAGE}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("attention.x", "from nnunet_slice_attention.networks import NETWORKS"),
        ("attention.x", "from ..networks import NETWORKS"),
        ("attention.x", "import nnunetv2.paths"),
        ("networks.x", "def f():\n    from nnunetv2.paths import nnUNet_raw"),
        ("networks.__init__", "from ..trainers.base import nnUNetTrainerSlab"),
        ("augmentation.x", "from .. import networks"),
        ("trainers.x", "from ..nnunet.shim import slice_attention_trainers"),
        ("trainers.x", "from ..nnunet import doctor"),
        ("trainers.x", "import nnunet_slice_attention.benchmark.phantom"),
        ("nnunet.plans_rule", "from ..trainers import BASES"),
        ("nnunet.x", "from ..benchmark import phantom"),
        ("evaluation.x", "from nnunet_slice_attention.trainers import BASES"),
        ("report.x", "from nnunet_slice_attention import trainers"),
    ],
)
def test_the_rule_sees(module, source):
    assert violations(source, f"{PACKAGE}.{module}")


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("networks.x", "from ..attention.vit import x"),
        ("trainers.base", "from ..nnunet.plans_rule import slab_plan"),
        (
            "nnunet.shim.slice_attention_trainers",
            "from nnunet_slice_attention.trainers import resolve_trainer",
        ),
        ("nnunet.doctor", "from nnunet_slice_attention.trainers import BASES"),
        ("attention.x", "from nnunet_slice_attention import __version__"),
    ],
)
def test_the_rule_allows(module, source):
    assert not violations(source, f"{PACKAGE}.{module}")

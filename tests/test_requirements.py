"""Every package that is imported is declared."""

import ast
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1] / "nnunet_slice_attention"
OPTIONAL = {"onnxruntime", "onnxscript"}  # in the extra "onnx", imported by the export only


def imported() -> set[str]:
    """Top-level names of all imported modules except the standard library and our own."""
    names = set()
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {ROOT.name}


def test_every_package_that_is_imported_is_declared(wheel_metadata):
    parsed = map(Requirement, wheel_metadata.requires)
    declared = {canonicalize_name(r.name) for r in parsed if not r.marker}
    found = packages_distributions()
    missing = {
        name
        for name in imported() - OPTIONAL
        if not declared & {canonicalize_name(distribution) for distribution in found[name]}
    }
    assert not missing

"""A file that nnU-Net or this package writes has one name in the code, and a name of a constant means one file."""

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = [
    path for folder in ("nnunet_slice_attention", "experiments") for path in (ROOT / folder).rglob("*.py")
]
FILE_NAME = re.compile(r"[\w.]+\.(json|csv|pth|npz|pkl|txt|md|html|png)")


def constants(source: str) -> dict[str, str]:
    """Those of a module whose value is the name of a file."""
    return {
        target.id: node.value.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and FILE_NAME.fullmatch(str(node.value.value))
    }


def test_no_two_modules_give_the_same_name_to_different_files():
    files = defaultdict(set)
    for path in SOURCES:
        for name, file in constants(path.read_text(encoding="utf-8")).items():
            files[name].add(file)
    assert len(files) > 5
    assert {name: found for name, found in files.items() if len(found) > 1} == {}


def test_the_checkpoints_that_nnunet_writes_are_named_in_one_module():
    spelled = {
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and re.fullmatch(r"checkpoint_.*", str(node.value))
    }
    assert spelled == {"nnunet_slice_attention/model_name.py"}

"""What the sources build: a wheel with the package and its module in nnU-Net's tree, and an sdist of the same."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.wheels import build_wheel

REPOSITORY = Path(__file__).parents[1]
PACKAGE = "nnunet_slice_attention"
SHIM_IN_NNUNET = "nnunetv2/training/nnUNetTrainer/variants/slice_attention"


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def files(folder: Path, prefix: str) -> dict[str, bytes]:
    return {
        f"{prefix}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_package_and_its_module_in_nnunets_tree_and_nothing_else(wheel):
    built = {name: content for name, content in contents(wheel).items() if ".dist-info/" not in name}
    package = files(REPOSITORY / PACKAGE, PACKAGE)
    assert {f"{PACKAGE}/py.typed", f"{PACKAGE}/report/templates/report.html.j2"} <= package.keys()
    assert built == package | files(REPOSITORY / PACKAGE / "shim", SHIM_IN_NNUNET)


def test_the_sdist_builds_the_same_wheel(sources, wheel, tmp_path):
    program = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    command = [sys.executable, "-c", program, tmp_path]
    done = subprocess.run(command, cwd=sources, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (sdist,) = tmp_path.glob("*.tar.gz")
    assert contents(build_wheel(sdist, tmp_path)) == contents(wheel)
    command = [sys.executable, "-m", "twine", "check", "--strict", wheel, sdist]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflow_tests_the_oldest_and_the_newest_python_of_the_metadata(wheel_metadata):
    workflow = (REPOSITORY / ".github" / "workflows" / "test.yml").read_text()
    tested = re.findall(r'"(3\.\d+)"', workflow)
    classifiers = wheel_metadata.metadata.get_all("Classifier")
    versions = [c.rsplit(" ", 1)[1] for c in classifiers if re.fullmatch(r".*Python :: 3\.\d+", c)]
    assert tested == [versions[0], versions[-1]]
    assert SpecifierSet(wheel_metadata.metadata["Requires-Python"]) == SpecifierSet(f">={versions[0]}")


def test_workflows_call_targets_and_tests_that_there_are():
    targets = set(re.findall(r"^([\w./-]+):", (REPOSITORY / "Makefile").read_text(), flags=re.MULTILINE))
    called = []
    for workflow in (REPOSITORY / ".github" / "workflows").glob("*.yml"):
        for job in yaml.safe_load(workflow.read_text())["jobs"].values():
            called += [step["run"] for step in job["steps"] if "run" in step]
    made = [target for command in called for target in re.findall(r"\bmake (\S+)", command)]
    tested = [folder for command in called for folder in re.findall(r"\btests/\S+", command)]
    assert "test" in made and set(made) <= targets
    assert tested and all((REPOSITORY / folder).is_dir() for folder in tested)


def test_pre_commit_uses_the_ruff_of_make_test(wheel_metadata):
    hooks = (REPOSITORY / ".pre-commit-config.yaml").read_text()
    (ruff,) = {Requirement(text) for text in re.findall(r'"(ruff[^"]+)"', hooks)}
    declared = [r for r in map(Requirement, wheel_metadata.requires) if r.name == "ruff"]
    assert {r.specifier for r in declared} == {ruff.specifier}

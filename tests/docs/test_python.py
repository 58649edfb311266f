"""The public names: the page's examples run, and importing the package is cheap."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import nnunet_slice_attention
from nnunet_slice_attention import compare
from tests.comparison.prediction_folders import write_folders

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "python.md"


@pytest.fixture
def folders(tmp_path, monkeypatch):
    write_folders(tmp_path)
    for old, new in (("truth", "labels"), ("perfect", "predictions_2d"), ("small", "predictions_csa")):
        (tmp_path / old).rename(tmp_path / new)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_examples_of_the_page_run(folders):
    text = re.sub(
        r"<!-- not run.*?-->\n```python.*?```", "", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, names)
    assert names["one_slice"].shape == (1, 4, 64, 64) and names["stack"].shape == (1, 4, 9, 64, 64)
    means = names["cases"].groupby("model").dice.mean()
    assert means["2d"] == 1 and 0.5 < means["csa"] < 1
    assert (folders / "comparison" / "report.html").is_file()


def test_cases_that_cannot_be_evaluated_are_named(folders):
    damaged = next((folders / "predictions_2d").iterdir())
    damaged.write_bytes(b"")
    with pytest.raises(ValueError, match=rf"FAILED 2d, .*{damaged.name}: the file is empty"):
        compare(
            {"2d": "predictions_2d"}, "out", ground_truth="labels", dataset_json="dataset.json", processes=1
        )
    with pytest.raises(ValueError, match="names of trained models need dataset"):
        compare(["A__B__C"], "out")


def test_importing_the_package_imports_no_large_library():
    program = (
        "import sys; import nnunet_slice_attention as package\n"
        "print({'torch', 'numpy', 'nnunetv2', 'matplotlib'} & set(sys.modules), dir(package))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert output.startswith("set() ")
    assert all(name in output for name in nnunet_slice_attention.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        nnunet_slice_attention.nothing  # noqa: B018

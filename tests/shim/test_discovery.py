"""nnU-Net finds our trainers after a normal install, and through nnUNet_extTrainer after an editable one.

Each install is made in a temporary environment with its own copy of nnU-Net; the current one is not changed.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import nnunetv2
import pytest

REPOSITORY = Path(__file__).parents[2]
SHIM_IN_NNUNET = "nnunetv2/training/nnUNetTrainer/variants/slice_attention"

FIND = """
import pickle, sys
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

for name in sys.argv[1:]:
    try:
        trainer = recursive_find_trainer_class_by_name(name)
        assert pickle.loads(pickle.dumps(trainer)) is trainer
        print(f"ANSWER {name}: {trainer.__module__} {trainer.__name__}")
    except Exception as error:
        print(f"ANSWER {name}: {type(error).__name__}: {error}")
"""


@dataclass
class Environment:
    """A virtual environment in `root` that sees the dependencies of the running one, but a copy of nnU-Net."""

    root: Path

    def __post_init__(self):
        venv.create(self.root, with_pip=False)
        self.bin = self.root / ("Scripts" if os.name == "nt" else "bin")
        self.site = Path(
            self.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()
        )
        # Path files in folders named here are not read, so an editable install of ours stays invisible.
        dependencies = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
        (self.site / "dependencies.pth").write_text("\n".join(sorted(dependencies)))
        self.nnunet = self.site / "nnunetv2"
        # With its bytecode: no process below writes any.
        shutil.copytree(nnunetv2.__path__[0], self.nnunet, ignore=shutil.ignore_patterns("slice_attention"))

    def run(
        self, *arguments: object, program: str = "python", **variables: str
    ) -> subprocess.CompletedProcess:
        """Run a program of this environment, from a folder where our sources cannot be imported by accident."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("nnUNet_", "PYTHON", "VIRTUAL_ENV"))}
        env |= {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"} | variables
        command = [str(self.bin / program), *map(str, arguments)]
        return subprocess.run(command, env=env, cwd=self.root, capture_output=True, text=True)

    def pip(self, *arguments: object) -> None:
        done = self.run("-m", "pip", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr

    def find(self, *trainers: str, **variables: str) -> dict[str, str]:
        """Per trainer, module and name as found by nnU-Net, or the error."""
        done = self.run("-c", FIND, *trainers, **variables)
        assert done.returncode == 0, done.stderr
        answers = [
            line.removeprefix("ANSWER ") for line in done.stdout.splitlines() if line.startswith("ANSWER ")
        ]
        return dict(answer.split(": ", 1) for answer in answers)

    def files_in_nnunet(self) -> set[Path]:
        return set(self.nnunet.rglob("*"))


@pytest.fixture(scope="module")
def normal(wheel, tmp_path_factory) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("normal"))
    environment.pip("install", "--no-deps", "--ignore-installed", wheel)
    return environment


@pytest.fixture(scope="module")
def editable(sources, tmp_path_factory) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("editable"))
    environment.pip("install", "--no-deps", "--no-build-isolation", "--ignore-installed", "-e", sources)
    return environment


def test_after_a_normal_install_nnunet_finds_trainers_without_any_variable(normal):
    ours, typo, stock = "nnUNetTrainerCSANet_5epochs", "nnUNetTrainerCSANet_5epoch", "nnUNetTrainer_5epochs"
    answers = normal.find(ours, typo, stock)
    assert answers[ours] == f"nnunet_slice_attention.trainers {ours}"
    assert answers[typo].startswith("ValueError") and "_5epochs" in answers[typo]
    # nnU-Net searches our folder before the one with this trainer.
    assert answers[stock].startswith("nnunetv2.training.nnUNetTrainer.variants.training_length")


def test_pip_check_finds_all_requirements_of_the_package_met(normal):
    unmet = normal.run("-m", "pip", "check").stdout.splitlines()
    assert not [line for line in unmet if line.startswith("nnunet-slice-attention ")]


def test_doctor_recognises_a_normal_install(normal):
    """What it says of other places, e.g. of a manual copy, is in doctor/test_doctor_discovery.py."""
    said = normal.run("doctor", "-tr", "nnUNetTrainerCSANet", program="nnunet-slice-attention").stdout
    assert "[ ok  ] discovery" in said and "in its own trainer tree (normal install)" in said


def test_the_wheel_records_its_module_in_nnunets_tree_so_that_uninstalling_removes_it(wheel, tmp_path):
    environment = Environment(tmp_path)
    before = environment.files_in_nnunet()
    environment.pip("install", "--no-deps", "--ignore-installed", wheel)
    (record,) = environment.site.glob("nnunet_slice_attention-*.dist-info/RECORD")
    assert f"\n{SHIM_IN_NNUNET}/slice_attention_trainers.py," in record.read_text()
    assert environment.files_in_nnunet() > before

    environment.pip("uninstall", "--yes", "nnunet-slice-attention")
    assert environment.files_in_nnunet() == before


def test_an_editable_install_does_not_touch_nnunet_and_is_found_through_the_printed_path(editable, sources):
    assert not (editable.site / SHIM_IN_NNUNET).exists()
    finders = [path.read_text() for path in editable.site.glob("__editable__*")]
    assert finders and not any("nnunetv2" in text for text in finders)

    path = editable.run("trainers-path", program="nnunet-slice-attention").stdout.strip()
    assert Path(path) == sources / "nnunet_slice_attention" / "shim"
    answers = editable.find("nnUNetTrainerCSANet_5epochs", nnUNet_extTrainer=path)
    assert answers == {
        "nnUNetTrainerCSANet_5epochs": "nnunet_slice_attention.trainers nnUNetTrainerCSANet_5epochs"
    }


def test_looking_up_other_names_in_our_module_does_not_import_torch():
    program = (
        "import sys\n"
        "from nnunet_slice_attention.shim import slice_attention_trainers as module\n"
        "assert not hasattr(module, 'OtherTrainer') and not hasattr(module, '__path__')\n"
        "assert not {'torch', 'nnunetv2'} & set(sys.modules), 'heavy import'\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=REPOSITORY)

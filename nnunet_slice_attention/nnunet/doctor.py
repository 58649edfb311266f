"""Is nnU-Net the version we know, does it find our trainers, and are its folders set? Each check is one function.

`examine` runs them all; what a trainer makes of a data set is in `dataset_checks`.
"""

import os
import pickle
import platform
from contextlib import redirect_stdout
from importlib.metadata import PackageNotFoundError, version
from io import StringIO
from pathlib import Path

import nnunet_slice_attention

from . import shim
from .check import Check

SUPPORTED = "2.8."
REQUIREMENT = "nnunetv2>=2.8,<2.9"
COMPANIONS = ("dynamic-network-architectures", "batchgeneratorsv2")
FOLDERS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
PLACE_IN_TREE = "training/nnUNetTrainer/variants/slice_attention/slice_attention_trainers.py"
MAKE_IT_FOUND = (
    "Install normally (pip install .), or, for an editable install, tell nnU-Net where the trainers are: "
    'export nnUNet_extTrainer="$(nnunet-slice-attention trainers-path)"'
)


def examine(dataset: str | int | None, plans_name: str, trainer_name: str) -> list[Check]:
    """All checks in order; those that cannot be made because an earlier one failed are left out.

    Args:
        dataset: id or name; None checks the installation only.
        plans_name: e.g. nnUNetPlans.
        trainer_name: any name the resolver knows.
    """
    nnunet = check_nnunet_version()
    if installed_version("nnunetv2") is None:
        return [nnunet]
    discovery, trainer = check_discovery(trainer_name)
    checks = [nnunet, check_companions(), check_contract(), discovery, *map(check_folder, FOLDERS)]
    if dataset is not None and trainer is not None:
        from .dataset_checks import check_dataset

        checks += check_dataset(dataset, plans_name, trainer)
    return checks


def check_nnunet_version() -> Check:
    found = installed_version("nnunetv2")
    text = f"{found or 'not installed'}; supported: 2.8.x"
    ok = found is not None and found.startswith(SUPPORTED)
    return Check("nnunetv2", ok, text, "" if ok else f'pip install "{REQUIREMENT}"')


def check_companions() -> Check:
    others = [f"{name} {installed_version(name) or 'not installed'}" for name in COMPANIONS]
    ours = f"nnunet-slice-attention {nnunet_slice_attention.__version__}"
    return Check(
        "versions", True, ", ".join([ours, f"python {platform.python_version()}", _torch(), *others])
    )


def _torch() -> str:
    import torch

    if torch.cuda.is_available():
        device = f"cuda, {torch.cuda.get_device_name()}"
    else:
        device = "mps" if torch.backends.mps.is_available() else "cpu"
    return f"torch {torch.__version__} ({device})"


def check_contract() -> Check:
    from .contract import CONTRACT, violations

    broken = violations()
    if broken:
        return Check("contract", False, " ".join(broken), f'pip install "{REQUIREMENT}"')
    return Check("contract", True, f"nnU-Net behaves as we rely on in all {len(CONTRACT)} points")


def check_discovery(trainer_name: str) -> tuple[Check, type | None]:
    """Ask nnU-Net itself for the trainer. Also returns the class, None unless it is usable."""
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    try:
        with redirect_stdout(StringIO()):  # the search reports every module it looks at
            trainer = recursive_find_trainer_class_by_name(trainer_name)
    except ValueError as error:
        return Check("discovery", False, str(error), "Give -tr one of the names above."), None
    except RuntimeError:
        return _why_not_found(trainer_name), None
    except (ImportError, AssertionError) as error:
        text = f"nnU-Net's search for {trainer_name} stopped: {type(error).__name__}: {error}"
        return Check(
            "discovery", False, text, "Mend that module, or take its folder out of nnUNet_extTrainer."
        ), None
    if not trainer.__module__.startswith(nnunet_slice_attention.__name__):
        text = f"{trainer_name} comes from {trainer.__module__}, not from this package"
        return Check(
            "discovery", False, text, "Give -tr a slice-attention trainer, e.g. nnUNetTrainerCSANet."
        ), None
    if pickle.loads(pickle.dumps(trainer)) is not trainer:
        text = f"{trainer_name} does not survive pickling, so nnU-Net's worker processes cannot use it"
        return Check("discovery", False, text, MAKE_IT_FOUND), None
    return Check("discovery", True, f"nnU-Net finds {trainer_name} {_way()}"), trainer


def _way() -> str:
    import nnunetv2

    # nnU-Net looks there first, whatever nnUNet_extTrainer says.
    if Path(nnunetv2.__path__[0], PLACE_IN_TREE).is_file():
        return "in its own trainer tree (normal install)"
    return f"through nnUNet_extTrainer={os.environ['nnUNet_extTrainer']}"


def _why_not_found(trainer_name: str) -> Check:
    from nnunet_slice_attention.trainers import BASES, resolve_trainer

    try:
        resolve_trainer(trainer_name)
    except AttributeError:
        text = f"no trainer is called {trainer_name}"
        return Check("discovery", False, text, f"Names of this package start with {', '.join(BASES)}.")
    external = os.environ.get("nnUNet_extTrainer")
    text = f"nnU-Net does not find {trainer_name}: it is not in nnU-Net's tree, and nnUNet_extTrainer is "
    text += f"{external}, where this package's folder is {shim.__path__[0]}" if external else "not set"
    return Check("discovery", False, text, MAKE_IT_FOUND)


def check_folder(variable: str) -> Check:
    """nnU-Net makes folders itself, so only a variable that is not set is wrong."""
    value = os.environ.get(variable)
    if not value:
        return Check(variable, False, "not set", f"export {variable}=/path/to/{variable}")
    if not Path(value).is_dir():
        return Check(
            variable, True, f"{value} does not exist yet", f"mkdir -p {value}, unless the path is mistyped"
        )
    return Check(variable, True, value)


def installed_version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None

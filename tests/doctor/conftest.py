"""A correct installation, and plans of a data set with thick slices."""

import pytest

from nnunet_slice_attention import shim
from nnunet_slice_attention.doctor import installation_checks
from nnunet_slice_attention.networks import UNetTopology


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A correct installation: three folders, trainers found."""
    for variable in installation_checks.FOLDERS:
        (tmp_path / variable).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setenv("nnUNet_extTrainer", shim.__path__[0])
    return tmp_path


@pytest.fixture
def plans():
    """Ten slices, 8 mm apart, pixels of 1.6 x 1.6 mm."""
    return {
        "dataset_name": "Dataset027_X",
        "plans_name": "nnUNetPlans",
        "transpose_forward": [2, 0, 1],
        "original_median_shape_after_transp": [10, 256, 224],
        "original_median_spacing_after_transp": [8.0, 1.6, 1.6],
        "configurations": {
            "2d": {
                "data_identifier": "nnUNetPlans_2d",
                "patch_size": [256, 224],
                "batch_size": 12,
                "spacing": [1.6, 1.6],
                "architecture": {
                    "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
                    "arch_kwargs": dict(UNetTopology.for_patch((256, 224)).kwargs)
                    | {
                        "conv_op": "torch.nn.Conv2d",
                        "norm_op": "torch.nn.InstanceNorm2d",
                        "nonlin": "torch.nn.LeakyReLU",
                    },
                    "_kw_requires_import": ["conv_op", "norm_op", "nonlin"],
                },
            }
        },
    }

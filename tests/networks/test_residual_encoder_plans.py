"""Each U-Net on residual encoder plans (`-p nnUNetResEncUNetMPlans`), as nnU-Net writes them."""

import pytest
import torch

from nnunet_slice_attention.networks import UNetTopology, create_network
from tests.networks.configurations import UNETS, randomise_zero_starts

CLASS = "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet"
PATCH, IMPORTED = (32, 48), ("conv_op", "norm_op", "dropout_op", "nonlin")
KWARGS = {
    "n_stages": 4,
    "features_per_stage": [16, 16, 32, 32],
    "conv_op": "torch.nn.modules.conv.Conv2d",
    "kernel_sizes": [[3, 3]] * 4,
    "strides": [[1, 1], [2, 2], [2, 2], [1, 2]],
    "n_blocks_per_stage": [1, 2, 2, 2],
    "n_conv_per_stage_decoder": [1, 1, 1],
    "conv_bias": True,
    "norm_op": "torch.nn.modules.instancenorm.InstanceNorm2d",
    "norm_op_kwargs": {"eps": 1e-5, "affine": True},
    "dropout_op": None,
    "dropout_op_kwargs": None,
    "nonlin": "torch.nn.LeakyReLU",
    "nonlin_kwargs": {"inplace": True},
}


@pytest.fixture(params=UNETS)
def network(request):
    torch.manual_seed(0)
    topology = UNetTopology.from_plans(CLASS, KWARGS, IMPORTED)
    options = {"num_heads": 4, "vit_depth": 1} if request.param == "CSANet" else {}
    network = create_network(request.param, 1, 3, PATCH, topology=topology, deep_supervision=True, **options)
    randomise_zero_starts(network)
    return network


def test_heads_have_the_planned_strides(network):
    outputs = network.train()(torch.randn(1, 1, 3, *PATCH))
    assert [tuple(o.shape[-2:]) for o in outputs] == [(32, 48), (16, 24), (8, 12)]
    assert network.head_strides == [(1, 1), (2, 2), (4, 4)]


def test_each_neighbour_and_no_other_slice_affects_the_output(network):
    radius = network.context_radius
    x = torch.randn(1, 1, 2 * radius + 3, *PATCH, dtype=torch.float64, requires_grad=True)
    network.double().eval()(x)[0][:, :, radius + 1].square().sum().backward()
    influence = x.grad.abs().amax(dim=(0, 1, 3, 4))
    assert [i for i in range(x.shape[2]) if influence[i] > 0] == list(range(1, 2 * radius + 2))


def test_every_weight_is_saved_once(network):
    storages = [v.untyped_storage().data_ptr() for v in network.state_dict().values()]
    assert len(storages) == len(set(storages))

"""The network inside the wrapper of torch.compile."""

from torch import nn
from torch._dynamo import OptimizedModule


def uncompiled(network: nn.Module) -> nn.Module:
    """The module that `torch.compile` wraps; any other module itself."""
    return network._orig_mod if isinstance(network, OptimizedModule) else network

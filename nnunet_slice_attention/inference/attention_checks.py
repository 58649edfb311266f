"""Whether a model has the attention that `--attention` and `--attention-point` write."""

from ..networks.compiled import uncompiled
from ..networks.csa_net import CSANet
from .point_maps import FLAG
from .predictor import SlabPredictor
from .slice_weights import attention_layers


def check_has_attention_weights(predictor: SlabPredictor) -> None:
    """Raise ValueError if the network has no softmax over slices, or the neighbours are not the slices' own."""
    network = uncompiled(predictor.network)
    if not attention_layers(network):
        raise ValueError(
            f"{predictor.trainer_name} has no attention weights over slices. Leave out --attention, or predict with a "
            "model of SliceAttention, TSFMUNet, VAUNet or VAMaskRCNN; for CSA-Net see --attention-point."
        )
    check_own_neighbours(predictor, "--attention")


def check_has_attention_maps(predictor: SlabPredictor) -> None:
    """Raise ValueError unless a slice of the network attends to the positions of its own neighbours."""
    network = uncompiled(predictor.network)
    if not isinstance(network, CSANet) or network.next is None:
        raise ValueError(
            f"{predictor.trainer_name} has no attention to the positions of neighbouring slices. Leave out {FLAG}, or "
            "predict with a model of CSA-Net."
        )
    if network.next.direction != "centre_query":
        raise ValueError(
            f"{predictor.trainer_name}: in the paper's direction the weights are of positions of the slice itself, not "
            f"of its neighbours. Leave out {FLAG}."
        )
    check_own_neighbours(predictor, FLAG)


def check_own_neighbours(predictor: SlabPredictor, flag: str) -> None:
    """Raise ValueError if the network or the prediction replaces a slice's neighbours by others."""
    network = uncompiled(predictor.network)
    if network.repeat_centre:
        raise ValueError(
            f"{predictor.trainer_name} replaces each neighbour by the slice itself, so weights mean nothing. Leave "
            f"out {flag}."
        )
    if predictor.neighbours != "own":
        raise ValueError(
            f"--neighbours {predictor.neighbours}: weights are of a slice's own neighbours. Leave out one of the two."
        )

"""Loads a predictor from a bundle, without unpickling."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from ..inference.predictor import SlabPredictor
from ..inference.trained_model import find_device
from ..networks import SlabNetwork
from ..networks.compiled import uncompiled
from ..trainers.find_trainer import find_trainer
from .archive import Archive, read_archive
from .export import weights_file
from .known_logits import check_known_logits
from .trusted_names import check_names
from .weights import from_safetensors


def load_bundle(path: str | Path, device: str = "cuda", **options: Any) -> SlabPredictor:
    """A predictor that averages all folds of the bundle.

    Args:
        device: cuda, cpu or mps.
        options: of `SlabPredictor`.

    Raises:
        FileNotFoundError: the bundle does not exist.
        ValueError: it is damaged or not trusted (see `read_archive`, `check_names`), or its trainer is not installed
            or builds another network than the exported one.
    """
    archive = read_archive(Path(path))
    try:
        return _load(archive, device, options)
    except (KeyError, TypeError, AttributeError, IndexError, AssertionError) as error:
        raise ValueError(
            f"{path} has invalid content ({type(error).__name__}: {error}). Do not use it."
        ) from error


def _load(archive: Archive, device: str, options: Mapping) -> SlabPredictor:
    path = archive.path
    plans, dataset_json = PlansManager(archive.json("plans.json")), archive.json("dataset.json")
    configuration = plans.get_configuration(archive.manifest["configuration"])
    check_names(plans, configuration)
    trainer_name = archive.manifest["trainer"]
    n_channels = determine_num_input_channels(plans, configuration, dataset_json)
    network = find_trainer(trainer_name).build_network_architecture(
        plans,
        configuration,
        n_channels,
        plans.get_label_manager(dataset_json).num_segmentation_heads,
        enable_deep_supervision=False,
    )
    states = [
        from_safetensors(archive.read(weights_file(fold)), network) for fold in archive.manifest["folds"]
    ]
    network.load_state_dict(states[0])
    check_known_logits(archive.manifest, path, network, configuration.patch_size, n_channels)
    axes = archive.manifest["mirroring_axes"]
    predictor = SlabPredictor(device=find_device(device), **options)
    predictor.manual_initialization(
        network,
        plans,
        configuration,
        states,
        dataset_json,
        trainer_name,
        None if axes is None else tuple(axes),
    )
    predictor.source = {"model": str(path.resolve()), "folds": archive.manifest["folds"]}
    _check_slab(predictor, path / "plans.json")
    return predictor


def _check_slab(predictor: SlabPredictor, plans: Path) -> None:
    """Raise ValueError if a slice-attention network has plans other than those its training saved."""
    patch = list(predictor.configuration_manager.patch_size)
    network = uncompiled(predictor.network)
    if isinstance(network, SlabNetwork) and len(patch) != 3:
        raise ValueError(
            f"{plans} has patch size {patch} without the slice axis that training added. Export the bundle again."
        )

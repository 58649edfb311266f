"""How the installed nnU-Net behaves, in the points that `nnunet_contract` has expectations of."""

import inspect
from collections.abc import Callable, Iterable
from types import SimpleNamespace


def trainer() -> type:
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    return nnUNetTrainer


def parameters(function: Callable) -> str:
    return " ".join(inspect.signature(function).parameters)


def method_parameters(names: Iterable[str]) -> dict[str, str]:
    return {name: parameters(getattr(trainer(), name)) for name in names}


def initialisation_order() -> list[str]:
    source = inspect.getsource(trainer().initialize)
    steps = ("self.build_network_architecture(", "self.configure_optimizers()", "DDP(self.network")
    return sorted(steps, key=source.index)


def finder_parameters() -> str:
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    return parameters(recursive_find_trainer_class_by_name)


def external_variable() -> str:
    from nnunetv2.paths import nnUNet_extTrainer

    return nnUNet_extTrainer.env_var_name


def loader_parameters() -> str:
    from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader

    return parameters(nnUNetDataLoader.__init__)


def load_case_parameters() -> str:
    from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

    return parameters(nnUNetDatasetBlosc2.load_case)


def preprocessing_parameters() -> str:
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor

    return parameters(DefaultPreprocessor.run_case_npy)


def scales() -> list[list[float]]:
    plan = SimpleNamespace(pool_op_kernel_sizes=[[1, 1], [2, 2], [2, 2]])
    fake = SimpleNamespace(enable_deep_supervision=True, configuration_manager=plan)
    return [[float(s) for s in scale] for scale in trainer()._get_deep_supervision_scales(fake)]


def augmentation_for_2d_patch() -> tuple:
    plan = SimpleNamespace(patch_size=[64, 64])
    fake = SimpleNamespace(configuration_manager=plan, print_to_log_file=lambda *_: None)
    rotation, dummy_2d, initial, mirror = (
        trainer().configure_rotation_dummyDA_mirroring_and_inital_patch_size(fake)
    )
    return len(rotation), dummy_2d, len(initial), mirror


def dummy_2d_steps() -> list[str]:
    pipeline = trainer().get_training_transforms((3, 64, 64), (-1.0, 1.0), None, (1, 2), True)
    steps = [type(getattr(step, "transform", step)).__module__.split(".")[-1] for step in pipeline.transforms]
    return [step for step in steps if step in ("pseudo2d", "gaussian_blur", "remove_label")]


def deep_supervision_switch() -> bool:
    network = SimpleNamespace(decoder=SimpleNamespace(deep_supervision=None))
    trainer().set_deep_supervision_enabled(SimpleNamespace(is_ddp=False, network=network), True)
    return network.decoder.deep_supervision


PLANS = {
    "original_median_shape_after_transp": [9, 256, 224],
    "configurations": {
        "2d": {
            "patch_size": [256, 224],
            "batch_size": 12,
            "spacing": [1.5, 1.5],
            "architecture": {"arch_kwargs": {"strides": [[1, 1], [2, 2]]}},
        }
    },
}


def plan_values() -> tuple:
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    manager = PlansManager(PLANS)
    plan = manager.get_configuration("2d")
    kwargs = plan.network_arch_init_kwargs
    return manager.original_median_shape_after_transp[0], plan.patch_size, plan.batch_size, kwargs["strides"]


def configuration_is_a_copy() -> bool:
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    manager = PlansManager(PLANS)
    return (
        manager.plans is PLANS
        and manager.get_configuration("2d").configuration is not PLANS["configurations"]["2d"]
    )


def prediction_order() -> list[list[str]]:
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    steps = ("predict_from_raw_data_args.json", "self._manage_input_and_output_lists(")
    ways = (nnUNetPredictor.predict_from_files, nnUNetPredictor.predict_from_files_sequential)
    return [sorted(steps, key=inspect.getsource(way).index) for way in ways]

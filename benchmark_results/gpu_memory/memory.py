"""GPU memory of a training step, estimated without a GPU. Writes `memory.csv` next to this file.

    export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
    nnUNetv2_plan_and_preprocess -d 27 -c 2d
    python memory.py --dataset 27 nnUNetTrainer nnUNetTrainerCSANet ...

PyTorch's `MemTracker` tracks every tensor of a forward and backward pass with fake tensors, which have a size and
no content. Included are weights, gradients, SGD's momentum, the batch, all activations and nnU-Net's loss, in float16
mixed precision without torch.compile. Not included: the CUDA context and cuDNN's workspaces (some 0.5 to 1 GB), and
what PyTorch's allocator caches.
"""

import argparse
from pathlib import Path

import pandas as pd
import torch
from nnunetv2.run.run_training import get_trainer_from_args
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._tools.mem_tracker import MemTracker

HERE = Path(__file__).parent
CPU = torch.device("cpu")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", required=True, help="nnU-Net data set id or name")
    parser.add_argument("--plans", default="nnUNetPlans")
    parser.add_argument("trainers", nargs="+")
    args = parser.parse_args()
    rows = []
    for name in args.trainers:
        trainer = get_trainer_from_args(args.dataset, "2d", 0, name, args.plans, device=CPU)
        trainer.num_input_channels = len(trainer.dataset_json["channel_names"])
        plan = trainer.configuration_manager
        rows.append(
            {
                "dataset": trainer.plans_manager.dataset_name,
                "trainer": name,
                "batch_size": plan.batch_size,
                "patch": " x ".join(map(str, plan.patch_size)),
                "training_gb": peak_gb(trainer, training=True),
                "online_validation_gb": peak_gb(trainer, training=False),
            }
        )
        print(rows[-1], flush=True)
    pd.DataFrame(rows).round(2).to_csv(HERE / "memory.csv", index=False)


def peak_gb(trainer, training: bool) -> float:
    """Peak memory of a training step, or of a step of the validation between epochs."""
    plan = trainer.configuration_manager
    network = trainer.build_network_architecture(
        trainer.plans_manager,
        plan,
        trainer.num_input_channels,
        trainer.label_manager.num_segmentation_heads,
        trainer.enable_deep_supervision,
    )
    trainer.network = network
    trainer.loss = trainer._build_loss()
    fake = FakeTensorMode()
    make_fake(network, fake)
    network.train(training)
    if not training and hasattr(network, "decode_as_in_training"):
        network.decode_as_in_training(True)
    with fake:
        optimiser = torch.optim.SGD(network.parameters(), 0.01, momentum=0.99)
        data = torch.empty(plan.batch_size, trainer.num_input_channels, *plan.patch_size)
        if training:
            step(trainer, data, optimiser)  # momentum exists from the second step on
        tracker = MemTracker()
        tracker.track_external(network, optimiser, data)
        with tracker:
            step(trainer, data, optimiser if training else None)
    return tracker.get_tracker_snapshot("peak")[CPU]["Total"] / 1e9


def step(trainer, data: torch.Tensor, optimiser: torch.optim.Optimizer | None) -> None:
    """A step like nnU-Net's, with targets of the size of the outputs; without an optimiser, a validation step."""
    with torch.set_grad_enabled(optimiser is not None), torch.autocast("cpu", torch.float16):
        outputs = trainer.network(data)
        loss = trainer.loss(outputs, [torch.zeros_like(o[:, :1]) for o in outputs])
    if optimiser:
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def make_fake(network: nn.Module, fake: FakeTensorMode) -> None:
    """Replace parameters and buffers by tensors of the same size without content."""
    for module in network.modules():
        for name, tensor in [*module._parameters.items(), *module._buffers.items()]:
            if tensor is not None:
                empty = fake.from_tensor(tensor.detach())
                if name in module._parameters:
                    module._parameters[name] = nn.Parameter(empty)
                else:
                    module._buffers[name] = empty


if __name__ == "__main__":
    main()

"""Time of prediction on the same volumes: nnU-Net 2D and 3D, and each network in three ways. Writes `times.csv`.

    export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
    nnUNetv2_plan_and_preprocess -d 27 -c 2d 3d_fullres   # then copy splits_final.json to the preprocessed data set
    nnunet-slice-attention plan-compact -d 27
    python run.py --dataset 27 --device cpu

The ways: `predict` (the package's predictor), `stock` (nnU-Net's predictor, as `nnUNetv2_predict` uses it), and
`re-encoding` (the channel view, slice by slice: every neighbour is encoded again for each slice, as 2.5D code commonly
does). In addition to the data set's volumes there is a deep one of noise, in plane the size of one patch, because CT
volumes are deep. All take turns on each volume in one process, so that a slow spell of the machine affects them alike.
The weights are random, which takes the same time.
"""

import argparse
import csv
import os
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
MODELS = (
    ("nnUNetTrainer", "2d"),
    ("nnUNetTrainerSliceAttention", "2d"),
    ("nnUNetTrainerCSANet", "2d"),
    ("nnUNetTrainerSAUNet", "2d"),
    ("nnUNetTrainerTSFMUNet", "2d"),
    ("nnUNetTrainerVAUNet", "2d"),
    ("nnUNetTrainerVAUNet_9slices", "2d"),
    ("nnUNetTrainerAxialConv", "2d"),
    ("nnUNetTrainer", "3d_fullres"),
)
DEEP, DEPTH = "deep", 60
COLUMNS = ["trainer", "configuration", "way", "repeat", "case", "slices", "seconds", "gmac_per_slice"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", required=True, help="nnU-Net data set id or name")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--cases", type=int, default=2, help="validation volumes")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--plans", default="nnUNetCompactPlans")
    parser.add_argument("--trainers", nargs="+", help="only these; default: all")
    parser.add_argument("-o", "--output", type=Path, default=HERE / "times.csv")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as results:
        os.environ["nnUNet_results"] = results  # a trainer creates its folder when it is built
        models = [model for model in MODELS if model[0] in (args.trainers or [model[0]])]
        rows = measure(args.dataset, args.plans, models, args.device, args.cases, args.repeats)
    with args.output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def measure(
    dataset: str, plans: str, models: list, device_name: str, n_cases: int, repeats: int
) -> list[dict]:
    import torch
    from nnunetv2.run.run_training import get_trainer_from_args

    from nnunet_slice_attention.cost.measure_model import forward_macs

    device = torch.device(device_name)
    ways, gmac, cases = {}, {}, {}
    for name, configuration in models:
        trainer = get_trainer_from_args(dataset, configuration, 0, name, plans, device=device)
        trainer.initialize()
        if hasattr(trainer, "enter_phase"):
            trainer.enter_phase(in_2d=False)
        trainer.set_deep_supervision_enabled(False)
        patch = trainer.configuration_manager.patch_size
        depth = patch[0] if len(patch) == 3 else 1
        x = torch.zeros(1, trainer.num_input_channels, *patch, device=device) + 1
        gmac[name, configuration] = forward_macs(trainer, x) / 1e9 / depth
        ways |= {(name, configuration, way): predict for way, predict in predictors(trainer, device).items()}
        if configuration not in cases:  # the same volumes, preprocessed for each configuration
            _, keys = trainer.do_split()
            source = trainer.dataset_class(trainer.preprocessed_dataset_folder, keys)
            chosen = source.identifiers[:n_cases]
            cases[configuration] = {k: torch.from_numpy(source.load_case(k)[0][:]) for k in chosen}
            cases[configuration][DEEP] = torch.randn(trainer.num_input_channels, DEPTH, *patch[-2:])
    rows = []
    for repeat in range(-1, repeats):  # repeat -1 warms up
        for case in cases["2d"]:
            for (name, configuration, way), predict in ways.items():
                volume = cases[configuration][case]
                start = time.perf_counter()
                predict(volume)
                if device.type == "cuda":
                    torch.cuda.synchronize()
                seconds = time.perf_counter() - start
                print(f"{repeat} {case} {name} {configuration} {way} {seconds:.2f} s", flush=True)
                if repeat >= 0:
                    values = (
                        name,
                        configuration,
                        way,
                        repeat,
                        case,
                        volume.shape[1],
                        round(seconds, 4),
                        round(gmac[name, configuration], 4),
                    )
                    rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def predictors(trainer, device) -> dict:
    """{name: function that predicts a preprocessed volume without mirroring}."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    from nnunet_slice_attention.inference.predictor import SlabPredictor
    from nnunet_slice_attention.networks import SlabNetwork

    plan = trainer.plans_manager.get_configuration(trainer.configuration_name)

    def prepared(predictor_class):
        predictor = predictor_class(device=device, use_mirroring=False, allow_tqdm=False)
        predictor.manual_initialization(
            trainer.network, trainer.plans_manager, plan, None, trainer.dataset_json, "", None
        )
        return predictor.predict_sliding_window_return_logits

    ways = {"stock": prepared(nnUNetPredictor)}
    network = getattr(trainer.network, "_orig_mod", trainer.network)
    if isinstance(network, SlabNetwork):
        ways |= {"predict": prepared(SlabPredictor), "re-encoding": prepared(re_encoding_predictor())}
    return ways


def re_encoding_predictor():
    import torch

    from nnunet_slice_attention.inference import predictor

    class ReEncodingPredictor(predictor.SlabPredictor):
        """Like `SlabPredictor`, but each slice is segmented from a stack of its own, encoded for it alone."""

        def _predict(self, network, volume, n_slices, place):
            original = predictor.segment_stack
            predictor.segment_stack = slice_by_slice
            try:
                return super()._predict(network, volume, n_slices, place)
            finally:
                predictor.segment_stack = original

    def slice_by_slice(network, stack, chunk):
        radius, depth = network.context_radius, stack.shape[2]
        # A zero slice counts as missing.
        padded = torch.nn.functional.pad(stack, (0, 0, 0, 0, radius, radius))
        per_pass = max(1, chunk // (2 * radius + 1))
        for first in range(0, depth, per_pass):
            last = min(first + per_pass, depth)
            views = torch.cat(
                [
                    padded[:, :, i : i + 2 * radius + 1].transpose(1, 2).flatten(1, 2)
                    for i in range(first, last)
                ]
            )
            yield (
                slice(first, last),
                network(views).unflatten(0, (last - first, len(stack))).permute(1, 2, 0, 3, 4),
            )

    return ReEncodingPredictor


if __name__ == "__main__":
    main()

"""Whether slices are thick and many enough for a slice-attention network, and what to compare it with."""

from ..model_name import ModelName
from ..plans.plans_file import STOCK_PLANS
from ..plans.slabs import median_depth
from ..trainers.resolver import resolve_trainer, starts_from_2d
from ..trainers.two_d_model import STOCK
from ..trainers.variants import SCHEDULES, VARIANTS
from .check import Check
from .plans_check import CONFIGURATION

# Below this ratio of slice to in-plane spacing a 3D network loses nothing.
NEARLY_ISOTROPIC = 1.5


def check_spacing(plans: dict, dataset: str | int, plans_name: str, trainer: type) -> Check:
    through, *in_plane = plans["original_median_spacing_after_transp"]
    ratio = slice_ratio(plans)
    text = f"median slice spacing {through:g} mm, in plane {in_plane[0]:g} x {in_plane[1]:g} mm, ratio {ratio:.1f}"
    if ratio >= NEARLY_ISOTROPIC:
        return Check("spacing", True, text)
    command, baseline = f"nnUNetv2_train {dataset} 3d_fullres 0", _baseline(trainer)
    command += f" -tr {baseline}" if baseline != STOCK else ""
    command += f" -p {plans_name}" if plans_name != STOCK_PLANS else ""
    step = f"Compare with a 3D network, which is often better for such data: {command}"
    return Check("spacing", True, f"{text}: nearly isotropic", step)


def slice_ratio(plans: dict) -> float:
    """Median slice spacing relative to the larger in-plane spacing."""
    through, *in_plane = plans["original_median_spacing_after_transp"]
    return through / max(in_plane)


def check_baselines(plans: dict, dataset: str | int, plans_name: str, trainer: type) -> list[Check]:
    """What to compare with, for thick slices; empty for nearly isotropic data, where `check_spacing` says it."""
    if slice_ratio(plans) < NEARLY_ISOTROPIC:
        return []
    text = (
        "trained for the same time, nnUNetTrainerSliceAttention was ahead of nnU-Net 2D by 0.003 and 0.005 Dice on two "
        "data sets, not significantly after correction; no other network of this package came as close "
        "(benchmark_results/equal_time)"
    )
    configurations = [c for c in (CONFIGURATION, "3d_fullres") if c in plans["configurations"]]
    models = [ModelName(_baseline(trainer), plans_name, configuration) for configuration in configurations]
    models = " ".join(map(str, [*models, ModelName(trainer.__name__, plans_name, CONFIGURATION)]))
    step = f"Compare on the same folds: nnunet-slice-attention crossval -d {dataset} -o crossval -m {models}"
    return [Check("baselines", True, text, step)]


def _baseline(trainer: type) -> str:
    """nnU-Net's own trainer for as many epochs, of which there is one per schedule; the usual one for fine-tuning."""
    schedule = trainer.__name__.rpartition("_")[2]
    from_scratch = not starts_from_2d(trainer.__name__)
    return f"{STOCK}_{schedule}" if from_scratch and schedule in SCHEDULES else STOCK


def check_depth(plans: dict, trainer: type) -> Check:
    depth, context = median_depth(plans), 2 * trainer.context_radius() + 1
    if depth >= context:
        return Check("depth", True, f"median {depth} slices")
    text = f"median {depth} slices, fewer than the {context} that {trainer.__name__} uses"
    name = _with_fewer_slices(trainer.__name__, depth)
    step = f"A trainer with fewer slices would suffice: {name}."
    return Check("depth", True, text, step if name else "Compare with nnU-Net 2D, which needs no neighbours.")


def _with_fewer_slices(name: str, depth: int) -> str | None:
    """The variant of a trainer with the most slices, neighbours among them, that `depth` suffices for."""
    base, *suffixes = name.split("_")
    radii: dict[str, int] = {}
    numbers = [suffix for suffix in VARIANTS if _options(suffix).get("context_radius")]
    for new in [*([n] for n in numbers), ["1sliceImages"], *([n, "1sliceImages"] for n in numbers)]:
        replaced = set().union(*map(_options, new))
        candidate = "_".join([base, *new, *(s for s in suffixes if not replaced & set(_options(s)))])
        try:
            radii[candidate] = resolve_trainer(candidate).context_radius()
        except (AttributeError, ValueError):  # not a trainer of this package, or it has no such option
            continue
    fitting = [candidate for candidate, radius in radii.items() if 0 < radius <= (depth - 1) // 2]
    return max(fitting, key=radii.__getitem__, default=None)


def _options(suffix: str) -> dict:
    return VARIANTS.get(suffix, {}).get("network_options", {})

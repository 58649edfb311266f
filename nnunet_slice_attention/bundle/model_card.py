"""The model card of a bundle; what was not recorded is stated as unknown."""

from collections.abc import Mapping

from ..inference.predictor import SlabPredictor
from ..networks import SlabNetwork
from ..networks.compiled import uncompiled
from ..plans.slice_spacing import REFERENCE_SPACING


def model_card(predictor: SlabPredictor, manifest: Mapping, summaries: Mapping[str, Mapping]) -> str:
    """Markdown.

    Args:
        manifest: content of `bundle.json`.
        summaries: nnU-Net's `summary.json` per validated fold.
    """
    plans, configuration = predictor.plans_manager, predictor.configuration_manager
    slice_spacing, *_ = plans.original_median_spacing_after_transp
    description = predictor.dataset_json
    lines = [
        f"# {manifest['trainer']} on {plans.dataset_name}",
        "A network for the segmentation of medical images, trained with nnU-Net. **Not a medical device; not "
        "validated for clinical use.**",
        "## Input and output",
        f"- channels: {_listed(description.get('modality') or description['channel_names'])}",
        f"- labels: {_listed(description['labels'])}",
        f"- file ending: {description['file_ending']}",
        f"- in-plane spacing: {_mm(configuration.spacing[-2:])}; images are resampled to it",
        f"- median slice spacing of the training data: {slice_spacing:g} mm",
    ]
    network = uncompiled(predictor.network)
    if isinstance(network, SlabNetwork):
        radius = network.context_radius
        lines.append(
            f"- each slice is segmented with {radius} neighbours on each side, about {radius * slice_spacing:g} mm; "
            "images are not resampled across slices, so expect lower accuracy at other slice spacings"
        )
        if REFERENCE_SPACING in plans.plans:
            lines.append(
                "- the slice spacing in an image's header matters: the command below tells it to the network; "
                f"`nnUNetv2_predict` cannot, and segments each image as one of {plans.plans[REFERENCE_SPACING]:g} mm"
            )
        if network.slice_position is not None:
            lines.append(
                "- a slice's position between the first and the last slice matters: images must show the same part of "
                "the body, from end to end and in the same direction, as those of training"
            )
    lines += [
        "## Training",
        f"- configuration {manifest['configuration']}, plans {plans.plans_name}, folds {', '.join(manifest['folds'])}, "
        f"{manifest['checkpoint']}",
        f"- exported with {manifest['versions']}, commit {manifest['commit']}",
        "- origin and terms of use of the training data: not recorded; ask whoever gave you this bundle",
        "## Accuracy",
        *(_accuracy(fold, summaries.get(fold)) for fold in manifest["folds"]),
        "## Use",
        "```bash",
        "nnunet-slice-attention predict --bundle THIS_BUNDLE -i IMAGES -o SEGMENTATIONS",
        "```",
    ]
    return "\n".join(lines) + "\n"


def _accuracy(fold: str, summary: Mapping | None) -> str:
    if summary is None:
        return f"- fold {fold}: not validated with these weights"
    n = len(summary["metric_per_case"])
    per_label = ", ".join(f"{label}: {metrics['Dice']:.3f}" for label, metrics in summary["mean"].items())
    seen = " (on the cases it was trained on)" if fold == "all" else ""
    return f"- fold {fold}{seen}: mean validation Dice per label {per_label}; n = {n} volumes"


def _listed(names: Mapping) -> str:
    return ", ".join(f"{key} = {value}" for key, value in names.items())


def _mm(spacing) -> str:
    return " x ".join(f"{length:g}" for length in spacing) + " mm"

"""Shown cases whose volumes are in memory."""

from nnunet_slice_attention.report.shown_case import ShownCase, Volumes


def in_memory(case, image, truth, predictions, spacing, extremes=None, weights=None) -> ShownCase:
    def read(models):
        return Volumes(image, truth, {model: predictions[model] for model in models}, spacing)

    return ShownCase(
        case, list(predictions), read, extremes=extremes or {}, read_weights=lambda: weights or {}
    )

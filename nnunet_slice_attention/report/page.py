"""The report of a comparison: `report.md` and one self-contained `report.html`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ..evaluation.lesions import SIZE_NAMES
from ..evaluation.scores import Scores
from ..model_name import short_names
from . import differences
from .accuracy import accuracy_table, slice_table
from .detection_table import detection_table
from .figure_list import build_figures
from .html import html_page
from .lesion_tables import froc_table, lesion_table
from .overlays import overlay_examples, overlay_figure
from .shown_case import ShownCase
from .spacing import group_by_spacing, spacing_table
from .tables import Table
from .verdicts import verdicts, warnings


@dataclass(frozen=True)
class Report:
    """The data of a report.

    Attributes:
        rows: of the case table, with model, fold, patient and, if there are several, run.
        manifest: see `comparison.manifest`.
        baseline: the model that the others are compared with.
        single: the models that are not ensembles; they get a verdict.
        cases: shown slice by slice.
        training_ms: milliseconds per slice of a training step, by model, where measured.
        froc: the output of `froc_counts` for every case, with model, case, structure and, if there are several, run.
        detected: `boxes` (see `detection_rows`), model, case, structure, patient, `slices` (their number) and, if there
            are several, run.
    """

    rows: Sequence[dict]
    manifest: dict
    baseline: str
    single: Sequence[str]
    cases: Sequence[ShownCase]
    training_ms: Mapping[str, float]
    froc: Sequence[dict] = ()
    detected: Sequence[dict] = ()

    @property
    def short(self) -> dict[str, str]:
        """Full model names to the short names shown."""
        return short_names(list(dict.fromkeys(row["model"] for row in self.rows)))

    def scores(self) -> Scores:
        """With short model names."""
        cases, short = pd.DataFrame(self.rows), self.short
        cases = cases.assign(model=cases.model.map(short))
        return Scores(cases, short[self.baseline], [short[name] for name in self.single])


def render_report(report: Report) -> dict[str, str]:
    """The text of `report.md` and of `report.html`, by file name.

    Raises:
        ValueError: the volumes of a shown case cannot be read or do not fit, see `comparison.examples`.
    """
    scores, short = report.scores(), report.short
    groups = group_by_spacing(scores)
    sentences = warnings(report.manifest) + verdicts(scores)
    tables = build_tables(report, scores, groups)
    cost = {short[model]: ms for model, ms in report.training_ms.items()}
    built = build_figures(scores, groups, cost)
    facts = build_facts(report, scores)
    title = report.manifest["options"]["title"]
    markdown = [f"# {title}", "\n".join(f"- {sentence}" for sentence in sentences)]
    markdown += [table.markdown() for table in tables]
    markdown += ["## Made with", "\n".join(f"- {name}: {value}" for name, value in facts.items())]
    overlays = {
        f"{short[model]} against {scores.baseline}": overlay_figure(examples)
        for model, examples in overlay_examples(report.cases, report.baseline)
    }
    html = html_page(title, sentences, built, tables, facts, report.cases, short, overlays, scores.baseline)
    return {"report.md": "\n\n".join(markdown) + "\n", "report.html": html}


def build_tables(report: Report, scores: Scores, groups: Mapping[str, Scores]) -> list[Table]:
    """Tables that have rows; `groups` as returned by `group_by_spacing`."""
    options = report.manifest["options"]
    tables = [
        accuracy_table(scores, options["tolerance"]),
        *differences.difference_tables(scores),
        differences.surface_table(scores, options["tolerance"]),
        differences.worst_table(scores),
        slice_table(scores),
        spacing_table(scores, groups),
    ]
    if options["lesion_sizes"]:
        small, large = options["lesion_sizes"]
        bounds = (f"< {small:g} mm", f"{small:g}-{large:g} mm", f"> {large:g} mm")
        sizes = dict(zip(SIZE_NAMES, bounds, strict=True))
        tables.append(lesion_table(scores, sizes))
    shown = [
        [row | {"model": report.short[row["model"]]} for row in rows]
        for rows in (report.froc, report.detected)
    ]
    tables += [froc_table(shown[0]), detection_table(shown[1], _without_probabilities(report))]
    return [table for table in tables if table.rows]


def build_facts(report: Report, scores: Scores) -> dict[str, str]:
    """The section "Made with": what a reader needs to judge or repeat the comparison."""
    cases, runs = scores.cases, scores.runs
    manifest, options = report.manifest, report.manifest["options"]
    folds = sorted({str(fold) for fold in cases.fold if fold != ""})
    left_out = manifest["dataset"]["truths_left_out"]
    entries = _model_entries(report)
    return {
        "data set": manifest["dataset"]["name"],
        "cases": str(cases.case.nunique()),
        "ground truth without predictions": ", ".join(left_out) or "none",
        "examples left out": "; ".join(manifest["dataset"]["images_not_shown"]) or "none",
        "patients": f"{cases.patient.nunique()}, by {options['group']}"
        if options["group"]
        else "unknown: every case counts as a patient",
        "folds": ", ".join(folds) or "prediction folders",
        "runs": f"{len(runs)}: {'; '.join(runs)}" if runs else "1",
        "models": "; ".join(
            name if name == shown else f"{shown}: {name}" for name, shown in report.short.items()
        ),
        "baseline": report.baseline,
        "without ensembles, FROC and detection": "; ".join(_without_probabilities(report)) or "none",
        "stale or copied predictions (older than the checkpoint)": "; ".join(
            f"{shown}, fold {', '.join(folds)}"
            for shown, entry in entries.items()
            if (folds := entry["folds_older_than_checkpoint"])
        )
        or "none",
        "differing headers of ground truth and prediction": header_offsets(cases) or "none",
        "versions": f"{manifest['versions']}, commit {manifest['commit']}",
        "hardware": manifest["hardware"],
        "hash of the split": manifest["dataset"]["splits_sha256"] or "unknown",
        "hash of the ground truth": manifest["dataset"]["truth_sha256"],
    }


def header_offsets(cases: pd.DataFrame) -> str:
    """The cases whose headers differ, and the largest offset; empty if all headers agree."""
    offsets = cases.groupby("case").headers_apart_mm.max()
    offsets = offsets[offsets > 0]
    if offsets.empty:
        return ""
    return (
        f"{len(offsets)} of {cases.case.nunique()} cases, voxel positions up to {offsets.max():.3g} mm apart "
        f"({offsets.idxmax()}): {', '.join(offsets.index)}. Compared voxel by voxel, as nnU-Net does; mm and ml use "
        "the spacing of the ground truth"
    )


def _without_probabilities(report: Report) -> list[str]:
    """E.g. "csa (1 of 16 cases without saved probabilities)"."""
    return [
        f"{shown} (trained with other labels or regions)"
        if entry.get("other_labels")
        else f"{shown} ({lacking} of {entry['cases']} cases without saved probabilities)"
        for shown, entry in _model_entries(report).items()
        if (lacking := entry["cases_without_probabilities"])
    ]


def _model_entries(report: Report) -> dict[str, Mapping]:
    """The manifest's entries of models that are not ensembles, by the name shown."""
    found = {}
    for label, entry in report.manifest["models"].items():
        name, run = entry.get("model", label), entry.get("run")
        if name in report.single:
            found[f"{report.short[name]}, {run}" if run else report.short[name]] = entry
    return found

"""The report of a comparison: `report.md` and one self-contained `report.html`."""

import base64
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pandas as pd
from jinja2 import Environment
from markupsafe import Markup
from matplotlib.figure import Figure

from ..evaluation.lesions import SIZE_NAMES
from ..evaluation.scores import Scores
from ..files import write_text
from ..model_name import short_names
from . import differences, figures, summary
from .lesion_tables import froc_table, lesion_table
from .overlays import Example, overlay_figure
from .spacing import by_spacing, spacing_table
from .tables import Table
from .verdicts import verdicts, warnings_of


@dataclass(frozen=True)
class Report:
    """What a report is made of.

    Attributes:
        rows: of the tidy case table, with model, run if there are several, fold and patient.
        manifest: data, models, versions, hardware, options.
        reference: the model the others are compared with.
        single: the models that are no ensembles; they get a verdict.
        examples: cases to show, by model.
        froc: what every threshold finds in every case, see `froc_counts`, with model and structure.
        training_ms: milliseconds of a training step a slice, by model, of those whose cost was measured.
    """

    rows: Sequence[dict]
    manifest: dict
    reference: str
    single: Sequence[str]
    examples: Mapping[str, Sequence[Example]]
    training_ms: Mapping[str, float]
    froc: Sequence[dict] = ()

    @property
    def short(self) -> dict[str, str]:
        """Full names of the models to those that are shown."""
        return short_names(list(dict.fromkeys(row["model"] for row in self.rows)))

    def scores(self) -> Scores:
        """With short names."""
        cases, short = pd.DataFrame(self.rows), self.short
        cases = cases.assign(model=cases.model.map(short))
        return Scores(cases, short[self.reference], [short[name] for name in self.single])


def write_report(report: Report, output: Path) -> None:
    """Write both pages into `output`."""
    scores, short = report.scores(), report.short
    groups = by_spacing(scores)
    sentences = warnings_of(report.manifest) + verdicts(scores)
    tables = tables_of(report, scores, groups)
    pictures = figures_of(report, scores, groups)
    facts = facts_of(report, scores)
    title = report.manifest["options"]["title"]
    markdown = [f"# {title}", "\n".join(f"- {sentence}" for sentence in sentences)]
    markdown += [table.markdown() for table in tables]
    markdown += ["## Made with", "\n".join(f"- {name}: {value}" for name, value in facts.items())]
    template = files(__package__).joinpath("templates/report.html.j2").read_text(encoding="utf-8")
    page = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(template)
    drawn = {name: Markup(svg(figure)) for name, figure in pictures.items()}
    drawn |= {
        f"{short[model]} beside {scores.baseline}": Markup(png(overlay_figure(examples)))
        for model, examples in report.examples.items()
    }
    html = page.render(title=title, verdicts=sentences, figures=drawn, tables=tables, facts=facts)
    write_text(output / "report.md", "\n\n".join(markdown) + "\n")
    write_text(output / "report.html", html)


def figures_of(report: Report, scores: Scores, groups: Mapping[str, Scores]) -> dict[str, Figure]:
    """By the title above them; the groups are those of `by_spacing`."""
    drawn = {}
    if scores.others:
        drawn["How large are the differences?"] = figures.difference_figure(scores)
        drawn["Patient by patient"] = figures.scatter_figure(scores)
    drawn["Spread"] = figures.distribution_figure(scores)
    drawn["From the first to the last slice"] = figures.position_figure(scores)
    if groups:
        drawn["From thin to thick slices"] = figures.spacing_figure(scores, groups)
    if report.training_ms:
        cost = {report.short[model]: ms for model, ms in report.training_ms.items()}
        unit = "training step [ms a slice]"
        drawn["Accuracy against cost"] = figures.accuracy_cost_figure(scores, cost, unit)
    return drawn


def tables_of(report: Report, scores: Scores, groups: Mapping[str, Scores]) -> list[Table]:
    """Those that have rows; the groups are those of `by_spacing`."""
    options = report.manifest["options"]
    tables = [
        summary.accuracy_table(scores, options["tolerance"]),
        *differences.difference_tables(scores),
        differences.surface_table(scores, options["tolerance"]),
        differences.worst_table(scores),
        summary.slice_table(scores),
        spacing_table(scores, groups),
    ]
    if options["lesion_sizes"]:
        small, large = options["lesion_sizes"]
        bounds = (f"< {small:g} mm", f"{small:g}-{large:g} mm", f"> {large:g} mm")
        sizes = dict(zip(SIZE_NAMES, bounds, strict=True))
        tables.append(lesion_table(scores, sizes))
    tables.append(froc_table([row | {"model": report.short[row["model"]]} for row in report.froc]))
    return [table for table in tables if table.rows]


def facts_of(report: Report, scores: Scores) -> dict[str, str]:
    """What a reader needs to judge or to repeat it."""
    cases, runs = scores.cases, scores.runs
    manifest, options = report.manifest, report.manifest["options"]
    folds = sorted({str(fold) for fold in cases.fold if fold != ""})
    left_out = manifest["dataset"]["truths_left_out"]
    entries = _entries(report)
    return {
        "data set": manifest["dataset"]["name"],
        "cases": str(cases.case.nunique()),
        "truths that no model predicted": ", ".join(left_out) or "none",
        "patients": f"{cases.patient.nunique()}, by {options['group']}"
        if options["group"]
        else "not told apart: every case counts as a patient",
        "folds": ", ".join(folds) or "prediction folders",
        "runs": f"{len(runs)}: {'; '.join(runs)}" if runs else "1",
        "models": "; ".join(
            name if name == shown else f"{shown}: {name}" for name, shown in report.short.items()
        ),
        "reference": report.reference,
        "in no ensemble, and no FROC curve": "; ".join(
            f"{shown} ({lacking} of {entry['cases']} cases without saved probabilities)"
            for shown, entry in entries.items()
            if (lacking := entry["cases_without_probabilities"])
        )
        or "none",
        "predictions older than their checkpoint, so of an earlier training or copied": "; ".join(
            f"{shown}, fold {', '.join(folds)}"
            for shown, entry in entries.items()
            if (folds := entry["folds_older_than_checkpoint"])
        )
        or "none",
        "headers of truths that differ from the predictions'": headers_apart(cases) or "none",
        "versions": f"{manifest['versions']}, commit {manifest['commit']}",
        "hardware": manifest["hardware"],
        "hash of the split": manifest["dataset"]["splits_sha256"] or "unknown",
        "hash of the truths": manifest["dataset"]["truth_sha256"],
    }


def headers_apart(cases: pd.DataFrame) -> str:
    """Which cases, and by how much at most; empty if all headers agree."""
    apart = cases.groupby("case").headers_apart_mm.max()
    apart = apart[apart > 0]
    if apart.empty:
        return ""
    return (
        f"by up to {apart.max():.3g} mm at a voxel ({apart.idxmax()}), in {len(apart)} of {cases.case.nunique()} "
        f"cases: {', '.join(apart.index)}. Compared voxel by voxel, as nnU-Net does; mm and ml are by the truth's "
        "spacing"
    )


def _entries(report: Report) -> dict[str, Mapping]:
    """The manifest's of models that are no ensembles, by what these are shown as."""
    found = {}
    for label, entry in report.manifest["models"].items():
        name, run = entry.get("model", label), entry.get("run")
        if name in report.single:
            found[f"{report.short[name]}, {run}" if run else report.short[name]] = entry
    return found


def png(figure: Figure) -> str:
    """The figure as an element of an HTML page, for what is mostly image."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=90)
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}">'


def svg(figure: Figure) -> str:
    """The figure as an element of an HTML page, with ids of its own."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    unique = f"f{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{unique}", text)

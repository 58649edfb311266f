"""Turn what `run.sh OUT` made into `cases.csv` and `README.md` beside this file: python report.py OUT"""

import json
import sys
from pathlib import Path

import pandas as pd

from nnunet_slice_attention.environment import hardware, versions
from nnunet_slice_attention.report.accuracy import patient_figures, structures_of, with_mean
from nnunet_slice_attention.report.tables import Table, mean_sd

HERE = Path(__file__).parent


def main(out: Path) -> None:
    results = pd.DataFrame(json.loads((out / "output" / "results.json").read_text()))
    results = results.assign(case=results.case.str.removesuffix(".nii.gz"))
    cases = pd.read_csv(out / "compared" / "cases.csv").merge(results, on="case")
    cases = cases[["model", "patient", "case", "structure", "dice", "seconds"]]
    cases.to_csv(HERE / "cases.csv", index=False)
    (model,) = cases.model.unique()
    figures = {name: patient_figures(cases, model, name) for name in with_mean(structures_of(cases))}
    rows = tuple((name, mean_sd(of_patients.values())) for name, of_patients in figures.items())
    page = (HERE / "text.md").read_text(encoding="utf-8")
    page = page.format(
        trainer=model,
        n=len(results),
        median=results.seconds.median(),
        longest=results.seconds.max(),
        table=Table("Dice", ("structure", "Dice"), rows).markdown(),
        patients=cases.patient.nunique(),
        versions=versions(),
        hardware=hardware(),
    )
    (HERE / "README.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

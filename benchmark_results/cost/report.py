"""Put `README.md` together from `text.md` and what the verb `cost` wrote beside it: python report.py"""

import json
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    manifest = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))
    job = next(iter(manifest["jobs"].values()))
    text = (HERE / "text.md").read_text(encoding="utf-8")
    page = text.format(
        table=(HERE / "cost.md").read_text(encoding="utf-8").replace("__nnUNetCompactPlans__", " "),
        repeats=manifest["repeats"],
        iterations=job["iterations"],
        versions=manifest["versions"],
        hardware=manifest["hardware"],
    )
    (HERE / "README.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()

"""A run's detection from the tables of its comparison; worked out by hand."""

from experiments.detection import metric_rows


def case(name: str, structure: str, slices: int) -> dict[str, str]:
    return {"patient": name, "case": name, "structure": structure, "slices": str(slices)}


def box(
    name: str, score: str = "", matched: int = 0, images: str = "slices", structure: str = "nodule"
) -> dict:
    source = "predicted" if score else "reference"
    row = {"case": name, "structure": structure, "images": images, "source": source}
    return row | {"score": score, "matched": str(matched)}


def test_boxes_of_all_cases_are_counted_together_by_structure_and_in_slices_only():
    cases = [case(name, structure, 2) for name in ("a", "b") for structure in ("nodule", "vessel")]
    boxes = [box("a", matched=1), box("a"), box("b", matched=1), box("b")]
    boxes += [box("a", "0.9", 1), box("b", "0.5", 1), *(box("b", score) for score in ("0.8", "0.7", "0.6"))]
    boxes += [box("a", "0.99", images="volumes"), box("b", structure="vessel")]
    nodule, vessel = metric_rows(cases, boxes)
    # Of four slices 2 false positives at 0.5 per slice, 4 at 1: below the third is the second of four that are found.
    assert (nodule["structure"], nodule["sensitivity_0.5"], nodule["sensitivity_1"]) == (
        "nodule",
        "0.25",
        "0.5",
    )
    # Precision 1 up to a recall of 0.25, 2/5 up to 0.5, 0 above: 26, 25 and 50 of 101 recalls.
    assert float(nodule["ap50"]) == round((26 + 25 * 0.4) / 101, 5)
    assert vessel == {"structure": "vessel"} | dict.fromkeys(
        ("ap50", "sensitivity_0.5", "sensitivity_1", "sensitivity_2"), "0.0"
    )


def test_a_structure_that_no_reference_has_has_no_values():
    (row,) = metric_rows([case("a", "nodule", 3)], [box("a", "0.9")])
    assert {value for name, value in row.items() if name != "structure"} == {""}

"""The report of a comparison: Markdown, and one self-contained HTML page.

`page.py` sets the order of tables and figures. The tables by heading: "Accuracy" and "Within the stack" in
`accuracy.py`; "Differences", "Each run", "Differences in surface metrics" and "Lowest differences" in `differences.py`;
"By slice spacing" in `spacing.py`; "Lesions" and "FROC" in `lesion_tables.py`; "Detection" in `detection_table.py`;
"Made with" in `page.py`. The sentences at the top are `verdicts.py`, the figures `figures.py` and `line_figures.py`, in
the order of `figure_list.py`, the cases `viewer.py` and, for browsers without WebGL2, `overlays.py`.
"""

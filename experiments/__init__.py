"""The program behind `benchmark_results/`: runs what an experiment declares, collects its rows, renders its page.

    python -m experiments run NAME          # train, predict, measure what is not done yet, then collect
    python -m experiments collect NAME      # add the rows of what is done to the tables in benchmark_results/NAME
    python -m experiments page NAME         # README.md from text.md and the tables

An experiment is declared in `benchmark_results/NAME/experiment.py`; see `declaration`.
"""

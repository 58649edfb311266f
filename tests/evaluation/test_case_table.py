"""How the cases of a comparison are shared among processes."""

import os

import pytest

from nnunet_slice_attention.evaluation.case_table import worker_pool


@pytest.mark.parametrize("processes, here", [(1, True), (2, False)])
def test_one_process_is_this_one(processes, here):
    with worker_pool(processes) as pool:
        assert (pool.submit(os.getpid).result() == os.getpid()) == here


def test_a_killed_process_is_named_with_the_next_step():
    with (
        pytest.raises(RuntimeError, match="one of the 2 processes .* was killed.* with -np"),
        worker_pool(2) as pool,
    ):
        pool.submit(os._exit, 1).result()

"""How the cases of a comparison are shared among processes."""

import os

import pytest

from nnunet_slice_attention.evaluation.case_table import worker_pool


@pytest.mark.parametrize("processes, here", [(1, True), (2, False)])
def test_one_process_is_this_one(processes, here):
    with worker_pool(processes) as pool:
        assert (pool.submit(os.getpid).result() == os.getpid()) == here

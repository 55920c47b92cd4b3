"""Small algebra runs on one thread, whatever the environment; what the caller has set is there again afterwards."""

from __future__ import annotations

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from joyeval.models.one_thread import one_thread


def blas() -> set[int]:
    return {found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"}


def test_one_thread_inside_and_what_was_set_outside():
    with threadpool_limits(2, user_api="blas"):
        assert blas() == {2}
        assert one_thread(blas)() == {1}
        assert one_thread(one_thread(blas))() == {1}
        assert blas() == {2}


def test_a_failure_inside_changes_nothing_outside():
    @one_thread
    def fails():
        raise ValueError("no")

    with threadpool_limits(2, user_api="blas"):
        with pytest.raises(ValueError, match="no"):
            fails()
        assert blas() == {2}

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from inpainting.core.errors import InputError
from inpainting.core.workers import map_prefetched, process_pool


def test_jobs_are_read_lazily_and_results_come_in_order() -> None:
    made: list[int] = []

    def jobs() -> Iterator[int]:
        for number in range(5):
            made.append(number)
            yield number

    with ThreadPoolExecutor(2) as pool:
        results = map_prefetched(pool, lambda number: number * number, jobs(), prefetch=2)
        assert next(results) == 0
        assert made == [0, 1, 2]
        assert list(results) == [1, 4, 9, 16]


def test_a_jobs_exception_is_raised_where_its_result_is_taken() -> None:
    def work(number: int) -> int:
        if number == 4:
            raise OSError("damaged")
        return number

    with ThreadPoolExecutor(1) as pool:
        results = map_prefetched(pool, work, (2, 3, 4), prefetch=1)
        assert [next(results), next(results)] == [2, 3]
        with pytest.raises(OSError, match="damaged"):
            next(results)


def test_a_worker_that_is_killed_is_told_in_a_sentence() -> None:
    with (
        pytest.raises(InputError, match=r"a worker process was killed, .* with fewer --workers"),
        process_pool(1, preload="inpainting.core.workers") as pool,
    ):
        list(map_prefetched(pool, os._exit, [9], prefetch=1))

"""One bound on the memory of many threads: waiting, order, refusal, errors."""

import builtins
import io
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tfgan_suite.utils.memory_budget import MemoryBudget, OverBudget, available_bytes, format_bytes


def wait_until(condition):
    limit = time.monotonic() + 5.0
    while not condition():
        assert time.monotonic() < limit, "nothing happened for five seconds"
        time.sleep(0.0005)


def test_what_fits_does_not_wait_and_is_returned():
    budget = MemoryBudget(100)
    with budget.reserve(60), ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: enter(budget, 40)).result(5) == 100
        assert budget.used == 60
    assert budget.used == 0


def enter(budget, size):
    with budget.reserve(size):
        return budget.used


def test_more_than_the_whole_budget_is_refused_at_once():
    budget = MemoryBudget(2**30)
    with pytest.raises(OverBudget) as caught, budget.reserve(2**30 + 2**29):
        raise AssertionError
    assert str(caught.value) == "it takes 1.50 GiB, the limit is 1.00 GiB"
    assert (caught.value.needed, caught.value.limit) == (2**30 + 2**29, 2**30)
    assert budget.used == 0 and budget.waiting == 0
    with budget.reserve(2**30):
        assert budget.used == 2**30


def test_threads_are_served_in_the_order_in_which_they_asked():
    budget, order, threads = MemoryBudget(100), [], []

    def work(size):
        with budget.reserve(size):
            order.append(size)

    with budget.reserve(50):
        for number, size in enumerate((90, 10, 80, 20), 1):  # 10 and 20 would fit, 90 came first
            threads.append(threading.Thread(target=work, args=(size,)))
            threads[-1].start()
            wait_until(lambda number=number: budget.waiting == number)
        assert order == []
    for thread in threads:
        thread.join(5)
    # 90 and 10 fit together; so do 80 and 20. Within such a pair either may append first.
    assert sorted(order[:2]) == [10, 90] and sorted(order[2:]) == [20, 80]


def test_a_thread_that_has_memory_gets_more_without_waiting():
    budget = MemoryBudget(100)
    both_started = threading.Barrier(2, timeout=5)

    def work(_):
        with budget.reserve(50):
            both_started.wait()  # each has half; each waiting for the other would never end
            with budget.reserve(30):
                both_started.wait()
                return budget.used

    with ThreadPoolExecutor(2) as pool:
        assert max(pool.map(work, range(2))) == 160
    assert budget.used == 0
    with budget.reserve(80), pytest.raises(OverBudget), budget.reserve(30):
        raise AssertionError  # 110 in one thread can never fit
    assert budget.used == 0


def test_an_error_returns_the_memory_and_wakes_those_who_wait():
    budget = MemoryBudget(100)
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(ZeroDivisionError), budget.reserve(100):
            waiting = pool.submit(enter, budget, 70)
            wait_until(lambda: budget.waiting == 1)
            1 / 0  # noqa: B018
        assert waiting.result(5) == 70
    assert budget.used == 0


def test_a_limit_that_was_lowered_leaves_nobody_waiting_for_ever():
    budget = MemoryBudget(100)
    with ThreadPoolExecutor(1) as pool:
        with budget.reserve(10):
            waiting = pool.submit(enter, budget, 95)
            wait_until(lambda: budget.waiting == 1)
            budget.limit = 50
        assert waiting.result(5) == 95  # alone


@pytest.mark.parametrize("seed", range(3))
def test_many_threads_never_exceed_the_limit_and_all_end(seed):
    budget, most = MemoryBudget(1000), []
    draws = random.Random(seed)
    jobs = [(draws.randint(1, 1100), draws.random() < 0.2) for _ in range(300)]

    def work(job):
        size, fails = job
        try:
            with budget.reserve(size):
                most.append(budget.used)
                time.sleep(size * 1e-7)
                if fails:
                    raise RuntimeError
        except OverBudget:
            return "refused"
        except RuntimeError:
            return "failed"
        return "done"

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(work, jobs, timeout=30))
    expected = ["refused" if size > 1000 else "failed" if fails else "done" for size, fails in jobs]
    assert results == expected
    assert 900 < max(most) <= 1000 and budget.used == 0 and budget.waiting == 0


@pytest.mark.parametrize(
    "size, text", [(2**20, "1 MiB"), (1.5 * 2**30, "1.50 GiB"), (2**30 - 2**20, "1023 MiB")]
)
def test_bytes_in_words(size, text):
    assert format_bytes(size) == text


def test_free_memory_is_read_or_unknown(monkeypatch):
    free = available_bytes()
    assert free is None or 2**20 < free < 2**50
    monkeypatch.setattr(builtins, "open", lambda *_, **__: io.StringIO("MemAvailable:  2048 kB\n"))
    assert available_bytes() == 2**21
    monkeypatch.setattr(builtins, "open", lambda *_, **__: io.StringIO("MemFree: 1 kB\n"))
    assert available_bytes() is None

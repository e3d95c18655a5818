"""A Celery worker doing real jobs, with a broker at 127.0.0.1:5672: retries, delays, results over rpc, a process that dies."""

import os
import subprocess
import sys
import time

import pytest
from celery import chain, group
from celery.exceptions import TaskRevokedError

import celery_app as jobs

HERE = os.path.dirname(os.path.abspath(__file__))


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("celery") / "worker.log"


@pytest.fixture(scope="module", autouse=True)
def worker(log):
    words = ["worker", "-l", "INFO", "-c", "2", "-Q", "celery", "-n", "one@peers", "--without-mingle"]
    with open(log, "w") as out:
        process = subprocess.Popen([sys.executable, "-m", "celery", "-A", "celery_app", *words], cwd=HERE, stdout=out, stderr=out)
    deadline = time.monotonic() + 60
    while " ready." not in log.read_text():
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    yield process
    process.terminate()
    assert process.wait(60) == 0, log.read_text()


def test_a_result_comes_back_over_rpc():
    assert jobs.add.delay(2, 3).get(timeout=20) == 5


def test_a_thousand_tasks_each_give_their_result():
    results = [jobs.add.delay(number, 1) for number in range(1000)]
    assert [result.get(timeout=60) for result in results] == list(range(1, 1001))


def test_a_task_that_retries_ends_well():
    assert jobs.third_time.delay().get(timeout=30) == 2


def test_a_task_out_of_retries_gives_its_error():
    with pytest.raises(ValueError, match="never"):
        jobs.never.delay().get(timeout=30)


def test_a_countdown_is_waited_for():
    began = time.time()
    assert jobs.moment.apply_async(countdown=1.5).get(timeout=30) - began >= 1.4


def test_a_message_that_expires_before_it_is_taken_is_not_run():
    with pytest.raises(TaskRevokedError):
        jobs.add.apply_async((1, 1), expires=-1).get(timeout=20)


def test_a_chain_hands_results_on_and_a_group_gathers_them():
    assert chain(jobs.add.s(1, 2), jobs.add.s(3), jobs.add.s(4)).delay().get(timeout=30) == 10
    assert group(jobs.add.s(n, n) for n in range(10)).delay().get(timeout=30) == [n + n for n in range(10)]


def test_a_process_that_dies_gives_its_message_back(tmp_path):
    jobs.dies_once.delay(str(tmp_path / "died")).get(timeout=60)
    assert (tmp_path / "died").exists()


def test_a_large_argument_comes_through():
    assert len(jobs.add.delay("x" * 3_000_000, "y").get(timeout=60)) == 3_000_001


def test_the_worker_answers_remote_control():
    replies = jobs.app.control.inspect(timeout=5).ping()
    assert replies == {"one@peers": {"ok": "pong"}}


def test_a_queue_added_later_is_consumed_by_priority():
    """What has waited is taken by rank; the worker holds none of it before."""
    for rank in (0, 9, 5):
        jobs.ranked.apply_async((str(rank),), priority=rank, queue="ranked", ignore_result=True)
    with jobs.app.connection_for_read() as connection:
        channel = connection.channel()
        order = [channel.basic_get("ranked", no_ack=True) for _ in range(3)]
    assert [message.properties["priority"] for message in order] == [9, 5, 0]


def test_a_worker_told_to_consume_another_queue_does():
    jobs.app.control.add_consumer("later", destination=["one@peers"], reply=True, timeout=5)
    assert jobs.add.apply_async((4, 4), queue="later").get(timeout=30) == 8


def test_nothing_is_left_when_all_is_done(worker, log):
    with jobs.app.connection_for_read() as connection:
        deadline = time.monotonic() + 20
        while True:
            _, ready, consumers = connection.channel().queue_declare("celery", passive=True)
            if (ready, consumers) == (0, 1) or time.monotonic() > deadline:
                break
            time.sleep(0.05)
    assert (ready, consumers) == (0, 1)
    assert worker.poll() is None, log.read_text()

"""A Dramatiq worker doing real jobs, with a broker at 127.0.0.1:5672: retries, delays, dead letters, two processes."""

import json
import os
import subprocess
import sys
import time
import uuid

import pika
import pytest
from dramatiq import group, pipeline  # noqa: F401: that they import is a part of it

import dramatiq_app as jobs

HERE = os.path.dirname(os.path.abspath(__file__))


@pytest.fixture(scope="module")
def channel():
    connection = pika.BlockingConnection(pika.URLParameters(jobs.URL))
    yield connection.channel()
    connection.close()


@pytest.fixture
def answers(channel):
    name = f"answers-{uuid.uuid4()}"
    channel.queue_declare(name)

    def take(count):
        found, deadline = [], time.monotonic() + 60
        while len(found) < count:
            assert time.monotonic() < deadline, found
            method, _, body = channel.basic_get(name, auto_ack=True)
            if method:
                found.append(json.loads(body))
            else:
                time.sleep(0.02)
        return found

    take.name = name
    return take


@pytest.fixture(scope="module", autouse=True)
def worker(tmp_path_factory):
    log = tmp_path_factory.mktemp("dramatiq") / "worker.log"
    words = [sys.executable, "-m", "dramatiq", "dramatiq_app", "-p", "2", "-t", "2", "--skip-logging"]
    with open(log, "w") as out:
        process = subprocess.Popen(words, cwd=HERE, stdout=out, stderr=out)
    yield process
    process.terminate()
    assert process.wait(60) == 0, log.read_text()


def counted(channel, queue):
    return channel.queue_declare(queue, passive=True).method.message_count


def test_a_job_is_done(answers):
    jobs.double.send(21, answers.name)
    assert answers(1) == [42]


def test_five_hundred_jobs_are_done_once_each(answers):
    for number in range(500):
        jobs.double.send(number, answers.name)
    assert sorted(answers(500)) == [2 * number for number in range(500)]


def test_a_job_that_fails_is_tried_again(answers):
    jobs.third_time.send(answers.name)
    assert answers(1) == [2]


def test_a_delay_is_waited_for(answers):
    began = time.time()
    jobs.moment.send_with_options(args=(answers.name,), delay=1500)
    assert answers(1)[0] - began >= 1.4


def waits_for_dead(channel, queue, count):
    deadline = time.monotonic() + 30
    while counted(channel, queue) != count:
        assert time.monotonic() < deadline, counted(channel, queue)
        time.sleep(0.05)


def test_a_job_out_of_retries_is_a_dead_letter(channel):
    jobs.never.send()
    waits_for_dead(channel, "default.XQ", 1)
    _, properties, body = channel.basic_get("default.XQ", auto_ack=True)
    assert json.loads(body)["actor_name"] == "never"
    assert properties.headers["x-death"][0]["reason"] == "rejected"
    assert properties.headers["x-death"][0]["queue"] == "default"


def test_a_job_over_its_time_is_ended(channel):
    jobs.hangs.send()
    waits_for_dead(channel, "slow.XQ", 1)


def test_jobs_by_priority_wait_in_order(channel):
    for rank in (0, 9, 5):
        message = jobs.double.message(rank, "nobody").copy(queue_name="ranked")
        jobs.broker.declare_queue("ranked", ensure=True)
        jobs.broker.enqueue(message.copy(options={"broker_priority": rank}))
    order = [channel.basic_get("ranked", auto_ack=True)[1].priority for _ in range(3)]
    assert order == [9, 5, 0]


def test_nothing_is_left_when_all_is_done(channel, worker):
    deadline = time.monotonic() + 20
    while counted(channel, "default") + counted(channel, "default.DQ"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert worker.poll() is None

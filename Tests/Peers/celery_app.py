"""What the Celery worker of celery_jobs.py runs."""

import os
import signal
import time

from celery import Celery

app = Celery("peers", broker="amqp://guest:guest@127.0.0.1:5672//", backend="rpc://")
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_queue_max_priority=9,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    result_expires=600,
    task_routes={"celery_app.ranked": {"queue": "ranked"}},
)


@app.task
def add(x, y):
    return x + y


@app.task(bind=True, max_retries=5)
def third_time(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0.2, exc=ValueError("not yet"))
    return self.request.retries


@app.task(bind=True, max_retries=1)
def never(self):
    raise self.retry(countdown=0.1, exc=ValueError("never"))


@app.task
def moment():
    return time.time()


@app.task(bind=True)
def dies_once(self, path):
    """The first time its process dies: the message has to come again."""
    if not os.path.exists(path):
        with open(path, "w") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)
    return bool(self.request.delivery_info.get("redelivered"))


@app.task
def ranked(name):
    return name, time.time()


@app.task(ignore_result=True)
def note(path, text):
    with open(path, "a") as file:
        file.write(text + "\n")

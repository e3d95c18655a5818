"""What the Dramatiq worker of dramatiq_jobs.py runs; results go to a queue, for its own back ends are no brokers."""

import json
import time

import dramatiq
import pika
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.middleware import CurrentMessage

URL = "amqp://guest:guest@127.0.0.1:5672/"
broker = RabbitmqBroker(url=URL, confirm_delivery=True, max_priority=9)
broker.add_middleware(CurrentMessage())
dramatiq.set_broker(broker)


def tell(queue, value):
    with pika.BlockingConnection(pika.URLParameters(URL)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("", queue, json.dumps(value).encode(), mandatory=True)


@dramatiq.actor
def double(number, queue):
    tell(queue, number * 2)


@dramatiq.actor(max_retries=5, min_backoff=50, max_backoff=200)
def third_time(queue):
    retries = CurrentMessage.get_current_message().options.get("retries", 0)
    if retries < 2:
        raise ValueError("not yet")
    tell(queue, retries)


@dramatiq.actor(max_retries=1, min_backoff=50, max_backoff=100)
def never():
    raise ValueError("never")


@dramatiq.actor
def moment(queue):
    tell(queue, time.time())


@dramatiq.actor(time_limit=500, max_retries=0, queue_name="slow")
def hangs():
    while True:
        time.sleep(0.05)

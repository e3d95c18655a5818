"""What AMQPStorm's tests ask of RabbitMQ's management plugin, to delete what a test has made, asked of the broker itself."""

import amqpstorm
from amqpstorm.tests import HOST, PASSWORD, USERNAME
from amqpstorm.tests.functional import utility


def clean(names, queue=False, exchange=False):
    if not queue and not exchange:
        return
    with amqpstorm.Connection(HOST, USERNAME, PASSWORD) as connection, connection.channel() as channel:
        for name in names:
            if queue:
                channel.queue.delete(name)
            if exchange:
                channel.exchange.delete(name)


utility.clean = clean

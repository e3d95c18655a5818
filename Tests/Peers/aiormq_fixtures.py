"""What aiormq's tests ask for and its source package does not bring: the address of a broker."""

import types

import pytest
from yarl import URL


@pytest.fixture
def amqp_direct_url():
    return URL("amqp://guest:guest@127.0.0.1:5672//")


@pytest.fixture
def rabbitmq_container():
    return types.SimpleNamespace(ports={"5672/tcp": 5672, "5671/tcp": 5671})

"""AMQP's data types and frames as octets, for make-seeds and transcripts.py."""
import struct


def short(text):
    return bytes([len(text.encode())]) + text.encode()


def long(octets):
    return struct.pack(">I", len(octets)) + octets


def table(*pairs):
    return long(b"".join(short(name) + value for name, value in pairs))


def string(text):
    return b"S" + long(text.encode())


def method(class_id, method_id, *arguments):
    return struct.pack(">HH", class_id, method_id) + b"".join(arguments)


def frame(kind, channel, payload):
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


def header(size, flags=0, properties=b""):
    return struct.pack(">HHQH", 60, 0, size, flags) + properties


tag = struct.Struct(">Q").pack

# What RabbitMQ says of itself, shortened.
SERVER = table(
    ("capabilities", b"F" + table(*((name, b"t\1") for name in (
        "publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify",
        "connection.blocked", "authentication_failure_close", "per_consumer_qos", "direct_reply_to")))),
    ("cluster_name", string("rabbit@localhost")),
    ("product", string("RabbitMQ")),
    ("version", string("3.10.8")),
)

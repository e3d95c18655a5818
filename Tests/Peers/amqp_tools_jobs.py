"""rabbitmq-c's commands as people use them in scripts, with a broker at 127.0.0.1:5672."""

import subprocess
import uuid

URL = "--url=amqp://guest:guest@127.0.0.1:5672/%2F"


def tool(name, *words, text="", status=0):
    done = subprocess.run([name, URL, *words], input=text, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == status, f"{name} {words}: {done.returncode} {done.stdout}{done.stderr}"
    return done.stdout


def queue(*words):
    name = f"tools-{uuid.uuid4()}"
    assert tool("amqp-declare-queue", "-q", name, *words) == f"{name}\n"
    return name


def test_a_message_goes_in_and_comes_out():
    name = queue()
    tool("amqp-publish", "-r", name, "-b", "hello")
    assert tool("amqp-get", "-q", name) == "hello"


def test_an_empty_queue_is_status_2():
    assert tool("amqp-get", "-q", queue(), status=2) == ""


def test_standard_input_is_a_body_and_lines_are_messages():
    name = queue()
    tool("amqp-publish", "-r", name, text="a\nb")
    tool("amqp-publish", "-r", name, "-l", text="c\nd\n")
    # amqp-publish keeps the line feed of each line.
    assert [tool("amqp-get", "-q", name) for _ in range(3)] == ["a\nb", "c\n", "d\n"]


def test_a_consumer_takes_so_many_and_ends():
    name = queue()
    for word in ("one", "two", "three"):
        tool("amqp-publish", "-r", name, "-b", word)
    assert tool("amqp-consume", "-q", name, "-c", "2", "cat") == "onetwo"
    assert tool("amqp-get", "-q", name) == "three"


def test_a_consumer_that_fails_leaves_its_message_to_the_next():
    name = queue()
    tool("amqp-publish", "-r", name, "-b", "again")
    # It reads its message, else amqp-consume may die of SIGPIPE.
    tool("amqp-consume", "-q", name, "-c", "1", "--", "sh", "-c", "cat >/dev/null; exit 1")
    assert tool("amqp-get", "-q", name) == "again"


def test_a_bound_queue_of_the_consumer_gets_what_the_exchange_routes():
    command = ["amqp-consume", URL, "-e", "amq.topic", "-r", "a.#", "-c", "1", "cat"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as consumer:
        # It says the name of its queue once it is bound.
        assert "amq.gen-" in consumer.stderr.readline()
        tool("amqp-publish", "-e", "amq.topic", "-r", "b.c", "-b", "not this")
        tool("amqp-publish", "-e", "amq.topic", "-r", "a.b.c", "-b", "this")
        assert consumer.communicate(timeout=20)[0] == "this"


def test_a_queue_is_deleted_with_what_is_in_it():
    name = queue("-d")
    tool("amqp-publish", "-r", name, "-b", "x", "-p")
    assert tool("amqp-delete-queue", "-q", name) == "1\n"
    tool("amqp-get", "-q", name, status=1)


def test_what_is_not_there_is_an_error_with_the_broker_s_words():
    done = subprocess.run(["amqp-get", URL, "-q", "nowhere"], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert "404" in done.stderr and "no queue 'nowhere' in vhost '/'" in done.stderr

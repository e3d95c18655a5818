"""The suites of others that ops/peers runs: where each is, how it is started, what is left out of it, and why.

A command runs in the suite's folder with a broker at 127.0.0.1:5672. What it says of its tests is read from RESULTS: as
JUnit's XML, as go's JSON, or the exit status alone.
"""

import os
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
GO = "/usr/share/gocode/src/github.com/rabbitmq/amqp091-go"


@dataclass
class Suite:
    name: str
    what: str
    folder: str  # below the folder of sources, or absolute
    command: list[str]
    kind: str = "junit"  # or "go", "status"
    environment: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)  # what pytest is not given, and why
    unsteady: dict[str, str] = field(default_factory=dict)  # how names of tests begin that pass or fail by chance, and why
    seconds: int = 600
    source: tuple[str, str] = ("", "")  # ("pypi", "NAME==VERSION") or ("debian", "SOURCE PACKAGE")


def ours(*arguments: str) -> list[str]:
    return ["PYTHON", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=120", "--junitxml=RESULTS", *arguments]


def theirs(*arguments: str) -> list[str]:
    """Many of their tests wait for fractions of a second: what fails has a second and a third try."""
    return ours("--reruns=2", "--reruns-delay=1", *arguments)


TLS = "needs a broker with TLS, which this one does not have"
HTTP = "asks RabbitMQ's management plugin over HTTP"
OUTSIDE = "talk to a host on the Internet"

SUITES = [
    Suite(
        name="pika",
        what="pika's acceptance tests: four event loops and the blocking adapter",
        folder="pika-1.3.2",
        command=ours(
            "-p",
            "leave_at_end",
            "tests/acceptance/async_adapter_tests.py",
            "tests/acceptance/blocking_adapter_test.py",
            "tests/acceptance/enforce_one_basicget_test.py",
            "tests/acceptance/io_services_tests.py",
            "tests/acceptance/twisted_adapter_tests.py",
        ),
        environment={"PYTHONPATH": HERE},
        source=("debian", "python-pika"),
    ),
    Suite(
        name="amqpstorm",
        what="AMQPStorm's functional tests",
        folder="amqpstorm-3.1.4",
        command=theirs("-p", "amqpstorm_cleaning", "amqpstorm/tests/functional"),
        environment={
            "PYTHONPATH": HERE,
            "AMQP_HOST": "127.0.0.1",
            "AMQP_USERNAME": "guest",
            "AMQP_PASSWORD": "guest",
            "AMQP_URI": "amqp://guest:guest@127.0.0.1:5672/%2F",
        },
        left_out={
            "amqpstorm/tests/functional/management": HTTP,
            "amqpstorm/tests/functional/test_web_based.py": HTTP,
            "amqpstorm/tests/functional/ssl": TLS,
        },
        source=("pypi", "amqpstorm==3.1.4"),
    ),
    Suite(
        name="py-amqp",
        what="py-amqp's integration tests",
        folder="amqp-5.4.2",
        command=theirs("t/integration/test_rmq.py", "-k", "not tls"),
        left_out={"-k tls": f"{TLS}; two of them {OUTSIDE}"},
        source=("pypi", "amqp==5.4.2"),
    ),
    Suite(
        name="kombu",
        what="kombu's integration tests of its transport over py-amqp",
        folder="kombu-5.7.0",
        command=theirs("t/integration/test_py_amqp.py"),
        source=("pypi", "kombu==5.7.0"),
    ),
    Suite(
        name="aiormq",
        what="aiormq's tests",
        folder="aiormq-7.2.4",
        command=theirs("-p", "aiormq_fixtures", "-k", "not amqps", "tests"),
        left_out={"-k amqps": TLS},
        unsteady={
            "tests.test_connection_futures::test_connection_close_during_publish_drain": "it asks whether Python has let go of an object; "
            "the broker has no part in it, and it fails now and then with RabbitMQ too"
        },
        environment={"PYTHONPATH": HERE},
        source=("pypi", "aiormq==7.2.4"),
    ),
    Suite(
        name="amqp091-go",
        what="amqp091-go's tests, those of integration among them",
        folder=GO,
        command=["go", "test", "-tags", "integration", "-count=1", "-timeout", "500s", "-json", "."],
        kind="go",
        environment={
            "GO111MODULE": "off",
            "GOPATH": "/usr/share/gocode",
            "GOFLAGS": "",
            "AMQP_URL": "amqp://guest:guest@127.0.0.1:5672/",
        },
    ),
    Suite(
        name="librabbitmq",
        what="rabbitmq-c's own test with a broker, test_basic",
        folder="rabbitmq-c-0.11.0",
        command=["sh", "-c", 'cc -D_GNU_SOURCE -DHAVE_POLL -DAMQP_STATIC= -Ilibrabbitmq -o "$0" tests/test_basic.c librabbitmq/amqp_time.c -lrabbitmq && "$0"', "SCRATCH/test_basic"],
        kind="status",
        source=("debian", "librabbitmq"),
    ),
    Suite(
        name="amqp-tools",
        what="rabbitmq-c's commands doing their work (our tests: they have none)",
        folder=HERE,
        command=ours("amqp_tools_jobs.py"),
    ),
    Suite(
        name="celery",
        what="a Celery worker doing real jobs (our tests)",
        folder=HERE,
        command=ours("celery_jobs.py"),
    ),
    Suite(
        name="dramatiq",
        what="a Dramatiq worker doing real jobs (our tests)",
        folder=HERE,
        command=ours("dramatiq_jobs.py"),
    ),
]

/// The keys that one kind of mapping may have.
///
/// The decoder, the hints and the JSON Schema all go by these lists.
package struct KeySet: Sendable {
    /// What it is called in a hint: "a job".
    package let place: String
    package let keys: [String]
    package let required: [String]
    /// What to write where a required key is missing.
    package static let examples = ["connection": "write connection: { uri: \"${AMQP_URL}\" }, or the URI itself"]
    /// Keys that are kept for later and that this version does not read, and what to do until it does.
    package let notYet: [String: String]

    init(_ place: String, _ keys: [String], required: [String] = [], notYet: [String: String] = [:]) {
        self.place = place
        self.keys = keys
        self.required = required
        self.notYet = notYet
    }

    package static let root = KeySet(
        "the job file",
        [
            "version", "connection", "plugins", "defaults", "exchanges", "queues", "jobs", "shutdown_timeout",
            "kill_timeout", "crash_ledger", "control", "admin", "schedules", "names",
        ],
        required: ["version", "connection", "jobs"]
    )
    package static let connection = KeySet(
        "'connection'",
        ["uri", "tls", "heartbeat", "name", "connect_timeout", "publishing", "recovery"],
        required: ["uri"]
    )
    package static let tls = KeySet("'tls'", ["ca_file", "cert_file", "key_file", "verify", "server_name"])
    package static let recovery = KeySet(
        "'recovery'",
        ["initial_interval", "multiplier", "max_interval", "jitter"]
    )
    package static let exchange = KeySet(
        "an exchange",
        ["declare", "type", "durable", "auto_delete", "internal", "arguments", "bindings"]
    )
    package static let queue = KeySet(
        "a queue",
        [
            "declare", "on_mismatch", "type", "durable", "exclusive", "auto_delete", "arguments", "bindings",
            "dead_letter",
            "message_ttl", "max_length", "max_length_bytes", "overflow", "max_priority", "single_active_consumer",
            "delivery_limit", "expires",
        ]
    )
    package static let binding = KeySet(
        "a binding",
        ["exchange", "routing_key", "arguments"],
        required: ["exchange"]
    )
    package static let deadLetter = KeySet("'dead_letter'", ["exchange", "routing_key"])
    package static let defaults = KeySet("'defaults'", Self.settings, notYet: Self.settingsNotYet)
    package static let job = KeySet(
        "a job",
        [
            "queue", "queues", "handler", "with", "batch", "exclusive", "consumer_priority", "consumer_arguments",
            "paused",
        ]
            + Self.settings,
        required: ["handler"],
        notYet: Self.settingsNotYet
    )
    package static let ack = KeySet("'ack'", ["mode", "batch"])
    package static let publish = KeySet(
        "'publish'",
        ["mode", "mandatory", "batch"]
    )
    package static let publishBatch = KeySet("'publish.batch'", ["size", "timeout"], required: ["size"])
    package static let retry = KeySet(
        "'retry'",
        ["max_attempts", "initial_interval", "multiplier", "max_interval", "jitter"]
    )
    package static let rateLimit = KeySet("'rate_limit'", ["allowed", "interval"], required: ["allowed", "interval"])

    package static let circuit = KeySet(
        "'circuit'",
        ["failures", "within", "pause"],
        required: ["failures", "within", "pause"]
    )

    package static let handlerBatch = KeySet("'batch'", ["size", "timeout"])
    package static let exec = KeySet(
        "a program",
        ["exec", "timeout", "grace", "max_output", "env", "output"],
        required: ["exec"]
    )
    package static let execOutput = KeySet(
        "the output of a program",
        ["exchange", "routing_key", "content_type"],
        required: ["routing_key"]
    )
    package static let schedule = KeySet(
        "a schedule",
        ["cron", "every", "timezone", "queue", "body", "headers", "catch_up", "deadline"],
        required: ["queue"]
    )
    package static let names = KeySet("'names'", ["prefix", "except"], required: ["prefix"])
    package static let crashLedger = KeySet("'crash_ledger'", ["path", "max_crashes"])

    package static let control = KeySet("'control'", ["socket", "state", "fleet"])
    package static let admin = KeySet("'admin'", ["listen", "token_file", "read_only"], required: ["listen"])
    package static let threads = KeySet(
        "'threads'",
        ["min", "max", "target_wait", "utilization", "shrink_after"],
        required: ["max"]
    )

    package static let all: [KeySet] = [
        .root, .connection, .tls, .recovery, .exchange, .queue, .binding, .deadLetter, .defaults, .job, .ack, .publish,
        .publishBatch, .retry, .rateLimit, .circuit, .handlerBatch, .exec, .execOutput, .crashLedger, .control, .admin,
        .threads, .schedule, .names,
    ]

    private static let settings = [
        "threads", "tasks_per_thread", "prefetch", "ack", "on_failure", "retry", "timeout", "kill_timeout",
        "rate_limit", "circuit",
        "publish", "missing_queue",
    ]
    private static let settingsNotYet = [
        "isolation": "run a second supervisor for the job that needs its own process"
    ]
}

/// The keys that one kind of mapping may have.
///
/// The decoder, the hints and the JSON Schema all go by these lists.
package struct KeySet: Sendable {
    /// What it is called in a hint: "a job".
    package let place: String
    package let keys: [String]
    package let required: [String]
    /// Keys of the design that this version does not read, and what to do until it does.
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
            "kill_timeout",
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
        ["queue", "handler", "with", "exclusive", "consumer_priority", "consumer_arguments"] + Self.settings,
        required: ["queue", "handler"],
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

    package static let all: [KeySet] = [
        .root, .connection, .tls, .recovery, .exchange, .queue, .binding, .deadLetter, .defaults, .job, .ack, .publish,
        .publishBatch, .retry, .rateLimit,
    ]

    private static let settings = [
        "threads", "tasks_per_thread", "prefetch", "ack", "on_failure", "retry", "timeout", "rate_limit", "publish",
        "missing_queue",
    ]
    private static let settingsNotYet = [
        "isolation": "run a second supervisor for the job that needs its own process",
        "batch": "use ack: {batch: N} to let acks share a frame",
        "schedule": "let a timer outside publish the message",
    ]
}

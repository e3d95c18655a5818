/// Words that users of other frameworks try first, and ours for each.
package struct ForeignWord: Sendable {
    package let ours: String
    package let reason: String

    /// What a word means in a mapping that has our key for it.
    package static func find(_ word: String, in set: KeySet) -> ForeignWord? {
        for entry in Self.entries where entry.words.contains(word) && set.keys.contains(entry.ours) {
            // "timeout" and the like mean different things in different places.
            if let place = entry.only, place != set.place { continue }
            return ForeignWord(ours: entry.ours, reason: entry.reason)
        }
        return nil
    }

    package static var words: [String] { Self.entries.flatMap(\.words) }

    private struct Entry {
        let words: [String]
        let ours: String
        let reason: String
        var only: String?
    }

    private static let entries: [Entry] = [
        Entry(
            words: ["crontab", "expression"],
            ours: "cron",
            reason: "minute, hour, day of the month, month, day of the week"
        ),
        Entry(words: ["interval", "period"], ours: "every", reason: "it is a duration, as 30s", only: "a schedule"),
        Entry(words: ["tz", "time_zone", "zone"], ours: "timezone", reason: "an area and a city, as Europe/Berlin"),
        Entry(words: ["payload", "message", "args"], ours: "body", reason: "text, or a tree that is sent as JSON"),
        Entry(
            words: ["misfire", "misfire_policy", "catchup", "backfill"],
            ours: "catch_up",
            reason: "latest, all or none"
        ),
        Entry(
            words: ["starting_deadline_seconds", "grace"],
            ours: "deadline",
            reason: "how late a message may be"
        ),
        Entry(
            words: ["crons", "periodic", "periodic_jobs", "beat_schedule", "scheduler", "recurring"],
            ours: "schedules",
            reason: "each has a name, cron or every, and a queue"
        ),
        Entry(
            words: [
                "workers", "concurrency", "num_workers", "max_threads", "consumers", "pool_size", "max_workers",
                "worker_count",
            ],
            ours: "threads",
            reason: "each thread has one channel"
        ),
        Entry(words: ["prefetch_count", "qos", "prefetch_multiplier"], ours: "prefetch", reason: "it is per channel"),
        Entry(words: ["no_ack", "auto_ack"], ours: "ack", reason: "no-ack is 'ack: none'"),
        Entry(
            words: ["acknowledge_mode", "acknowledge", "ack_mode", "acks_late"],
            ours: "ack",
            reason: "'ack: auto' acks by the handler's outcome"
        ),
        Entry(
            words: ["on_error", "onfailure"],
            ours: "on_failure",
            reason: "it says what becomes of a message that failed"
        ),
        Entry(
            words: ["max_retries"],
            ours: "max_attempts",
            reason: "it counts the first attempt too, so it is one more than the retries"
        ),
        Entry(
            words: ["max_retries", "max_attempts", "retries", "retry_policy", "retry_backoff"],
            ours: "retry",
            reason: "{max_attempts: 5, initial_interval: 1s, ...}"
        ),
        Entry(
            words: ["rate", "rate_limiting", "throttle"],
            ours: "rate_limit",
            reason: "{allowed: 100, interval: 1s}"
        ),
        Entry(
            words: ["circuit_breaker", "breaker"],
            ours: "circuit",
            reason: "{failures: 20, within: 1m, pause: 30s}"
        ),
        Entry(
            words: ["batch_size", "batch_timeout", "batcher", "batchers", "consumer_batch_enabled", "flush_every"],
            ours: "batch",
            reason: "{size: 100, timeout: 50ms}, for a handler that takes batches",
            only: KeySet.job.place
        ),
        Entry(
            words: ["batch_size", "flush_every", "count", "max_size"],
            ours: "size",
            reason: "messages at most",
            only: KeySet.handlerBatch.place
        ),
        Entry(
            words: ["batch_timeout", "flush_interval", "receive_timeout", "max_wait", "interval"],
            ours: "timeout",
            reason: "how long the first message waits for others",
            only: KeySet.handlerBatch.place
        ),
        Entry(words: ["allowed_messages", "limit"], ours: "allowed", reason: "messages per interval"),
        Entry(
            words: ["min_backoff", "backoff_min", "initial_delay"],
            ours: "initial_interval",
            reason: "it takes a unit"
        ),
        Entry(words: ["max_backoff", "backoff_max", "max_delay"], ours: "max_interval", reason: "it takes a unit"),
        Entry(
            words: ["max_in_flight", "tasks", "concurrent_tasks"],
            ours: "tasks_per_thread",
            reason: "async handlers in flight on one thread"
        ),
        Entry(words: ["queue_name"], ours: "queue", reason: "the name alone"),
        Entry(
            words: ["callback", "executable", "class", "worker", "task", "actor", "command"],
            ours: "handler",
            reason: "written plugin.handler"
        ),
        Entry(
            words: ["command", "cmd", "program", "args", "arguments"],
            ours: "exec",
            reason: "the program and its arguments, one list"
        ),
        Entry(words: ["environment", "envs", "variables"], ours: "env", reason: "{ NAME: value }", only: "a program"),
        Entry(words: ["stdout", "publish"], ours: "output", reason: "{ routing_key: ... }", only: "a program"),
        Entry(words: ["grace_period", "kill_after", "stop_timeout"], ours: "grace", reason: "from SIGTERM to SIGKILL"),
        Entry(words: ["time_limit", "job_timeout", "soft_time_limit"], ours: "timeout", reason: "it takes a unit"),
        Entry(
            words: ["confirm_publish", "confirm_delivery", "publisher_confirms"],
            ours: "publish",
            reason: "see mode"
        ),
        Entry(words: ["options", "args", "params", "settings"], ours: "with", reason: "the handler's own options"),
        Entry(
            words: [
                "url", "urls", "uris", "host", "hosts", "hostname", "port", "vhost", "virtual_host", "user", "username",
                "password", "addresses", "amqp",
            ],
            ours: "uri",
            reason: "amqp://user:password@host:5672/vhost, or a list of such"
        ),
        Entry(words: ["ssl", "ssl_options"], ours: "tls", reason: "with an amqps:// URI"),
        Entry(words: ["ca", "cacert", "cacertfile", "ca_certs"], ours: "ca_file", reason: "a PEM file"),
        Entry(words: ["cert", "certfile", "client_cert"], ours: "cert_file", reason: "the client's, a PEM file"),
        Entry(words: ["key", "keyfile", "client_key"], ours: "key_file", reason: "the client's, a PEM file"),
        Entry(words: ["sni", "server_name_indication"], ours: "server_name", reason: "the host in its certificate"),
        Entry(
            words: ["timeout", "connection_timeout"],
            ours: "connect_timeout",
            reason: "for one attempt at one endpoint"
        ),
        Entry(words: ["backoff", "reconnect", "retry"], ours: "recovery", reason: "the waits between attempts"),
        Entry(words: ["key", "binding_key", "routing_pattern"], ours: "routing_key", reason: "also for patterns"),
        Entry(words: ["source", "exchange_name"], ours: "exchange", reason: "the name alone"),
        Entry(
            words: ["dlx", "dead_letter_exchange", "dead_letter_routing_key", "dlq"],
            ours: "dead_letter",
            reason: "{exchange: ..., routing_key: ...}"
        ),
        Entry(words: ["ttl", "expiration"], ours: "message_ttl", reason: "it takes a unit"),
        Entry(words: ["kind", "exchange_type", "queue_type"], ours: "type", reason: "the type alone"),
        Entry(words: ["args", "options"], ours: "arguments", reason: "they go to the broker as they are"),
        Entry(words: ["workers", "tasks", "consumers"], ours: "jobs", reason: "a queue, a handler and its threads"),
        Entry(words: ["rabbitmq", "amqp", "broker"], ours: "connection", reason: "{uri: ...}"),
        Entry(words: ["plugin", "require", "libraries"], ours: "plugins", reason: "a list of paths"),
        Entry(words: ["crash_journal", "crash_log"], ours: "crash_ledger", reason: "{path: ..., max_crashes: 2}"),
        Entry(words: ["crashes", "crash_limit"], ours: "max_crashes", reason: "from 2"),
        Entry(words: ["file"], ours: "path", reason: "of the ledger", only: "'crash_ledger'"),
        Entry(
            words: ["prefix", "queue_prefix", "name_prefix", "namespace", "environment"],
            ours: "names",
            reason: "{prefix: ...}",
            only: "the job file"
        ),
        Entry(words: ["default"], ours: "defaults", reason: "settings for every job"),
        Entry(
            words: ["graceful_shutdown_timeout", "grace_period", "timeout", "stop_timeout"],
            ours: "shutdown_timeout",
            reason: "how long a drain waits for handlers",
            only: "the job file"
        ),
    ]
}

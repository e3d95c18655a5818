import Glibc

/// A job of the chaos: what it does with each of its numbered inputs, and where one can see that it was done.
struct ChaosJob {
    enum Evidence {
        /// An output, or a dead letter.
        case output
        /// A dead letter.
        case deadLetter
        /// Either.
        case outputOrDeadLetter
        /// A line in the witness's file, written before the ack.
        case witness
        /// Nothing is promised.
        case none
    }
    /// Who made the queue short: the file, a policy, or somebody who declared it before.
    enum Limit { case file, policy, stranger }

    let name: String
    var type = "classic"
    var handler = "examples.errand"
    var publish = "{ mode: confirm }"
    var limit: Limit?
    var evidence = Evidence.output
    /// Of how many messages this one gets one.
    var share = 1
    /// Lines of the job file.
    var lines: [String] = []
    let body: @Sendable (Int) -> String

    var input: String { "in.\(self.name)" }
    var output: String { "out.\(self.name)" }
    var dead: String { "in.\(self.name).dead" }

    /// The number that a body ends with.
    static func number(of body: [UInt8]) -> Int? {
        Int(String(decoding: body, as: UTF8.self).split(separator: " ").last ?? "")
    }

    private static let plain: @Sendable (Int) -> String = { "\($0)" }
    private static let failing: @Sendable (Int) -> String = { "fail \($0 % 3) \($0)" }

    static let all = [
        Self(name: "confirm", handler: "bench.witness", body: Self.plain),
        Self(
            name: "tx",
            handler: "bench.witness",
            publish: "{ mode: tx, batch: { size: 20, timeout: 5ms } }",
            body: Self.plain
        ),
        Self(name: "none", handler: "bench.witness", publish: "{ mode: none }", evidence: .witness, body: Self.plain),
        Self(
            name: "async",
            type: "quorum",
            handler: "bench.witness_async",
            publish: "{ mode: confirm, batch: { size: 10, timeout: 5ms } }",
            lines: ["tasks_per_thread: 8"],
            body: Self.plain
        ),
        Self(
            name: "batch",
            type: "quorum",
            handler: "bench.witness_batch",
            evidence: .witness,
            lines: ["batch: { size: 20, timeout: 20ms }"],
            body: Self.plain
        ),
        Self(
            name: "acknone",
            handler: "bench.witness",
            evidence: .none,
            lines: ["ack: none"],
            body: Self.plain
        ),
        Self(name: "fails", limit: .file, lines: ["tasks_per_thread: 8"], body: Self.failing),
        Self(name: "foreign", limit: .stranger, body: Self.failing),
        Self(
            name: "policy",
            type: "quorum",
            publish: "{ mode: tx, batch: { size: 20, timeout: 5ms } }",
            limit: .policy,
            body: Self.failing
        ),
        Self(
            name: "snoozes",
            type: "quorum",
            lines: ["tasks_per_thread: 8"],
            body: { "snooze \(time(nil) + $0 % 4) \($0)" }
        ),
        Self(name: "rejects", type: "quorum", evidence: .deadLetter, body: { "reject \($0)" }),
        Self(
            name: "hangs",
            evidence: .outputOrDeadLetter,
            share: 10,
            lines: ["timeout: 400ms", "kill_timeout: 800ms"],
            body: { $0 % 40 == 7 ? "hang 2000 \($0)" : "ok \($0)" }
        ),
        Self(
            name: "gone",
            lines: ["retry: { max_attempts: 1000, initial_interval: 2s, multiplier: 1 }"],
            body: { "fail 1 \($0)" }
        ),
    ]
}

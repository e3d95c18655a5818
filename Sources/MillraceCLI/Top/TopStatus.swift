import AMQPClient
import Millrace

/// What `top` knows of a supervisor: its status, as the socket gives it.
///
/// What an older or newer supervisor does not say is left out.
struct TopStatus: Equatable {
    /// p50, p95, p99 in seconds.
    struct Times: Equatable {
        var p50: Double
        var p95: Double
        var p99: Double

        init?(_ value: OptionValue?) {
            guard let p50 = value?["p50"]?.real, let p95 = value?["p95"]?.real, let p99 = value?["p99"]?.real else {
                return nil
            }
            (self.p50, self.p95, self.p99) = (p50, p95, p99)
        }
    }

    struct Job: Equatable {
        var name = ""
        var state = ""
        var threads = 0
        var busy = 0
        var consuming = 0
        var inHand = 0
        var ready: Int?
        var settledPerSecond: Double?
        var handler: Times?
        var wait: Times?
        /// Seconds.
        var oldest = 0.0
        /// Seconds.
        var timeout: Double?
        var received = 0
        var retried = 0
        var dead = 0
        var reason: String?
        /// What operators have changed, and what else makes it other than its file says.
        var notes: [String] = []
        /// Seconds since 1970, and the text.
        var lastError: (time: Int, text: String)?

        static func == (left: Job, right: Job) -> Bool {
            left.name == right.name && left.state == right.state && left.received == right.received
        }
    }

    var connection = "missing"
    var broker: String?
    var file = ""
    var digest = ""
    var reloadFailure: String?
    var isDraining = false
    var reasons: [String] = []
    var jobs: [Job] = []

    init() {}

    /// - Parameter value: The answer to `/api/v1/status`.
    init?(_ value: OptionValue) {
        guard let jobs = value["jobs"], let connection = value["connection"] else { return nil }
        self.connection = connection["state"]?.text ?? "missing"
        self.broker = connection["broker"]?.text ?? connection["reason"]?.text
        if connection["in_memory"]?.isTrue == true { self.broker = "in memory, \(self.broker ?? "")" }
        self.file = value["config"]?["file"]?.text ?? ""
        self.digest = String((value["config"]?["digest"]?.text ?? "").prefix(8))
        self.reloadFailure = value["config"]?["reload_failed"]?["text"]?.text
        self.isDraining = value["draining"]?.isTrue ?? false
        self.reasons = value["reasons"]?.list.compactMap(\.text) ?? []
        self.jobs = jobs.list.map(Job.init)
    }
}

extension TopStatus.Job {
    init(_ value: OptionValue) {
        self.name = value["name"]?.text ?? ""
        self.state = value["state"]?.text ?? ""
        self.threads = value["threads"]?.whole ?? 0
        self.busy = value["threads_busy"]?.whole ?? 0
        self.consuming = value["consuming"]?.whole ?? 0
        self.inHand = value["in_hand"]?.whole ?? 0
        self.ready = value["ready_messages"]?.whole
        self.settledPerSecond = value["per_second"]?.real
        self.handler = TopStatus.Times(value["handler_seconds"])
        self.wait = TopStatus.Times(value["wait_seconds"])
        self.oldest = value["oldest_in_hand_seconds"]?.real ?? 0
        self.timeout = value["timeout_seconds"]?.real
        self.received = value["counts"]?["received"]?.whole ?? 0
        self.retried = value["counts"]?["retried"]?.whole ?? 0
        self.dead = value["counts"]?["rejected"]?.whole ?? 0
        self.reason = value["reason"]?.text
        self.notes = value["notes"]?.list.compactMap(\.text) ?? []
        if let error = value["last_error"], let time = error["time"]?.whole, let text = error["text"]?.text {
            self.lastError = (time, text)
        }
    }

    /// How much it needs somebody: 0 is well.
    ///
    /// - Parameter now: Seconds since 1970.
    /// - Returns: 0 to 7.
    func trouble(now: Int) -> Int {
        if self.state == "failed" { return 7 }
        if self.state == "restarting" { return 6 }
        if let timeout, self.oldest > timeout { return 5 }
        if self.state == "starting" { return 4 }
        if self.state == "running", self.consuming < self.threads { return 3 }
        if let lastError, now - lastError.time < 60 { return 2 }
        if self.state == "running", self.threads > 0, self.busy >= self.threads, (self.ready ?? 0) > 0 { return 1 }
        return 0
    }
}

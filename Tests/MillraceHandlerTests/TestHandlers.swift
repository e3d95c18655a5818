import CMillraceABI
import Glibc
import MillraceHandler

/// Fails with a text of its own.
struct TestError: Error, CustomStringConvertible {
    let description: String
}

/// The outcome that a body asks for.
func outcome(_ order: String?) throws -> Outcome {
    switch order {
    case "retry": return .retry("try ägain")
    case "reject": return .reject("bad")
    case "requeue": return .requeue
    case "snooze": return .snooze(.milliseconds(1500))
    case "snooze past": return .snooze(.seconds(-3))
    case "snooze long": return .snooze(.seconds(Int64.max))
    case "discard": return .discard("old")
    case "stop": return .stop("full")
    case "empty reason": return .reject("")
    case "throw": throw TestError(description: "the disk is füll")
    case "unrecoverable": throw Unrecoverable("never any use")
    default: return .ack
    }
}

/// Does what the body says, at once.
struct ScriptHandler: SyncJobHandler {
    init(_ options: HandlerOptions) throws {
        if options.contains("fail") { throw TestError(description: try options.string("fail")) }
        _ = try options.int("number", default: 0)
    }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        try outcome(message.bodyText)
    }
}

/// Does what the body says, after a wait for `Gates.open` or, if the body is `yield`, after a few steps.
final class WaitingHandler: JobHandler {
    private var inHand = 0

    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        let order = message.bodyText
        self.inHand += 1
        Gates.note(context.jobName, "begin \(self.inHand) on \(pthread_self())")
        if order == "yield" {
            for _ in 0..<3 { await Task.yield() }
        } else {
            await Gates.wait(context.jobName)
        }
        Gates.note(context.jobName, "end \(self.inHand) on \(pthread_self())")
        self.inHand -= 1
        guard message.bodyText == order else { return .reject("the body changed while it was waited") }
        if order == "until cancelled" { return Task.isCancelled ? .requeue : .reject("not cancelled") }
        return try outcome(order)
    }
}

/// Calls a closure per message, looked up by the job's name.
struct ClosureHandler: SyncJobHandler {
    typealias Body = (borrowing Message, JobContext) throws -> Outcome
    // nonisolated(unsafe): each test has a key of its own, and `lock` guards the table.
    nonisolated(unsafe) private static var bodies: [String: Body] = [:]
    private static let lock = Lock()

    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        let name = context.jobName
        guard let body = Self.lock.locked({ Self.bodies[name] }) else { return .stop("no closure for \(name)") }
        return try body(message, context)
    }

    /// Runs one delivery through a sync handler that does what `body` says.
    static func run(
        _ jobName: String,
        _ token: FakeToken,
        table: UnsafePointer<millrace_host> = FakeHost.table,
        _ body: @escaping Body
    ) throws -> FakeHost {
        Self.lock.locked { Self.bodies[jobName] = body }
        let host = FakeHost(jobName: jobName)
        let plugin = MillracePlugin(name: "closure", [.sync("closure.run", ClosureHandler.self)])
        try host.make(plugin, table: table).begin(token)
        return host
    }
}

/// Where waiting handlers wait, by the names of their jobs.
enum Gates {
    // nonisolated(unsafe): `lock` guards both tables.
    nonisolated(unsafe) private static var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]
    nonisolated(unsafe) private static var notes: [String: [String]] = [:]  // `lock` guards it, as above
    private static let lock = Lock()

    static func wait(_ name: String) async {
        await withCheckedContinuation { continuation in
            Self.lock.locked { Self.waiting[name, default: []].append(continuation) }
        }
    }

    /// Lets all go on that wait now; returns how many they were.
    static func open(_ name: String) -> Int {
        let waiting = Self.lock.locked { Self.waiting.removeValue(forKey: name) ?? [] }
        for continuation in waiting { continuation.resume() }
        return waiting.count
    }

    static func note(_ name: String, _ text: String) { Self.lock.locked { Self.notes[name, default: []].append(text) } }
    static func notes(_ name: String) -> [String] { Self.lock.locked { Self.notes[name] ?? [] } }
}

/// A mutex that the thread sanitizer sees.
// @unchecked Sendable: the pointer is constant, and pthread's functions may be called from any thread.
final class Lock: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    init() { pthread_mutex_init(self.mutex, nil) }

    deinit {
        pthread_mutex_destroy(self.mutex)
        self.mutex.deallocate()
    }

    func locked<R>(_ body: () throws -> R) rethrows -> R {
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        return try body()
    }
}

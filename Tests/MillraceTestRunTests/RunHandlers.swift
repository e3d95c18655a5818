import MillraceHandler
import MillraceTesting
import Synchronization

/// The handlers of these tests: what a message says is done.
struct Obeying: SyncJobHandler {
    private let to: String
    private let snoozed = Seen()

    init(_ options: HandlerOptions) throws { self.to = try options.string("to") }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        let words = (message.bodyText ?? "").split(separator: " ")
        switch words.first {
        case "fail": return .retry("attempt \(message.attempt)")
        case "late":  // well from this attempt on
            guard message.attempt >= (Int(words[1]) ?? 0) else { return .retry("attempt \(message.attempt)") }
        case "reject": return .reject("as it says")
        case "snooze":
            if self.snoozed.isNew(message.bodyText ?? "") { return .snooze(.seconds(Int(words[1]) ?? 0)) }
        case "astray": try context.publish(message.bodyBytes, routingKey: "nowhere")
        case "stop": return .stop("as it says")
        default: break
        }
        try context.publish(Array("did \(message.bodyText ?? "")".utf8), routingKey: self.to)
        return .ack
    }
}

/// What an instance has seen before.
final class Seen: Sendable {
    private let all = Mutex<Set<String>>([])
    func isNew(_ text: String) -> Bool { self.all.withLock { $0.insert(text).inserted } }
}

/// Waits until it is asked to end.
struct Endless: SyncJobHandler {
    init(_ options: HandlerOptions) {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        while !context.isCancelled {}
        return .ack
    }
}

/// Fails until a test lets it succeed.
struct Switched: SyncJobHandler {
    private let isOn: Switch

    init(_ options: HandlerOptions) { self.isOn = Switch() }
    init(_ isOn: Switch) { self.isOn = isOn }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        self.isOn.count()
        return self.isOn.value ? .ack : .retry("off")
    }
}

final class Switch: Sendable {
    private let state = Mutex((value: false, calls: 0))
    var value: Bool {
        get { self.state.withLock { $0.value } }
        set { self.state.withLock { $0.value = newValue } }
    }
    var calls: Int { self.state.withLock { $0.calls } }
    func count() { self.state.withLock { $0.calls += 1 } }
}

enum RunPlugin {
    static let plugin = MillracePlugin(
        name: "run",
        [.sync("run.obey", Obeying.self), .sync("run.endless", Endless.self)]
    )
    static var descriptor: PluginDescriptor { Self.plugin.descriptor }

    /// One job, `work`, on the queue `in`, with more lines for it; outputs go to `out`.
    static func file(_ more: String..., queues: String = "  in: {}\n  out: {}", rest: String = "") -> String {
        """
        version: 1
        connection: { uri: "amqp://nobody.invalid" }
        queues:
        \(queues)
        jobs:
          work:
            queue: in
            handler: run.obey
            with: { to: out }
        \(more.map { "    \($0)\n" }.joined())
        \(rest)
        """
    }
}

import AMQPClient
import MillraceHandler
import TestSupport

/// A batch handler that does what its messages say, and notes what it got.
///
/// A message is a number and words: `retry` and `requeue` the first time, `reject`, `lost` (its output has no queue),
/// `poison` (what it is in throws), `late` (waits until it should end), else it is acked. All but `mute` publish their
/// number.
struct ScriptedBatchHandler: BatchHandler {
    private static let notes = Monitor<[String: [[String]]]>([:])
    private let key: String
    private let output: String

    init(_ options: HandlerOptions) throws {
        self.key = try options.string("key")
        self.output = try options.string("output", default: "")
    }

    /// The batches so far, in their order; each message by its body.
    static func batches(_ key: String) -> [[String]] { Self.notes.withLock { $0[key] ?? [] } }

    /// Waits until so many messages were given out.
    static func wait(_ key: String, for count: Int) -> Bool {
        Self.notes.wait(until: MonotonicClock.deadline(in: Patience.long)) { notes -> Bool? in
            (notes[key] ?? []).joined().count >= count ? true : nil
        } ?? false
    }

    func handle(_ batch: borrowing MessageBatch, _ context: BatchContext) throws -> BatchVerdicts {
        var bodies: [String] = []
        for index in batch.indices { bodies.append(batch[index].bodyText ?? "?") }
        Self.notes.withLock { $0[self.key, default: []].append(bodies) }
        Self.notes.broadcast()
        for index in batch.indices where !self.output.isEmpty {
            let words = Self.words(bodies[index])
            let target = words.contains("lost") ? self.output + ".nowhere" : self.output
            try batch.context(at: index).publish(Array(words[0].utf8), routingKey: target)
        }
        guard !bodies.contains(where: { $0.contains("poison") }) else { throw Poisoned() }
        if bodies.contains(where: { $0.contains("late") }) {
            while !context.isCancelled { Busy.block(for: .milliseconds(1)) }
        }
        return batch.verdicts { message, _ in
            let words = Self.words(message.bodyText ?? "?")
            switch words.last {
            case "retry" where message.attempt == 1: return .retry("once more")
            case "requeue" where !message.redelivered: return .requeue
            case "reject": return .reject("not for us")
            default: return .ack
            }
        }
    }

    private static func words(_ body: String) -> [String] { body.split(separator: " ").map(String.init) }

    private struct Poisoned: Error, CustomStringConvertible {
        var description: String { "poisoned" }
    }
}

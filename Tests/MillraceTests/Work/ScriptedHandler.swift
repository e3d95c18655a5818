import CMillraceABI

@testable import Millrace

/// A handler that does what a test says, by the plugin ABI itself.
final class ScriptedHandler {
    /// What it says of a message at once, by its body; nil has it in hand.
    var answer: (String) -> millrace_outcome_kind? = { _ in MILLRACE_ACK }
    /// Bodies in the order in which they began; those that began together side by side.
    private(set) var begun: [[String]] = []
    private(set) var cancelled: [String] = []
    /// Told before the handler answers.
    var atBegin: (String) -> Void = { _ in }
    private var tokens: [String: OpaquePointer] = [:]
    private let descriptor = UnsafeMutablePointer<millrace_handler>.allocate(capacity: 1)
    private static let name: StaticString = "test.scripted"

    init() {
        self.descriptor.initialize(
            to: millrace_handler(
                size: MemoryLayout<millrace_handler>.size,
                name: UnsafeRawPointer(Self.name.utf8Start).assumingMemoryBound(to: CChar.self),
                flags: 0,
                context: Unmanaged.passUnretained(self).toOpaque(),
                make: { handler, _, _, _, instance, _ in
                    instance?.pointee = handler?.pointee.context
                    return 0
                },
                begin: { instance, message, token in
                    guard let message, let token else { return }
                    ScriptedHandler.of(instance)?.begin([(String(message.pointee.body), token)])
                },
                cancel: { instance, token in
                    guard let handler = ScriptedHandler.of(instance) else { return }
                    handler.cancelled += handler.tokens.filter { $0.value == token }.map(\.key)
                },
                drop: { _ in },
                begin_batch: { instance, messages, tokens, count in
                    guard let messages, let tokens else { return }
                    let all = (0..<count).compactMap { index -> (String, OpaquePointer)? in
                        guard let message = messages[index], let token = tokens[index] else { return nil }
                        return (String(message.pointee.body), token)
                    }
                    ScriptedHandler.of(instance)?.begin(all)
                }
            )
        )
    }

    deinit { self.descriptor.deallocate() }

    private static func of(_ instance: UnsafeMutableRawPointer?) -> ScriptedHandler? {
        instance.map { Unmanaged<ScriptedHandler>.fromOpaque($0).takeUnretainedValue() }
    }

    func entry(isAsync: Bool = false, isBatch: Bool = false) -> HandlerEntry {
        HandlerEntry(
            name: "test.scripted",
            isAsync: isAsync,
            isBatch: isBatch,
            descriptor: UnsafePointer(self.descriptor)
        )
    }

    private func begin(_ messages: [(body: String, token: OpaquePointer)]) {
        self.begun.append(messages.map(\.body))
        for (body, token) in messages {
            self.atBegin(body)
            self.tokens[body] = token
            if let kind = self.answer(body) { self.complete(body, kind) }
        }
    }

    func complete(_ body: String, _ kind: millrace_outcome_kind) {
        guard let token = self.tokens.removeValue(forKey: body) else { return }
        var outcome = millrace_outcome(
            size: MemoryLayout<millrace_outcome>.size,
            kind: kind.rawValue,
            delay_ns: 0,
            reason: millrace_bytes(data: nil, length: 0)
        )
        HostTable.pointer.pointee.complete(token, &outcome)
    }
}

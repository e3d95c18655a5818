import CMillraceABI

/// The same as ``Saying`` without the Swift library, as a plugin in C would be: `say.bare`.
///
/// `unknown` it completes with a kind that the ABI does not have.
enum SayingPlugin {
    // nonisolated(unsafe): laid out once, before anybody reads it.
    nonisolated(unsafe) static let descriptor: UnsafePointer<millrace_plugin_descriptor> = {
        let handler = UnsafeMutablePointer<millrace_handler>.allocate(capacity: 1)
        handler.initialize(
            to: millrace_handler(
                size: MemoryLayout<millrace_handler>.size,
                name: Self.name("say.bare"),
                flags: 0,
                context: nil,
                make: { _, host, _, _, instance, _ in
                    instance?.pointee = UnsafeMutableRawPointer(mutating: host)
                    return 0
                },
                begin: { instance, message, token in
                    guard let host = instance?.assumingMemoryBound(to: millrace_host.self), let message else { return }
                    SayingPlugin.complete(host.pointee, message.pointee, token)
                },
                cancel: nil,
                drop: { _ in },
                begin_batch: nil
            )
        )
        let handlers = UnsafeMutablePointer<UnsafePointer<millrace_handler>?>.allocate(capacity: 1)
        handlers.initialize(to: UnsafePointer(handler))
        let plugin = UnsafeMutablePointer<millrace_plugin_descriptor>.allocate(capacity: 1)
        plugin.initialize(
            to: millrace_plugin_descriptor(
                size: MemoryLayout<millrace_plugin_descriptor>.size,
                abi_version: UInt32(MILLRACE_ABI_VERSION),
                name: Self.name("saying"),
                built_with: nil,
                handler_count: 1,
                handlers: UnsafePointer(handlers)
            )
        )
        return UnsafePointer(plugin)
    }()

    private static func complete(_ host: millrace_host, _ message: millrace_message, _ token: OpaquePointer?) {
        let text = String(
            decoding: UnsafeBufferPointer(start: message.body.data, count: message.body.length),
            as: UTF8.self
        )
        let isFirst = message.attempt == 1 && message.redelivered == 0 && !Self.hasWaited(host, token)
        var outcome = millrace_outcome()
        outcome.size = MemoryLayout<millrace_outcome>.size
        outcome.delay_ns = text == "snooze" ? 20_000_000 : 0
        outcome.kind = Self.kind(text, isFirst)
        var reason = Array("says \(text)".utf8)
        reason.withUnsafeMutableBufferPointer { octets in
            outcome.reason = millrace_bytes(data: octets.baseAddress, length: octets.count)
            host.complete(token, &outcome)
        }
    }

    private static func kind(_ text: String, _ isFirst: Bool) -> UInt32 {
        switch text {
        case "reject": MILLRACE_REJECT.rawValue
        case "discard": MILLRACE_DISCARD.rawValue
        case "unknown": 99
        case _ where !isFirst: MILLRACE_ACK.rawValue
        case "stop": MILLRACE_STOP.rawValue
        case "retry": MILLRACE_RETRY.rawValue
        case "alone": MILLRACE_ALONE.rawValue
        case "requeue": MILLRACE_REQUEUE.rawValue
        case "snooze": MILLRACE_SNOOZE.rawValue
        default: MILLRACE_ACK.rawValue
        }
    }

    /// A snoozed copy carries where it came from.
    private static func hasWaited(_ host: millrace_host, _ token: OpaquePointer?) -> Bool {
        var value = millrace_value()
        value.size = MemoryLayout<millrace_value>.size
        let key: StaticString = "millrace-routing-key"
        host.header(token, millrace_bytes(data: key.utf8Start, length: key.utf8CodeUnitCount), &value)
        return value.kind != MILLRACE_NONE.rawValue
    }

    private static func name(_ text: StaticString) -> UnsafePointer<CChar> {
        UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
    }
}

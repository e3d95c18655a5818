import CMillraceABI

/// Batch handlers as a careless C programmer writes them.
enum CarelessBatchPlugin {
    /// `tests.forgetful` completes every other message, `tests.lonely` wants each alone, and alone wants it again.
    // nonisolated(unsafe): laid out once, before anybody reads it.
    nonisolated(unsafe) static let descriptor: UnsafePointer<millrace_plugin_descriptor> = {
        let handlers = UnsafeMutablePointer<UnsafePointer<millrace_handler>?>.allocate(capacity: 2)
        handlers.initialize(
            to: Self.handler("tests.forgetful") { instance, messages, tokens, count in
                guard let tokens else { return }
                for index in stride(from: 0, to: count, by: 2) {
                    CarelessBatchPlugin.complete(instance, tokens[index], MILLRACE_ACK)
                }
            }
        )
        (handlers + 1).initialize(
            to: Self.handler("tests.lonely") { instance, messages, tokens, count in
                guard let tokens else { return }
                for index in 0..<count { CarelessBatchPlugin.complete(instance, tokens[index], MILLRACE_ALONE) }
            }
        )
        let plugin = UnsafeMutablePointer<millrace_plugin_descriptor>.allocate(capacity: 1)
        plugin.initialize(
            to: millrace_plugin_descriptor(
                size: MemoryLayout<millrace_plugin_descriptor>.size,
                abi_version: UInt32(MILLRACE_ABI_VERSION),
                name: Self.name("careless"),
                built_with: nil,
                handler_count: 2,
                handlers: UnsafePointer(handlers)
            )
        )
        return UnsafePointer(plugin)
    }()

    private typealias BeginBatch =
        @convention(c) (
            UnsafeMutableRawPointer?, UnsafePointer<UnsafePointer<millrace_message>?>?, UnsafePointer<OpaquePointer?>?,
            Int
        ) -> Void

    private static func handler(_ name: StaticString, _ beginBatch: BeginBatch) -> UnsafePointer<millrace_handler> {
        let handler = UnsafeMutablePointer<millrace_handler>.allocate(capacity: 1)
        handler.initialize(
            to: millrace_handler(
                size: MemoryLayout<millrace_handler>.size,
                name: Self.name(name),
                flags: UInt32(MILLRACE_HANDLER_BATCH),
                context: nil,
                make: { _, host, _, _, instance, _ in
                    instance?.pointee = UnsafeMutableRawPointer(mutating: host)
                    return 0
                },
                begin: { instance, _, token in CarelessBatchPlugin.complete(instance, token, MILLRACE_ALONE) },
                cancel: nil,
                drop: { _ in },
                begin_batch: beginBatch
            )
        )
        return UnsafePointer(handler)
    }

    private static func complete(
        _ instance: UnsafeMutableRawPointer?,
        _ token: OpaquePointer?,
        _ kind: millrace_outcome_kind
    ) {
        guard let host = instance?.assumingMemoryBound(to: millrace_host.self) else { return }
        var outcome = millrace_outcome()
        outcome.size = MemoryLayout<millrace_outcome>.size
        outcome.kind = kind.rawValue
        host.pointee.complete(token, &outcome)
    }

    private static func name(_ text: StaticString) -> UnsafePointer<CChar> {
        UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
    }
}

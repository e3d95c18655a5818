import CMillraceABI

extension HandlerDefinition {
    /// A handler that gets several messages at once; the plugin's middleware does not run around it.
    ///
    /// - Parameters:
    ///   - name: `plugin.handler`, as jobs.yaml says it.
    ///   - type: Made once per worker thread.
    /// - Returns: The definition, for ``MillracePlugin/init(name:middleware:_:)``.
    public static func batch<H: BatchHandler>(_ name: String, _ type: H.Type) -> HandlerDefinition {
        HandlerDefinition(name: name) { _ in
            (UInt32(MILLRACE_HANDLER_BATCH), { BatchHandlerBox(try H($0), host: $1, worker: $2) })
        }
    }
}

extension HandlerBox {
    typealias BeginBatch =
        @convention(c) (
            UnsafeMutableRawPointer?, UnsafePointer<UnsafePointer<millrace_message>?>?, UnsafePointer<OpaquePointer?>?,
            Int
        ) -> Void

    /// The ABI's `begin_batch`.
    static let beginBatch: BeginBatch = { instance, messages, tokens, count in
        guard let instance, let deliveries = BatchInHand(messages, tokens, count) else { return }
        Unmanaged<HandlerBox>.fromOpaque(instance).takeUnretainedValue().beginBatch(deliveries)
    }
}

/// Runs a batch to its end within `begin_batch`, and a message that is alone within `begin`.
final class BatchHandlerBox<H: BatchHandler>: HandlerBox {
    private let handler: H

    init(_ handler: H, host: UnsafePointer<millrace_host>, worker: OpaquePointer?) {
        self.handler = handler
        super.init(host: host, worker: worker)
    }

    override func begin(_ message: UnsafePointer<millrace_message>, _ token: OpaquePointer) {
        withUnsafePointer(to: Optional(message)) { message in
            withUnsafePointer(to: Optional(token)) { token in
                guard let deliveries = BatchInHand(message, token, 1) else { return }
                self.beginBatch(deliveries)
            }
        }
    }

    override func beginBatch(_ deliveries: BatchInHand) {
        let batch = MessageBatch(deliveries, host: self.host, worker: self.worker)
        let context = BatchContext(host: self.host, worker: self.worker, token: deliveries[0].token)
        let verdicts: BatchVerdicts
        do {
            verdicts = try self.handler.handle(batch, context)
        } catch {
            return self.fail(deliveries, error)
        }
        // A sheet of another batch says nothing about this one.
        let isOurs = verdicts.count == deliveries.count
        for index in 0..<deliveries.count {
            let outcome = isOurs ? verdicts[index] : nil
            self.complete(deliveries[index].token, outcome ?? .retry("the handler gave no verdict for this message"))
        }
    }

    private func fail(_ deliveries: BatchInHand, _ error: any Error) {
        if deliveries.count == 1 { return self.complete(deliveries[0].token, Outcome(thrown: error)) }
        "\(error)".withABI { reason in
            var outcome = millrace_outcome()
            outcome.size = MemoryLayout<millrace_outcome>.size
            outcome.kind = MILLRACE_ALONE.rawValue
            outcome.reason = reason
            for index in 0..<deliveries.count { self.host.pointee.complete(deliveries[index].token, &outcome) }
        }
    }
}

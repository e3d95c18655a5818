import CMillraceABI

extension HandlerDefinition {
    /// A handler that gets several messages at once; middleware runs around each batch.
    ///
    /// - Parameters:
    ///   - name: `plugin.handler`, as jobs.yaml says it.
    ///   - type: Made once per worker thread.
    /// - Returns: The definition, for ``MillracePlugin/init(name:middleware:_:)``. If a middleware of the plugin is no
    ///   ``BatchMiddleware``, no instance is made and the job fails with that reason.
    public static func batch<H: BatchHandler>(_ name: String, _ type: H.Type) -> HandlerDefinition {
        .batch(name, making: { try H($0) })
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
    private let middleware: [any BatchMiddleware]

    init(
        _ handler: H,
        _ middleware: [any BatchMiddleware],
        host: UnsafePointer<millrace_host>,
        worker: OpaquePointer?
    ) {
        self.handler = handler
        self.middleware = middleware
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
            verdicts = try BatchNext(box: self, index: 0)(batch, context)
        } catch {
            return self.fail(deliveries, error)
        }
        for (index, outcome) in verdicts.settled.enumerated() { self.complete(deliveries[index].token, outcome) }
    }

    override func stepBatch(
        _ index: Int,
        _ batch: borrowing MessageBatch,
        _ context: BatchContext
    ) throws -> BatchVerdicts {
        guard index < self.middleware.count else { return try self.handler.handle(batch, context) }
        return try self.middleware[index].aroundBatch(batch, context, BatchNext(box: self, index: index + 1))
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

import CMillraceABI

/// One handler instance behind the ABI's `instance` pointer.
class HandlerBox {
    let host: UnsafePointer<millrace_host>
    let worker: OpaquePointer?

    init(host: UnsafePointer<millrace_host>, worker: OpaquePointer?) {
        self.host = host
        self.worker = worker
    }

    func begin(_ message: UnsafePointer<millrace_message>, _ token: OpaquePointer) {}
    func beginBatch(_ deliveries: BatchInHand) {}
    func cancel(_ token: OpaquePointer) {}

    /// Runs the middleware from `index` on, then the handler.
    func step(_ index: Int, _ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        .stop("this handler does not wait")
    }

    /// Like `step`, where nothing waits.
    func stepSync(_ index: Int, _ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        .stop("this handler waits")
    }

    /// Like `step`, around a batch.
    func stepBatch(
        _ index: Int,
        _ batch: borrowing MessageBatch,
        _ context: BatchContext
    ) throws -> BatchVerdicts {
        batch.all(.stop("this handler takes no batches"))
    }

    /// Hands an outcome to the host, which ends the delivery.
    @inline(__always)
    final func complete(_ token: OpaquePointer, _ outcome: Outcome) {
        var result = millrace_outcome()
        result.size = MemoryLayout<millrace_outcome>.size
        switch outcome {
        case .ack:
            result.kind = MILLRACE_ACK.rawValue
            self.host.pointee.complete(token, &result)
        case .requeue:
            result.kind = MILLRACE_REQUEUE.rawValue
            self.host.pointee.complete(token, &result)
        case .snooze(let delay):
            result.kind = MILLRACE_SNOOZE.rawValue
            result.delay_ns = Self.nanoseconds(delay)
            self.host.pointee.complete(token, &result)
        case .retry(let reason): self.complete(token, MILLRACE_RETRY, reason, &result)
        case .reject(let reason): self.complete(token, MILLRACE_REJECT, reason, &result)
        case .discard(let reason): self.complete(token, MILLRACE_DISCARD, reason, &result)
        case .stop(let reason): self.complete(token, MILLRACE_STOP, reason, &result)
        }
    }

    /// 0 for what lies in the past, and the most there is for more than 584 years.
    private static func nanoseconds(_ delay: Duration) -> UInt64 {
        let (seconds, attoseconds) = delay.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, isTooMuch) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isTooMuchStill) = product.addingReportingOverflow(UInt64(attoseconds) / 1_000_000_000)
        return isTooMuch || isTooMuchStill ? .max : sum
    }

    private final func complete(
        _ token: OpaquePointer,
        _ kind: millrace_outcome_kind,
        _ reason: String,
        _ result: inout millrace_outcome
    ) {
        result.kind = kind.rawValue
        reason.withABI { text in
            result.reason = text
            self.host.pointee.complete(token, &result)
        }
    }

    @inline(__always)
    final func context(_ token: OpaquePointer) -> JobContext {
        JobContext(host: self.host, worker: self.worker, token: token)
    }
}

/// Runs a handler to its end within `begin`.
final class SyncHandlerBox<H: SyncJobHandler>: HandlerBox {
    private let handler: H

    init(_ handler: H, host: UnsafePointer<millrace_host>, worker: OpaquePointer?) {
        self.handler = handler
        super.init(host: host, worker: worker)
    }

    override func begin(_ message: UnsafePointer<millrace_message>, _ token: OpaquePointer) {
        let borrowed = Message(message.pointee, TokenReader(host: self.host, token: token))
        do {
            self.complete(token, try self.handler.handle(borrowed, self.context(token)))
        } catch {
            self.complete(token, Outcome(thrown: error))
        }
    }
}

/// Runs a handler to its end within `begin`, with middleware around it.
///
/// A class of its own, so that a handler without middleware pays nothing for it.
final class WrappedSyncHandlerBox<H: SyncJobHandler>: HandlerBox {
    private let handler: H
    private let middleware: [any SyncMiddleware]

    init(
        _ handler: H,
        _ middleware: [any SyncMiddleware],
        host: UnsafePointer<millrace_host>,
        worker: OpaquePointer?
    ) {
        self.handler = handler
        self.middleware = middleware
        super.init(host: host, worker: worker)
    }

    override func begin(_ message: UnsafePointer<millrace_message>, _ token: OpaquePointer) {
        let borrowed = Message(message.pointee, TokenReader(host: self.host, token: token))
        do {
            self.complete(token, try self.stepSync(0, borrowed, self.context(token)))
        } catch {
            self.complete(token, Outcome(thrown: error))
        }
    }

    override func stepSync(_ index: Int, _ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        guard index < self.middleware.count else { return try self.handler.handle(message, context) }
        return try self.middleware[index].aroundSync(message, context, SyncNext(box: self, index: index + 1))
    }
}

/// A handler that does not wait, among middleware that may.
struct AwaitedHandler<H: SyncJobHandler>: JobHandler {
    private let handler: H

    init(_ handler: H) { self.handler = handler }
    init(_ options: HandlerOptions) throws { self.handler = try H(options) }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        try self.handler.handle(message, context)
    }
}

/// Runs a handler as a task whose every step runs on the worker's thread.
// @unchecked Sendable: the box, its handler and its tasks are touched on the worker's thread alone, because the
// executor gives every step to the host's `schedule`.
final class AsyncHandlerBox<H: JobHandler>: HandlerBox, @unchecked Sendable {
    private let handler: H
    private let middleware: [any Middleware]
    private let executor: WorkerExecutor
    private var tasks: [OpaquePointer: Task<Void, Never>] = [:]

    init(
        _ handler: H,
        _ middleware: [any Middleware],
        host: UnsafePointer<millrace_host>,
        worker: OpaquePointer?
    ) {
        self.handler = handler
        self.middleware = middleware
        self.executor = WorkerExecutor(host: host, worker: worker)
        super.init(host: host, worker: worker)
    }

    override func begin(_ message: UnsafePointer<millrace_message>, _ token: OpaquePointer) {
        let delivery = DeliveryInHand(message: message.pointee, token: token)
        self.tasks[token] = Task(executorPreference: self.executor) { await self.run(delivery) }
    }

    override func cancel(_ token: OpaquePointer) { self.tasks[token]?.cancel() }

    override func step(_ index: Int, _ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        guard index < self.middleware.count else { return try await self.handler.handle(message, context) }
        return try await self.middleware[index].around(message, context, Next(box: self, index: index + 1))
    }

    private func run(_ delivery: DeliveryInHand) async {
        let token = delivery.token
        let message = Message(delivery.message, TokenReader(host: self.host, token: token))
        let outcome: Outcome
        do {
            outcome = try await self.step(0, message, self.context(token))
        } catch {
            outcome = Outcome(thrown: error)
        }
        // First: the host may give the token to the next delivery as soon as this one is complete.
        self.tasks[token] = nil
        self.complete(token, outcome)
    }
}

/// A delivery on its way into its task.
// @unchecked Sendable: the host keeps the memory until the token is completed, on the same thread.
private struct DeliveryInHand: @unchecked Sendable {
    let message: millrace_message
    let token: OpaquePointer
}

public import MillraceHandler

/// Handlers that are a closure: for the tests of middleware, and of functions that take a `Message` or a `JobContext`.
extension JobTester {
    /// Makes a handler of a closure that never waits.
    ///
    ///     let tester = try await JobTester(middleware: [TenantMiddleware()]) { message, context in .ack }
    ///
    /// - Parameters:
    ///   - middleware: Around the closure, the first outermost.
    ///   - job: The job's name.
    ///   - handle: What the handler does.
    /// - Throws: ``JobTesterError`` if there is no thread to run it on.
    public convenience init(
        middleware: [any Middleware] = [],
        job: String = "test",
        handling handle: @escaping @Sendable (borrowing Message, JobContext) throws -> Outcome
    ) async throws(JobTesterError) {
        let definition = HandlerDefinition.sync("test.closure", making: { _ in SyncClosure(handle) })
        try await self.init(definition, middleware: middleware, job: job)
    }

    /// Makes a handler of a closure that may wait; see ``init(middleware:job:handling:)``.
    public convenience init(
        middleware: [any Middleware] = [],
        job: String = "test",
        awaiting handle: @escaping @Sendable (borrowing Message, JobContext) async throws -> Outcome
    ) async throws(JobTesterError) {
        let definition = HandlerDefinition.async("test.closure", making: { _ in AsyncClosure(handle) })
        try await self.init(definition, middleware: middleware, job: job)
    }
}

private struct SyncClosure: SyncJobHandler {
    private let body: @Sendable (borrowing Message, JobContext) throws -> Outcome

    init(_ body: @escaping @Sendable (borrowing Message, JobContext) throws -> Outcome) { self.body = body }
    init(_ options: HandlerOptions) { self.body = { _, _ in .ack } }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        try self.body(message, context)
    }
}

private struct AsyncClosure: JobHandler {
    private let body: @Sendable (borrowing Message, JobContext) async throws -> Outcome

    init(_ body: @escaping @Sendable (borrowing Message, JobContext) async throws -> Outcome) { self.body = body }
    init(_ options: HandlerOptions) { self.body = { _, _ in .ack } }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        try await self.body(message, context)
    }
}

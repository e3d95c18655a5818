public import MillraceHandler

/// A handler in a test: made, run and dropped as a supervisor does it, without a broker.
///
/// It stands behind the plugin interface as the supervisor does: the handler is made on a thread of its own by its
/// plugin's descriptor, every message goes through all of the middleware, and an `async` handler runs on that thread
/// alone. What it publishes, logs and counts is recorded.
///
///     let tester = try await JobTester(Greeting.self, options: ["routing_key": "greetings"])
///     let result = try await tester.run("Ada")
///     #expect(result.outcome == .ack)
///     #expect(result.outputs.map(\.bodyText) == ["hello, Ada"])
///
/// A tester has one instance of the handler and gives it one run after another, so it shows what an instance keeps between
/// messages. Instances of their own have testers of their own. What becomes of a message after its outcome, such as the wait
/// before the next attempt, is the supervisor's and no part of this: ``TestMessage/attempt`` says which one it is.
public final class JobTester: Sendable {
    private let worker: TestWorker

    /// Makes the handler of a plugin, with the plugin's middleware.
    ///
    /// - Parameters:
    ///   - plugin: What the plugin's `millrace_plugin` returns; a test calls that function itself.
    ///   - handler: Its name, as the job file says it: `greetings.hello`.
    ///   - options: The job's `with:` block.
    ///   - job: The job's name.
    /// - Throws: ``JobTesterError`` if there is no such handler, or if it can not work with the options; its own words.
    public convenience init(
        plugin: PluginDescriptor,
        handler: String,
        options: HandlerOptions = [:],
        job: String = "test"
    ) async throws(JobTesterError) {
        try await self.init(try TestedHandler(handler, of: plugin), options, job)
    }

    /// Makes a handler as a plugin would define it, also with a closure that hands it the doubles of a test.
    ///
    ///     try await JobTester(.sync("greetings.hello", making: { try Greeting($0, clock: clock) }))
    ///
    /// - Parameters:
    ///   - definition: The handler, and middleware of its own.
    ///   - options: The job's `with:` block.
    ///   - middleware: Around the handler, the first outermost.
    ///   - job: The job's name.
    /// - Throws: ``JobTesterError`` if it can not work with the options; its own words.
    public convenience init(
        _ definition: HandlerDefinition,
        options: HandlerOptions = [:],
        middleware: [any Middleware] = [],
        job: String = "test"
    ) async throws(JobTesterError) {
        let plugin = MillracePlugin(name: "test", middleware: middleware, [definition])
        try await self.init(try TestedHandler(nil, of: plugin.descriptor), options, job)
    }

    private init(_ handler: TestedHandler, _ options: HandlerOptions, _ job: String) async throws(JobTesterError) {
        self.worker = try await TestWorker.start(handler, options: options.json, job: job)
    }

    deinit { self.worker.close() }

    /// Handles one message; with a `BatchHandler`, a batch of one.
    ///
    /// - Parameters:
    ///   - message: What comes in.
    ///   - ending: Whether, and when, the handler is asked to end early.
    ///   - limit: How long the test waits for it.
    /// - Returns: The outcome, and all that the handler did.
    /// - Throws: ``JobTesterError``; never what the handler throws, which is an outcome.
    public func run(
        _ message: TestMessage,
        ending: EarlyEnd = .never,
        limit: Duration = .seconds(60)
    ) async throws(JobTesterError) -> JobResult {
        let results = try await self.run([message], ending: ending, limit: limit)
        return JobResult(results.messages[0], results)
    }

    /// Handles several messages: a `BatchHandler` gets them as one batch, a handler that waits has all in hand at once,
    /// and one that does not gets one after another.
    ///
    /// A batch that fails as a whole is handled again one by one, as the supervisor does; ``JobResults/failure`` says why.
    ///
    /// - Parameters:
    ///   - messages: What comes in, in this order.
    ///   - ending: Whether, and when, the handler is asked to end early, for all of them.
    ///   - limit: How long the test waits.
    /// - Returns: What became of each, in the same order.
    /// - Throws: ``JobTesterError``; never what the handler throws.
    public func run(
        _ messages: [TestMessage],
        ending: EarlyEnd = .never,
        limit: Duration = .seconds(60)
    ) async throws(JobTesterError) -> JobResults {
        for message in messages {
            if let flaw = message.flaw { throw JobTesterError(.impossibleMessage(flaw)) }
        }
        let worker = self.worker
        let reply = worker.enqueue(messages, ending)
        // A test that is cancelled, at its time limit for instance, is a supervisor that stops.
        let result = await withTaskCancellationHandler {
            await reply.result(limit: limit)
        } onCancel: {
            worker.endEarly()
        }
        return try result.get()
    }

    /// Asks what is in hand to end early, as the supervisor does at a job's timeout or when it stops.
    ///
    /// Does nothing when nothing is in hand: wait until the handler has begun. ``EarlyEnd`` needs no such care.
    public func endEarly() { self.worker.endEarly() }
}

extension JobTester {
    /// Makes a handler that never waits.
    public convenience init<H: SyncJobHandler>(
        _ type: H.Type,
        options: HandlerOptions = [:],
        middleware: [any Middleware] = [],
        job: String = "test"
    ) async throws(JobTesterError) {
        try await self.init(.sync("test.\(type)", type), options: options, middleware: middleware, job: job)
    }

    /// Makes a handler that may wait.
    public convenience init<H: JobHandler>(
        _ type: H.Type,
        options: HandlerOptions = [:],
        middleware: [any Middleware] = [],
        job: String = "test"
    ) async throws(JobTesterError) {
        try await self.init(.async("test.\(type)", type), options: options, middleware: middleware, job: job)
    }

    /// Makes a handler of JSON values that never waits.
    public convenience init<H: SyncTypedJobHandler>(
        _ type: H.Type,
        options: HandlerOptions = [:],
        middleware: [any Middleware] = [],
        job: String = "test"
    ) async throws(JobTesterError) {
        try await self.init(.sync("test.\(type)", type), options: options, middleware: middleware, job: job)
    }

    /// Makes a handler of JSON values that may wait.
    public convenience init<H: TypedJobHandler>(
        _ type: H.Type,
        options: HandlerOptions = [:],
        middleware: [any Middleware] = [],
        job: String = "test"
    ) async throws(JobTesterError) {
        try await self.init(.async("test.\(type)", type), options: options, middleware: middleware, job: job)
    }

    /// Makes a handler that gets several messages at once.
    public convenience init<H: BatchHandler>(
        _ type: H.Type,
        options: HandlerOptions = [:],
        middleware: [any Middleware] = [],
        job: String = "test"
    ) async throws(JobTesterError) {
        try await self.init(.batch("test.\(type)", type), options: options, middleware: middleware, job: job)
    }
}

import AMQPBrokerServer
public import Millrace
public import MillraceHandler

/// A whole job file at work: its supervisor, and a broker of its own, in the process of the test.
///
///     let run = try await TestRun(file: "jobs.yaml", plugins: [millracePlugin()])
///     try await run.publish("orders", json: Order(id: 7), id: "o-7")
///     try await run.settle()
///     #expect(try await run.queue("invoices").messages.map(\.bodyText) == ["invoice 7"])
///
/// The supervisor is the real one, with its threads and its connection; the broker is the embedded one, on a loopback port that
/// nobody else knows. The time by which messages wait, jobs are held and schedules tick is real time on which the run jumps
/// ahead, so that an hour of retries takes no longer than what is done in it. Runs know nothing of each other: as many as one
/// likes may be under way. A run ends with its last reference, or by ``stop()``, which waits for that.
public final class TestRun: Sendable {
    /// The job file, as it runs.
    public let file: JobFile
    let server: BrokerServer
    let clock: JobClock
    let record: RunRecord
    let signal: ChangeSignal
    let supervisor: Supervisor
    private let thread: SupervisorThread

    /// Reads a job file and runs its jobs; returns when they consume.
    ///
    /// Of the file's `connection` only `publishing` counts, and `control`, `admin` and `crash_ledger` do not.
    ///
    /// - Parameters:
    ///   - path: The job file.
    ///   - plugins: Handlers that are linked into the test, by the functions that plugins export. With none the file's plugins are
    ///     loaded.
    ///   - environment: What `${VAR}` in the file stands for, before the variables of the process.
    ///   - like: The release of RabbitMQ that the broker behaves as.
    /// - Throws: `JobFileError` or `PluginError` for the file; ``TestRunError`` for a job that does not start.
    public convenience init(
        file path: String,
        plugins: [PluginDescriptor] = [],
        environment: [String: String] = [:],
        like: BrokerRelease = .rabbitMQ40
    ) async throws {
        self.init(try await RunParts.start(try TestedFile(path: path, plugins, environment), like))
        try await self.begin()
    }

    /// The same for the text of a job file.
    public convenience init(
        yaml text: String,
        plugins: [PluginDescriptor] = [],
        environment: [String: String] = [:],
        like: BrokerRelease = .rabbitMQ40
    ) async throws {
        self.init(try await RunParts.start(try TestedFile(text: text, plugins, environment), like))
        try await self.begin()
    }

    private init(_ parts: RunParts) {
        (self.file, self.server, self.clock) = (parts.file, parts.server, parts.clock)
        (self.record, self.signal) = (parts.record, parts.signal)
        (self.supervisor, self.thread) = (parts.supervisor, parts.thread)
    }

    private func begin() async throws {
        do {
            try await self.awaitStart()
        } catch {
            await self.stop()
            throw error
        }
    }

    deinit {
        let (supervisor, thread, server) = (self.supervisor, self.thread, self.server)
        supervisor.stop()
        Task {
            await thread.end()
            await server.stop()
        }
    }

    /// Ends the run as SIGTERM does: what handlers have in hand is finished first.
    public func stop() async {
        self.supervisor.stop()
        await self.thread.end()
        await self.server.stop()
    }

    /// How the supervisor stands now.
    public var status: SupervisorStatus { self.supervisor.status }

    /// The port of the broker, for clients of the test's own: user and password are `guest`.
    public var port: Int { self.server.port }
}

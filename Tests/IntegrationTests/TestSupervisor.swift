import AMQPClient
import CMillraceABI
import Logging
import Millrace
import TestSupport
import Testing

/// A supervisor in this process, with handlers linked in, whose status can be waited for.
final class TestSupervisor: Sendable {
    private let supervisor: Supervisor
    private let latest: Monitor<[JobStatus]>
    private let scratch: Scratch

    init(
        _ file: JobFile,
        _ plugins: [UnsafePointer<millrace_plugin_descriptor>],
        once: Bool = false,
        delays: DelaySettings = DelaySettings(),
        startThread: @escaping ThreadStart = WorkerThread.start,
        renewConnection: (@Sendable () -> ConnectionSettings?)? = nil,
        // Scripted peers know what is asked of them.
        consumerCheck: Duration? = nil,
        consumeTimeout: Duration = .seconds(30),
        backlogInterval: Duration = .milliseconds(200),
        load: (@Sendable (String) -> Result<LoadedFile, LoadFailure>)? = nil,
        answerPatience: Duration = .seconds(120),
        logger: Logger = Broker.quiet
    ) throws {
        var registry = PluginRegistry()
        for plugin in plugins { try registry.add(linkedIn: plugin) }
        // What is waited for may be asked of the supervisor, which has locks of its own.
        let latest = Monitor<[JobStatus]>([], level: .outermost)
        self.latest = latest
        // A run's ledger is its own: one that another left behind would have suspects in it.
        self.scratch = try Scratch()
        var file = file
        if file.crashLedger?.path == nil { file.crashLedger?.path = self.scratch.path + "/jobs.ledger" }
        // A busy machine takes longer to log in than whoever gives up at the first try waits.
        if file.connection.connectTimeout == .seconds(10) { file.connection.connectTimeout = Patience.long }
        var options = SupervisorOptions(
            once: once,
            statusInterval: .milliseconds(20),
            consumeTimeout: consumeTimeout
        )
        options.delays = delays
        options.backlogInterval = backlogInterval
        options.load = load
        options.answerPatience = answerPatience
        options.consumerCheckInterval = consumerCheck
        options.startThread = startThread
        options.renewConnection = renewConnection
        self.supervisor = try Supervisor(
            file: file,
            registry: registry,
            options: options,
            logger: logger,
            onStatus: { status in
                latest.withLock { $0 = status.jobs }
                latest.broadcast()
            }
        )
    }

    func run() -> Millrace.ExitStatus { self.supervisor.run() }
    func stop() { self.supervisor.stop() }

    /// Runs until it ends by itself; one that does not is stopped.
    ///
    /// - Returns: How it ended; nil if it had to be stopped.
    /// - Throws: If there is no thread to be had.
    func runToEnd() throws -> Millrace.ExitStatus? {
        let ended = Monitor<Millrace.ExitStatus?>(nil)
        let thread = try WorkerThread.start(name: "supervisor") {
            let status = self.run()
            ended.withLock { $0 = status }
            ended.broadcast()
        }
        let status = ended.wait(until: MonotonicClock.deadline(in: Patience.long)) { $0 }
        if status == nil { self.stop() }
        thread.join()
        return status
    }
    func askLater(_ command: Command, _ reply: @escaping @Sendable (CommandReply) -> Void) {
        self.supervisor.ask(command, reply: reply)
    }
    /// Asks for something and waits for the answer.
    func ask(_ command: Command) -> CommandReply? {
        let reply = Monitor<CommandReply?>(nil)
        self.supervisor.ask(command) { answer in
            reply.withLock { $0 = answer }
            reply.broadcast()
        }
        return reply.wait(until: MonotonicClock.deadline(in: Patience.long)) { $0 }
    }
    var status: [JobStatus] { self.supervisor.status.jobs }
    var readiness: Readiness { self.supervisor.readiness }
    /// Of the first job.
    var counts: JobCounts { self.status.first?.counts ?? JobCounts() }

    func plan(_ loaded: LoadedFile) -> ReloadPlan { self.supervisor.plan(loaded) }
    func router() -> ControlRouter { ControlRouter(self.supervisor, build: "test") }

    /// Waits until the jobs are as wanted.
    func waitForJobs(_ isDone: ([JobStatus]) -> Bool) -> Bool {
        self.latest.wait(until: MonotonicClock.deadline(in: Patience.long)) { isDone($0) ? true : nil } ?? false
    }

    /// Waits until a job, the first unless told, is so far.
    func wait(job index: Int = 0, _ isDone: (JobStatus) -> Bool) -> Bool {
        self.latest.wait(until: MonotonicClock.deadline(in: Patience.long)) { jobs -> Bool? in
            guard jobs.indices.contains(index), isDone(jobs[index]) else { return nil }
            return true
        } ?? false
    }

    /// Runs while `body` does, then drains; gives how it ended.
    @discardableResult
    func whileRunning(_ body: () throws -> Void) throws -> Millrace.ExitStatus {
        let ended = Monitor<Millrace.ExitStatus?>(nil)
        let thread = try WorkerThread.start(name: "supervisor") {
            let status = self.run()
            ended.withLock { $0 = status }
        }
        do {
            defer {
                self.stop()
                thread.join()
            }
            try body()
        }
        return try #require(ended.withLock { $0 })
    }
}

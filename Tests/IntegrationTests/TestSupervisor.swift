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

    init(
        _ file: JobFile,
        _ plugins: [UnsafePointer<millrace_plugin_descriptor>],
        once: Bool = false,
        logger: Logger = Broker.quiet
    ) throws {
        var registry = PluginRegistry()
        for plugin in plugins { try registry.add(linkedIn: plugin) }
        let latest = Monitor<[JobStatus]>([])
        self.latest = latest
        self.supervisor = try Supervisor(
            file: file,
            registry: registry,
            options: SupervisorOptions(once: once, statusInterval: .milliseconds(20)),
            logger: logger,
            onStatus: { jobs in
                latest.withLock { $0 = jobs }
                latest.broadcast()
            }
        )
    }

    func run() -> Millrace.ExitStatus { self.supervisor.run() }
    func stop() { self.supervisor.stop() }
    var status: [JobStatus] { self.supervisor.status }
    var readiness: Readiness { self.supervisor.readiness }
    /// Of the first job.
    var counts: JobCounts { self.status.first?.counts ?? JobCounts() }

    /// Waits until a job, the first unless told, is so far.
    func wait(job index: Int = 0, _ isDone: (JobStatus) -> Bool) -> Bool {
        self.latest.wait(until: MonotonicClock.deadline(in: .seconds(60))) { jobs -> Bool? in
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

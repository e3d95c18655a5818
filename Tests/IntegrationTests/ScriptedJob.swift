import AMQPClient
import AMQPWire
import CMillraceABI
import Logging
import Millrace
import TestSupport
import Testing

/// A supervisor with one job, `work` on queue `q`, against a scripted broker.
enum ScriptedJob {
    /// - Parameters:
    ///   - job: What the job has beside its queue.
    ///   - top: More of the file's top level.
    ///   - plugin: Has its handler.
    ///   - once: As `--once`.
    ///   - answerPatience: How long what is published may wait for its answer.
    ///   - logger: Gets what the supervisor says.
    ///   - status: How it has to end; nil for any end.
    ///   - answer: The broker; its second argument drains the supervisor: called again, it does not end it at once.
    /// - Returns: The job's counts at the end.
    /// - Throws: What `answer` throws.
    static func run(
        _ job: String,
        top: String = "",
        plugin: UnsafePointer<millrace_plugin_descriptor>,
        once: Bool = false,
        answerPatience: Duration = .seconds(120),
        logger: Logger = Broker.quiet,
        endsAs status: Millrace.ExitStatus? = .clean,
        _ answer: @escaping @Sendable (ScriptedPeer, _ stop: () -> Void) throws -> Void
    ) throws -> JobCounts {
        let running = Monitor<TestSupervisor?>(nil)
        let hasStopped = Monitor(false)
        let stop: @Sendable () -> Void = {
            let supervisor = running.withLock { $0 }
            let isFirst = hasStopped.withLock { hasStopped in
                defer { hasStopped = hasStopped || supervisor != nil }
                return !hasStopped
            }
            if isFirst { supervisor?.stop() }
        }
        return try PeerListener.run { peer in
            do {
                try answer(peer, stop)
            } catch {
                running.withLock { $0 }?.stop()  // a script that fails must not leave the supervisor running
                throw error
            }
        } client: { endpoint -> JobCounts in
            let text = """
                version: 1
                connection:
                  uri: "amqp://127.0.0.1:\(endpoint.port)"
                  recovery: { initial_interval: 20ms, max_interval: 20ms }
                \(top)
                jobs: { work: { queue: q, \(job) } }
                """
            let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
            let supervisor = try TestSupervisor(
                file,
                [plugin],
                once: once,
                answerPatience: answerPatience,
                logger: logger
            )
            running.withLock { $0 = supervisor }
            let end = supervisor.run()
            if let status { #expect(end == status) }
            return supervisor.counts
        }
    }
}

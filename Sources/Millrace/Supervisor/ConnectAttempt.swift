import AMQPClient
import Logging
import NIOCore

/// One attempt to connect and to declare what the job file names, on a thread of its own: a slow broker takes its time,
/// and the supervisor goes on.
final class ConnectAttempt: Sendable {
    /// What an attempt that succeeds gives.
    struct Success: Sendable {
        let connection: Connection
        /// Told of its end.
        let reporter: ConnectionReporter
        /// What can not be had, as ``Topology/declareAll(on:logger:)`` gives it.
        let failures: [String: AMQPError]
    }
    typealias Outcome = Result<Success, AMQPError>

    private struct State {
        var isOver = false
        var whenOver: (@Sendable () -> Void)?
    }
    private let monitor = Monitor(State())
    private let inbox: SupervisorInbox

    /// - Parameter inbox: Gets the outcome.
    init(inbox: SupervisorInbox) { self.inbox = inbox }

    /// Starts; the outcome comes to the inbox.
    ///
    /// - Parameters:
    ///   - endpoint: The broker.
    ///   - topology: Is declared there.
    ///   - options: How to connect.
    ///   - group: Lives until the attempt is over.
    ///   - logger: Gets what is worth a line.
    /// - Throws: When the system has no thread left.
    func start(
        to endpoint: Endpoint,
        declaring topology: Topology,
        options: ConnectionOptions,
        on group: any EventLoopGroup,
        logger: Logger
    ) throws(ThreadError) {
        let inbox = self.inbox
        let thread = try WorkerThread.start(name: "connect") {
            // Each connection has its own: it holds it weakly, and the end of one that was thrown away means nothing.
            var reporter = ConnectionReporter(inbox: inbox)
            do throws(AMQPError) {
                let (connection, failures) = try topology.connectAndDeclare(logger: logger) { () throws(AMQPError) in
                    reporter = ConnectionReporter(inbox: inbox)
                    return try Connection.connect(
                        to: endpoint,
                        options: options,
                        on: group,
                        logger: logger,
                        delegate: reporter
                    )
                }
                self.end(.success(Success(connection: connection, reporter: reporter, failures: failures)))
            } catch {
                self.end(.failure(error))
            }
        }
        thread.detach()
    }

    private func end(_ outcome: Outcome) {
        let whenOver = self.monitor.withLock { state in
            if state.whenOver == nil { self.inbox.connectEnded(outcome) }
            state.isOver = true
            return state.whenOver
        }
        guard let whenOver else { return }
        if case .success(let success) = outcome { success.connection.close() }
        whenOver()
    }

    /// Nobody wants its connection any more; `whenOver` is called at its end, at once if that has come.
    func abandon(_ whenOver: @escaping @Sendable () -> Void) {
        let isOver = self.monitor.withLock { state in
            state.whenOver = whenOver
            return state.isOver
        }
        if isOver { whenOver() }
    }
}

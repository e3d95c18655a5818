import AMQPClient
import Logging
import NIOCore

/// One attempt to connect, on a thread of its own: it may take as long as `connect_timeout`, and the supervisor goes on.
final class ConnectAttempt: Sendable {
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
    ///   - options: How to connect.
    ///   - group: Lives until the attempt is over.
    ///   - logger: Gets what is worth a line.
    ///   - reporter: Told of the connection's end.
    /// - Throws: When the system has no thread left.
    func start(
        to endpoint: Endpoint,
        options: ConnectionOptions,
        on group: any EventLoopGroup,
        logger: Logger,
        reporter: ConnectionReporter
    ) throws(ThreadError) {
        let thread = try WorkerThread.start(name: "connect") {
            let outcome: Result<Connection, AMQPError>
            do throws(AMQPError) {
                outcome = .success(
                    try Connection.connect(
                        to: endpoint,
                        options: options,
                        on: group,
                        logger: logger,
                        delegate: reporter
                    )
                )
            } catch {
                outcome = .failure(error)
            }
            self.end(outcome)
        }
        thread.detach()
    }

    private func end(_ outcome: Result<Connection, AMQPError>) {
        let whenOver = self.monitor.withLock { state in
            if state.whenOver == nil { self.inbox.connectEnded(outcome) }
            state.isOver = true
            return state.whenOver
        }
        guard let whenOver else { return }
        if case .success(let connection) = outcome { connection.close() }
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

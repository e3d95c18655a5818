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
        /// What can not be had, or not yet.
        let failures: [DeclarationFailure]
    }
    typealias Outcome = Result<Success, AMQPError>

    private struct State {
        var isOver = false
        var whenOver: (@Sendable () -> Void)?
    }
    private let monitor = Monitor(State(), level: .outermost)
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
        let thread = try WorkerThread.start(name: "connect") { self.run(endpoint, topology, options, group, logger) }
        thread.detach()
    }

    /// Goes on beside the jobs, once they have started, for as long as something is to be declared.
    private func run(
        _ endpoint: Endpoint,
        _ topology: Topology,
        _ options: ConnectionOptions,
        _ group: any EventLoopGroup,
        _ logger: Logger
    ) {
        // Each connection has its own: it holds it weakly, and the end of one that was thrown away means nothing.
        var reporter = ConnectionReporter(inbox: self.inbox)
        var isHandedOver = false
        let way = Declarer.Way(goesOn: true, logger: logger, isAbandoned: { self.isAbandoned }) {
            () throws(AMQPError) in
            reporter = ConnectionReporter(inbox: self.inbox)
            return try Connection.connect(
                to: endpoint,
                options: options,
                on: group,
                logger: logger,
                delegate: reporter
            )
        }
        do throws(AMQPError) {
            try Declarer.connectAndDeclare(topology, way) { connection, plan in
                topology.note(plan, of: connection, isNew: !isHandedOver)
                if isHandedOver { return }
                isHandedOver = true
                Self.learnLogin(of: connection, logger)
                self.end(.success(Success(connection: connection, reporter: reporter, failures: plan.failures)))
            }
        } catch {
            if !isHandedOver { return self.end(.failure(error)) }
            logger.debug("nothing more is declared on this connection", metadata: ["reason": "\(error)"])
        }
    }

    private var isAbandoned: Bool { self.monitor.withLock { $0.whenOver != nil } }

    /// Before the first message comes: it says which headers are ours.
    private static func learnLogin(of connection: Connection, _ logger: Logger) {
        guard connection.mayLogInByCertificate else { return }
        connection.learnLogin()
        if let name = connection.loginName {
            logger.info("logged in by certificate", metadata: ["user": "\(name)"])
        } else {
            logger.warning(
                "the broker does not say who the certificate logs in: whoever publishes to a queue is believed as we are"
            )
        }
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

import AMQPCore
import AMQPWire
import Logging
import NIOCore

/// One try to open a connection to one address.
final class ConnectionAttempt: Sendable {
    /// What whoever searches is told of it.
    enum Event: Sendable {
        /// TCP answers.
        case connected
        case opened(OpenedConnection)
        case failed(AMQPError)
    }
    private struct State {
        var driver: (any ConnectionDriver)?
        var isAbandoned = false
    }
    let ended: EventLoopFuture<Void>
    private let report: ConnectionReport
    private let tell: @Sendable (Event) -> Void
    private let state = Monitor(State())

    /// Starts at once; never blocks.
    ///
    /// - Parameters:
    ///   - address: Where to.
    ///   - bootstrap: How.
    ///   - eventLoop: Connects, and is where `tell` is called.
    ///   - deadline: When open-ok is due.
    ///   - race: Shared by all tries of one search.
    ///   - logger: Gets what is worth a line.
    ///   - delegate: Told of the connection, if it is the first that is open.
    ///   - tell: Called on the event loop: once opened or failed, and before that once connected if it came to it.
    init(
        to address: SocketAddress,
        _ bootstrap: ConnectionBootstrap,
        on eventLoop: any EventLoop,
        dueBy deadline: UInt64,
        race: OpeningRace,
        logger: Logger,
        delegate: (any ConnectionDelegate)?,
        tell: @escaping @Sendable (Event) -> Void
    ) {
        let opened = eventLoop.makePromise(of: OpenedConnection.self)
        let ended = eventLoop.makePromise(of: Void.self)
        self.ended = ended.futureResult
        self.tell = tell
        self.report = ConnectionReport(
            on: eventLoop,
            opened: opened,
            ended: ended,
            race: race,
            requestTimeout: bootstrap.options.requestTimeout,
            logger: logger,
            delegate: delegate
        )
        opened.futureResult.whenComplete { result in
            switch result {
            case .success(let connection): tell(.opened(connection))
            case .failure(let error):
                tell(.failed(error as? AMQPError ?? AMQPError(.connectionLost, scope: .connection, text: "\(error)")))
            }
        }
        if bootstrap.isEncrypted {
            self.connectEncrypted(address, bootstrap, on: eventLoop, dueBy: deadline)
        } else {
            self.connectPlain(address, bootstrap, on: eventLoop, dueBy: deadline)
        }
    }

    private func connectPlain(
        _ address: SocketAddress,
        _ bootstrap: ConnectionBootstrap,
        on eventLoop: any EventLoop,
        dueBy deadline: UInt64
    ) {
        bootstrap.connectSocket(to: address, on: eventLoop, dueBy: deadline).whenComplete { result in
            do {
                let transport = try result.get()
                self.tell(.connected)
                guard !self.state.withLock({ $0.isAbandoned }) else {
                    return self.report.connectionFailed(Self.tooLate)
                }
                let driver = try SocketDriver.start(
                    transport,
                    endpoint: bootstrap.endpoint,
                    options: bootstrap.options,
                    dueBy: deadline,
                    report: self.report
                )
                self.take(driver)
            } catch {
                self.report.connectionFailed(error as? AMQPError ?? bootstrap.noConnection(error))
            }
        }
    }

    private func connectEncrypted(
        _ address: SocketAddress,
        _ bootstrap: ConnectionBootstrap,
        on eventLoop: any EventLoop,
        dueBy deadline: UInt64
    ) {
        let driver = NIODriver(
            endpoint: bootstrap.endpoint,
            options: bootstrap.options,
            dueBy: deadline,
            report: self.report
        )
        bootstrap.connect(to: address, on: eventLoop, driver: driver, dueBy: deadline).whenComplete { result in
            switch result {
            case .success:
                self.tell(.connected)
                self.take(driver)
            case .failure(let error): self.report.connectionFailed(bootstrap.noConnection(error))
            }
        }
    }

    private func take(_ driver: any ConnectionDriver) {
        let isAbandoned = self.state.withLock { state in
            state.driver = driver
            return state.isAbandoned
        }
        if isAbandoned { Self.drop(driver) }
    }

    /// The driver, once there is one.
    var driver: (any ConnectionDriver)? { self.state.withLock { $0.driver } }

    /// Another address was faster, or nobody waits any more.
    ///
    /// - Returns: Whether it has a connection that ends in a moment; else TCP may go on knocking for a while, to no effect.
    func abandon() -> Bool {
        let driver = self.state.withLock { state in
            state.isAbandoned = true
            return state.driver
        }
        guard let driver else { return false }
        Self.drop(driver)
        return true
    }

    private static func drop(_ driver: any ConnectionDriver) {
        driver.close(code: .replySuccess, text: "another address answered first", timeout: .zero)
    }

    private static var tooLate: AMQPError { .ended(.connection, "another address answered first") }
}

/// Which of several connections was open first.
// @unchecked Sendable: used on one event loop alone.
final class OpeningRace: @unchecked Sendable {
    private var winner: ObjectIdentifier?

    /// Whether this one is the first.
    func isWon(by report: ConnectionReport) -> Bool {
        if let winner { return winner == ObjectIdentifier(report) }
        self.winner = ObjectIdentifier(report)
        return true
    }
}

import AMQPCore
import AMQPWire
import Logging
import NIOCore

/// What there is once open-ok has come.
struct OpenedConnection: Sendable {
    let outbox: Outbox
    let serverProperties: FieldTable
}

/// What a connection tells those who wait for it: in the order in which it happens, on the event loop.
// @unchecked Sendable: every `var` is touched on the event loop alone.
final class ConnectionReport: @unchecked Sendable {
    let eventLoop: any EventLoop
    private let opened: EventLoopPromise<OpenedConnection>
    private let ended: EventLoopPromise<Void>
    private let requestTimeout: Duration
    private let logger: Logger
    private let race: OpeningRace
    private weak var delegate: (any ConnectionDelegate)?
    private let secretUpdates = SecretUpdates()
    private var hasOpened = false

    init(
        on eventLoop: any EventLoop,
        opened: EventLoopPromise<OpenedConnection>,
        ended: EventLoopPromise<Void>,
        race: OpeningRace,
        requestTimeout: Duration,
        logger: Logger,
        delegate: (any ConnectionDelegate)?
    ) {
        self.eventLoop = eventLoop
        self.opened = opened
        self.ended = ended
        self.race = race
        self.requestTimeout = requestTimeout
        self.logger = logger.plain
        self.delegate = delegate
    }

    private func tell(_ body: @escaping @Sendable () -> Void) {
        if self.eventLoop.inEventLoop { body() } else { self.eventLoop.execute(body) }
    }

    func connectionOpened(_ connection: OpenedConnection) {
        self.tell {
            guard self.race.isWon(by: self) else {
                self.delegate = nil  // it knows of one connection alone
                return self.opened.fail(AMQPError.ended(.connection, "another address answered first"))
            }
            self.hasOpened = true
            self.opened.succeed(connection)
        }
    }

    /// There is no connection, and nothing else will be told.
    func connectionFailed(_ error: AMQPError) {
        self.opened.fail(error)
        self.ended.succeed(())
    }

    /// Said on the event loop: whoever drives the connection has it locked, and a log handler is somebody else's code.
    func frameDropped(channel: UInt16) {
        self.eventLoop.execute {
            self.logger.debug(
                "dropped a frame for a channel that is not in use",
                metadata: ["channel": .number(channel)]
            )
        }
    }

    func connectionBlocked(reason: String) { self.tell { self.delegate?.connectionBlocked(reason: reason) } }

    func connectionUnblocked() { self.tell { self.delegate?.connectionUnblocked() } }

    func connectionEnded(_ error: AMQPError) {
        self.tell {
            self.opened.fail(error)
            self.secretUpdates.ended(error)
            if self.hasOpened { self.delegate?.connectionEnded(error) }
        }
    }

    /// The socket is gone.
    func socketClosed() { self.ended.succeed(()) }

    // MARK: Secrets

    /// Before the update is sent, so that its answer finds the promise.
    ///
    /// On the event loop.
    func willUpdateSecret(_ promise: EventLoopPromise<Void>) {
        self.secretUpdates.sent(promise, timeout: self.requestTimeout, on: self.eventLoop)
    }

    func secretUpdated() { self.tell { self.secretUpdates.answered() } }
}

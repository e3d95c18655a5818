import AMQPCore
import Logging
import NIOCore

/// Finds the address of a host at which a connection can be opened: through AMQP, not only through TCP.
///
/// Lives on the thread that connects, which it blocks.
struct ConnectionSearch {
    private struct Mail: Sendable {
        var events: [(index: Int, event: ConnectionAttempt.Event)] = []
    }
    private let bootstrap: ConnectionBootstrap
    private let eventLoop: any EventLoop
    private let logger: Logger
    private weak var delegate: (any ConnectionDelegate)?
    private let deadline: UInt64
    private let mail = Monitor(Mail())
    private let race = OpeningRace()

    init(
        _ bootstrap: ConnectionBootstrap,
        on eventLoop: any EventLoop,
        dueBy deadline: UInt64,
        logger: Logger,
        delegate: (any ConnectionDelegate)?
    ) {
        self.bootstrap = bootstrap
        self.eventLoop = eventLoop
        self.deadline = deadline
        self.logger = logger
        self.delegate = delegate
    }

    /// What it found.
    struct Finding {
        let attempt: ConnectionAttempt
        let driver: any ConnectionDriver
        let opened: OpenedConnection
    }

    /// - Parameter hosts: Names or addresses that stand for the endpoint's host; one after the other.
    /// - Returns: The open connection and what drives it.
    /// - Throws: The most telling of the failures.
    func run(_ hosts: [String]) throws(AMQPError) -> Finding {
        var addresses: [SocketAddress] = []
        for host in hosts {
            addresses += try AddressLookup.addresses(
                of: host,
                port: self.bootstrap.endpoint.port,
                until: self.deadline
            )
        }
        var plan = AddressPlan(count: addresses.count, now: MonotonicClock.now(), deadline: self.deadline)
        var attempts: [ConnectionAttempt] = []
        while true {
            switch plan.step(now: MonotonicClock.now()) {
            case .start(let index): attempts.append(self.start(addresses[index], index))
            case .fail(let error):
                self.awaitEnd(of: attempts)
                throw error
            case .wait(let deadline):
                for (index, event) in self.takeMail(until: deadline) {
                    switch event {
                    case .connected: plan.connected(index, now: MonotonicClock.now())
                    case .failed(let error):
                        plan.failed(index, error)
                        if addresses.count > 1 { self.log(addresses[index], error) }
                    case .opened(let opened):
                        guard let driver = attempts[index].driver else {
                            plan.failed(index, .violation("opened by nobody"))  // it is there before it is told of
                            continue
                        }
                        let others = attempts.indices.filter { $0 != index }.map { attempts[$0] }
                        self.awaitEnd(of: others.filter { $0.abandon() })
                        return Finding(attempt: attempts[index], driver: driver, opened: opened)
                    }
                }
            }
        }
    }

    private func start(_ address: SocketAddress, _ index: Int) -> ConnectionAttempt {
        ConnectionAttempt(
            to: address,
            self.bootstrap,
            on: self.eventLoop,
            dueBy: self.deadline,
            race: self.race,
            logger: self.logger,
            delegate: self.delegate
        ) { [mail] event in
            mail.withLock { $0.events.append((index, event)) }
            mail.signal()
        }
    }

    private func takeMail(until deadline: UInt64?) -> [(index: Int, event: ConnectionAttempt.Event)] {
        let events: [(index: Int, event: ConnectionAttempt.Event)]? = self.mail.wait(until: deadline) { mail in
            guard !mail.events.isEmpty else { return nil }
            defer { mail.events = [] }
            return mail.events
        }
        return events ?? []
    }

    /// Whoever is told may shut the event loop down, and a socket that still closes has to tell it.
    private func awaitEnd(of attempts: [ConnectionAttempt]) {
        for attempt in attempts { _ = attempt.ended.awaited() }  // it only ever succeeds
    }

    private func log(_ address: SocketAddress, _ error: AMQPError) {
        self.logger.info(
            "an address of the broker's host can not be used",
            metadata: ["address": "\(address)", "reason": "\(error)"]
        )
    }
}

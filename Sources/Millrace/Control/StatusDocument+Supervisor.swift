import AMQPClient
import AMQPWire
import Glibc
import Synchronization

extension Supervisor {
    /// How it stands now, with all that people want to know of it; from any thread.
    ///
    /// - Parameter build: Of the program.
    /// - Returns: All of it read once.
    package func document(build: String) -> StatusDocument {
        let board = self.board.withLock {
            ($0.identity, $0.loadedAt, $0.refusal, $0.stateProblem, $0.overrides.schedules)
        }
        let connection = self.source.current
        let broker = connection.map { BrokerFacts($0.serverProperties, $0.endpoint) }
        return StatusDocument(
            status: self.status,
            identity: board.0,
            loadedAt: board.1,
            refusal: board.2,
            stateProblem: board.3,
            rates: self.rates.withLock { $0 },
            schedules: self.scheduler.schedules.map {
                ScheduleStatus(name: $0.name, queue: $0.queue, pause: board.4[$0.name])
            },
            broker: broker,
            leaving: self.watched.withLock { $0.leaving },
            build: build,
            processID: getpid(),
            host: HostName.own,
            startedAt: self.startedAt,
            zone: WallClock.zone(),
            reconnects: max(self.connections.load(ordering: .relaxed) - 1, 0),
            queues: self.seenQueues,
            standings: self.scheduler.standings,
            embedded: self.broker.withLock { $0 }.map(Self.address)
        )
    }

    /// What was changed since the start, the oldest first; from any thread.
    package var history: ControlHistory { self.board.withLock { $0.history } }

    /// Whether its thread has looked around lately: it does so several times in a second, whatever the broker does.
    package var isTicking: Bool {
        let last = self.lastTick.load(ordering: .relaxed)
        return last > 0 && MonotonicClock.now() &- last < 5_000_000_000
    }
}

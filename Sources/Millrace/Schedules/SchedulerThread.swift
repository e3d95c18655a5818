import AMQPClient
import Logging
import Synchronization

/// The loop of a ``Scheduler``.
///
/// Made on its thread and never leaves it.
final class SchedulerThread {
    private let shared: Scheduler
    private let tickers: [Ticker]
    private var inbox = Inbox()

    /// How often a connection of others is looked for: nanoseconds.
    private static let look: UInt64 = 200_000_000

    init(_ shared: Scheduler) {
        self.shared = shared
        self.tickers = shared.schedules.compactMap { schedule in
            do {
                return try Ticker(
                    schedule,
                    waking: shared.mailbox,
                    recovery: shared.recovery,
                    clock: shared.clock,
                    logger: shared.logger
                )
            } catch {
                shared.logger.error(
                    "the schedule can not run; the others do",
                    metadata: ["schedule": "\(schedule.name)", "reason": "\(error)"]
                )
                return nil
            }
        }
    }

    func run() {
        var last: Connection?
        while !self.shared.mustEnd {
            let connection = self.shared.connection
            if let last, last !== connection { self.tickers.forEach { $0.close() } }
            last = connection
            guard let connection, !connection.isBlocked else {
                self.idle(until: MonotonicClock.now() &+ Self.look)
                continue
            }
            do throws(AMQPError) {
                self.idle(until: try self.work(connection))
            } catch {
                self.tickers.forEach { $0.close() }
                self.tell()
                last = nil
                if !self.shared.source.publishesSeparately {
                    self.shared.source.forget(connection)
                    connection.startClose()
                }
                self.idle(until: MonotonicClock.now() &+ Self.look)
            }
        }
        self.tickers.forEach { $0.close() }
    }

    private func work(_ connection: Connection) throws(AMQPError) -> UInt64 {
        var wake = UInt64.max
        let paused = self.shared.paused
        for ticker in self.tickers where !self.shared.mustEnd {
            if paused.contains(ticker.schedule.name) {
                // It keeps no token from others: what rests here may be ticked there.
                ticker.rest()
            } else {
                wake = min(wake, try ticker.work(connection))
            }
        }
        self.tell()
        self.shared.wake.store(self.tickers.map(\.nextTick).min() ?? .max, ordering: .releasing)
        self.shared.clock.wasLookedAt()
        return wake
    }

    private func tell() {
        self.shared.note(
            self.tickers.map { ticker in
                ScheduleStanding(
                    name: ticker.schedule.name,
                    isLeading: ticker.machine.isLeading,
                    lastTick: ticker.machine.basis
                )
            }
        )
    }

    private func idle(until deadline: UInt64) {
        guard !self.shared.mustEnd else { return }
        guard self.shared.mailbox.take(into: &self.inbox, until: deadline) else { return }
        self.inbox.batches.removeAll()
        self.inbox.events.removeAll()
        self.inbox.signals = 0
    }
}

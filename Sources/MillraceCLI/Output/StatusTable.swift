import AMQPClient
import Glibc
import Logging
import Millrace
import Synchronization

/// The jobs as a table for people, on standard output.
///
/// Once it could not be written there are no more: jobs go on, and the end tells. Nobody waits for who reads them.
final class StatusTable: Sendable {
    private let failed = Mutex<OutputError?>(nil)
    private let rates = Mutex(SettledRates())
    private let logger: Logger
    private let sink: OutputSink

    /// - Parameters:
    ///   - logger: Told when there will be no more.
    ///   - descriptor: Where they go.
    init(logger: Logger, to descriptor: Int32 = STDOUT_FILENO) {
        self.logger = logger
        self.sink = OutputSink(descriptor) { "\($0) tables are missing here: standard output was full\n\n" }
    }

    /// Why it could not be written, if so.
    var failure: OutputError? { self.failed.withLock { $0 } }

    func print(_ jobs: [JobStatus]) {
        guard self.failure == nil else { return }
        let rates = self.rates.withLock { $0.next(jobs, now: MonotonicClock.now()) }
        self.sink.write(PlainText.block(StatusText.table(jobs, time: LineLogHandler.timestamp(), rates: rates)) + "\n")
        guard let error = self.writeError else { return }
        self.failed.withLock { $0 = error }
        self.logger.error("there will be no more tables; jobs go on", metadata: ["reason": "\(error)"])
    }

    private var writeError: OutputError? {
        self.sink.failure.map { OutputError("standard output can not be written", $0) }
    }

    /// Waits until all are written, until the deadline: what has not gone by then is a failure.
    func finish(until deadline: UInt64) {
        guard self.failure == nil else { return }
        let isDone = self.sink.finish(until: deadline)
        let unread = isDone ? nil : OutputError("standard output can not be written: nobody reads it")
        let error = self.writeError ?? unread
        self.failed.withLock { $0 = error }
    }
}

import CMillraceABI

extension JobContext {
    /// Holds the whole job for a time: none of its threads, in this process, begins another message.
    ///
    /// For a handler that learns that the next messages would fare no better: a service that is away, or that answers 429
    /// with a time to wait. What is in hand goes on, what is not begun goes back to the queue. When the time is over one
    /// message at a time is tried first. An operator sees the reason, and can end it.
    ///
    ///     return context.holdJob(for: .seconds(30), reason: "429 from the mail service")
    ///
    /// - Parameters:
    ///   - time: From a millisecond to a day. If the job is held already the later end counts.
    ///   - reason: For the log and for operators.
    /// - Returns: The outcome that puts this message back without using an attempt. A handler may return it, or end with
    ///   another one, or with an error, which counts as ever. With a supervisor that is too old to hold a job it is a snooze
    ///   of the same time.
    @discardableResult
    public func holdJob(for time: Duration, reason: String) -> Outcome {
        self.host.holdJob(self.worker, self.token, for: time, reason: reason)
    }
}

extension BatchContext {
    /// Holds the whole job for a time; see ``JobContext/holdJob(for:reason:)``.
    ///
    /// - Returns: The outcome that puts a message back without using an attempt.
    @discardableResult
    public func holdJob(for time: Duration, reason: String) -> Outcome {
        self.host.holdJob(self.worker, nil, for: time, reason: reason)
    }
}

extension UnsafePointer<millrace_host> {
    /// To a host that can: the function came later than the others.
    fileprivate func holdJob(
        _ worker: OpaquePointer?,
        _ token: OpaquePointer?,
        for time: Duration,
        reason: String
    ) -> Outcome {
        let time = Swift.min(Swift.max(time, .milliseconds(1)), .seconds(86_400))
        guard let offset = MemoryLayout<millrace_host>.offset(of: \.hold_job),
            self.pointee.size >= offset + MemoryLayout<UnsafeRawPointer>.size, let hold = self.pointee.hold_job
        else {
            let text = "this supervisor is too old to hold a job; the message alone waits"
            text.withABI { self.pointee.log(worker, token, JobContext.LogLevel.warning.rawValue, $0) }
            return .snooze(time)
        }
        let (seconds, rest) = time.components
        let nanoseconds = UInt64(seconds) * 1_000_000_000 + UInt64(rest / 1_000_000_000)
        _ = reason.withABI { hold(worker, nanoseconds, $0) }
        return .requeue
    }
}

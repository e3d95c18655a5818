import CMillraceABI

// @unchecked Sendable: as JobContext; used on the worker's thread alone.
/// What a ``BatchHandler`` can do for the batch as a whole; valid until it has returned.
public struct BatchContext: @unchecked Sendable {
    let host: UnsafePointer<millrace_host>
    let worker: OpaquePointer?
    /// Any of the batch: they are cancelled together.
    let token: OpaquePointer

    /// The job's name in the job file.
    public var jobName: String { String(self.host.pointee.job_name(self.worker)) }

    /// Whether the handler should end early: its job's timeout has passed, or the supervisor stops and has waited
    /// long enough.
    ///
    /// The timeout counts for the batch, from its begin.
    public var isCancelled: Bool { self.host.pointee.is_cancelled(self.token) != 0 }

    /// Writes a line to the supervisor's log, with the job named and no message.
    public func log(_ level: JobContext.LogLevel, _ text: String) {
        text.withABI { self.host.pointee.log(self.worker, nil, level.rawValue, $0) }
    }

    /// Writes a line of level `info`; see ``log(_:_:)``.
    public func log(_ text: String) { self.log(.info, text) }

    /// Adds to a counter; see ``JobContext/count(_:by:)``.
    public func count(_ name: String, by value: Double = 1) {
        name.withABI { self.host.pointee.metric(self.worker, $0, 0, value) }
    }

    /// Records one measured value; see ``JobContext/record(_:_:)``.
    public func record(_ name: String, _ value: Double) {
        name.withABI { self.host.pointee.metric(self.worker, $0, 1, value) }
    }
}

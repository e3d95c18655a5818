import AMQPClient

// The very end: the connections, and whether nothing is left.
extension SupervisorRun {
    /// Both connections at the same time; a broker that does not answer is left.
    mutating func close(_ connection: Connection?, within patience: Duration) {
        let deadline = MonotonicClock.now() &+ patience.nanoseconds
        connection?.startClose(timeout: patience)
        self.move?.old?.connection.startClose(timeout: patience)
        self.hasOutletEnded = self.outlet?.stop(until: deadline) ?? true
        // At most what is left of its time.
        connection?.close(timeout: patience)
    }

    /// With `once`: whether nothing is left, whatever ended the run; says what is.
    func isDone(_ isClean: Bool) -> Bool {
        guard self.supervisor.options.once else { return true }
        let hasFailed = self.supervisor.status.hasFailedJobs
        if isClean, !hasFailed, self.workedOffAt == self.received { return true }
        let patience = self.machine.closingTime(now: self.machineTime)
        let deadline = MonotonicClock.now() &+ patience.nanoseconds
        return self.supervisor.sayWhatIsLeft(self.supervisor.source.current, until: deadline)
    }
}

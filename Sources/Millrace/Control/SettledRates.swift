/// How fast jobs come to outcomes, between one look and the next, as a value: the time comes in.
package struct SettledRates: Sendable {
    private var settled: [String: Int] = [:]
    private var time: UInt64 = 0

    package init() {}

    /// Outcomes per second of each job since the last look; none at the first one.
    package mutating func next(_ jobs: [JobStatus], now: UInt64) -> [String: Double] {
        let seconds = Double(now &- self.time) / 1e9
        var rates: [String: Double] = [:]
        for job in jobs {
            if let before = self.settled[job.name], now > self.time {
                rates[job.name] = Double(job.counts.settled - before) / seconds
            }
            self.settled[job.name] = job.counts.settled
        }
        self.time = now
        return rates
    }
}

import AMQPClient
import AMQPWire
import Glibc

/// Who ends a run besides people, and who watches it.
extension Supervisor {
    /// Why the run is to end now; nil if it goes on.
    func reached(_ limits: inout RunLimits, now: UInt64) -> String? {
        guard limits != RunLimits() else { return nil }
        let pools = self.pools
        return limits.look(
            settled: pools.reduce(0) { $0 + $1.counters.counts.settled },
            inHand: pools.reduce(0) { $0 + $1.inHand },
            memory: Self.residentMemory,
            now: now
        )
    }

    /// What this process holds, in octets; nil if the system does not say.
    private static var residentMemory: Int? {
        guard let file = fopen("/proc/self/statm", "re") else { return nil }
        defer { fclose(file) }
        var text = [CChar](repeating: 0, count: 128)
        guard fgets(&text, Int32(text.count), file) != nil else { return nil }
        let words = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self).split(
            separator: " "
        )
        return words.count > 1 ? Int(words[1]).map { $0 * sysconf(Int32(_SC_PAGESIZE)) } : nil
    }

    /// Tells the service manager what it has to know.
    func tellServiceManager() {
        guard let manager = self.options.serviceManager else { return }
        let status = self.status
        let running = status.jobs.count { $0.state == .running }
        manager.look(
            hasStarted: self.source.current != nil && self.canWork,
            isStopping: status.isDraining,
            status: status.readiness.reasons.first.map { PlainText.line($0) } ?? "\(Plural.of(running, "job")) running"
        )
    }
}

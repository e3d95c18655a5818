import Metrics

/// Hands what a supervisor measures on to swift-metrics, for a program with handlers linked in whose numbers go elsewhere.
///
/// The names are those of ``MetricsText``. Where nobody has chosen a back end it does nothing.
/// A timer can not be told how many a time stands for: it is given the times of a second in their proportion, 1,000 at most.
struct MetricsFeed {
    private struct Key: Hashable {
        let name: String
        let labels: [String]
    }
    private static let mostTimes: UInt64 = 1000

    private var gauges: [Key: Gauge] = [:]
    private var counters: [Key: FloatingPointCounter] = [:]
    private var timers: [Key: Timer] = [:]
    private var counted: [Key: Double] = [:]
    private var timed: [Key: TimeHistogram] = [:]
    private let factory: any MetricsFactory

    /// - Parameter factory: Makes what numbers are given to.
    init(_ factory: any MetricsFactory) { self.factory = factory }

    /// The back end of this process; nil if nobody has chosen one.
    static var ofProcess: MetricsFeed? {
        let factory = MetricsSystem.factory
        return factory is NOOPMetricsHandler ? nil : MetricsFeed(factory)
    }

    mutating func tell(_ families: [MetricFamily]) {
        for family in families {
            for sample in family.samples {
                let key = Key(name: family.name, labels: sample.labels.flatMap { [$0.name, $0.value] })
                let labels = sample.labels.map { ($0.name, $0.value) }
                switch sample.value {
                case .number(let number) where family.kind == .counter: self.count(number, key, labels)
                case .number(let number): self.gauge(key, labels).record(number)
                case .times(let times): self.time(times, key, labels)
                }
            }
        }
    }

    private mutating func gauge(_ key: Key, _ labels: [(String, String)]) -> Gauge {
        if let gauge = self.gauges[key] { return gauge }
        let gauge = Gauge(label: key.name, dimensions: labels, factory: self.factory)
        self.gauges[key] = gauge
        return gauge
    }

    private mutating func count(_ number: Double, _ key: Key, _ labels: [(String, String)]) {
        let counter =
            self.counters[key] ?? FloatingPointCounter(label: key.name, dimensions: labels, factory: self.factory)
        self.counters[key] = counter
        let more = number - self.counted[key, default: 0]
        self.counted[key] = number
        if more > 0 { counter.increment(by: more) }
    }

    private mutating func time(_ times: TimeHistogram, _ key: Key, _ labels: [(String, String)]) {
        let timer = self.timers[key] ?? Timer(label: key.name, dimensions: labels, factory: self.factory)
        self.timers[key] = timer
        let fresh = times.since(self.timed[key] ?? TimeHistogram())
        self.timed[key] = times
        // The rest of each bucket goes into the next, so that many that are few are not lost.
        var rest: UInt64 = 0
        let scale = max(fresh.total, Self.mostTimes)
        for (nanoseconds, count) in fresh.filled {
            rest += count * Self.mostTimes
            for _ in 0..<rest / scale { timer.recordNanoseconds(Int64(nanoseconds)) }
            rest %= scale
        }
    }
}

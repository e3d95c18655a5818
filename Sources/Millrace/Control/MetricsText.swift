/// A supervisor in Prometheus's text format (version 0.0.4).
package struct MetricsText {
    private var text = ""

    /// The upper bounds of the buckets of times, in seconds, each beside its nanoseconds.
    package static let bounds: [(text: String, nanoseconds: UInt64)] = [
        ("0.00001", 10_000), ("0.00005", 50_000), ("0.0001", 100_000), ("0.00025", 250_000), ("0.0005", 500_000),
        ("0.001", 1_000_000), ("0.0025", 2_500_000), ("0.005", 5_000_000), ("0.01", 10_000_000),
        ("0.025", 25_000_000), ("0.05", 50_000_000), ("0.1", 100_000_000), ("0.25", 250_000_000),
        ("0.5", 500_000_000), ("1", 1_000_000_000), ("2.5", 2_500_000_000), ("5", 5_000_000_000),
        ("10", 10_000_000_000), ("30", 30_000_000_000), ("60", 60_000_000_000), ("300", 300_000_000_000),
        ("1800", 1_800_000_000_000), ("3600", 3_600_000_000_000),
    ]

    /// - Parameter document: What to render.
    /// - Returns: All of it.
    package static func of(_ document: StatusDocument) -> String {
        var metrics = Self()
        for family in MetricFamily.all(document) { metrics.write(family) }
        return metrics.text
    }

    private mutating func write(_ family: MetricFamily) {
        self.text += "# HELP \(family.name) \(family.help)\n# TYPE \(family.name) \(family.kind.rawValue)\n"
        for sample in family.samples {
            switch sample.value {
            case .number(let number): self.line(family.name, sample.labels, number)
            case .times(let histogram): self.lines(family.name, sample.labels, histogram)
            }
        }
    }

    private mutating func lines(_ name: String, _ labels: [(name: String, value: String)], _ times: TimeHistogram) {
        let counts = times.counts(upTo: Self.bounds.map(\.nanoseconds))
        for (bound, count) in zip(Self.bounds, counts) {
            self.line(name + "_bucket", labels + [("le", bound.text)], Double(count))
        }
        self.line(name + "_bucket", labels + [("le", "+Inf")], Double(times.total))
        self.line(name + "_sum", labels, Double(times.sum) / 1e9)
        self.line(name + "_count", labels, Double(times.total))
    }

    private mutating func line(_ name: String, _ labels: [(name: String, value: String)], _ value: Double) {
        self.text += name
        if !labels.isEmpty {
            let list = labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }
            self.text += "{" + list.joined(separator: ",") + "}"
        }
        self.text += " \(value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)")\n"
    }

    /// A label's value: nothing in it ends it.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

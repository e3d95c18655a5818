/// What is measured under one name.
package struct MetricFamily: Sendable {
    package enum Kind: String, Sendable { case gauge, counter, histogram }

    package enum Value: Sendable {
        case number(Double)
        case times(TimeHistogram)
    }

    package struct Sample: Sendable {
        /// What tells it from others of its name.
        package let labels: [(name: String, value: String)]
        package let value: Value
    }

    /// As Prometheus has it: `_total` ends what only grows, `_seconds` what is a time.
    package let name: String
    package let kind: Kind
    /// A sentence.
    package let help: String
    package var samples: [Sample] = []

    package init(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        self.kind = kind
        self.help = help
    }

    mutating func add(_ value: Double, _ labels: [(name: String, value: String)] = []) {
        self.samples.append(Sample(labels: labels, value: .number(value)))
    }

    mutating func add(_ isTrue: Bool, _ labels: [(name: String, value: String)] = []) {
        self.add(isTrue ? 1 : 0, labels)
    }
}

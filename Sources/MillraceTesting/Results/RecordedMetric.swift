/// One call of `count` or `record`.
public struct RecordedMetric: Sendable, Equatable {
    /// What was called.
    public enum Kind: Sendable {
        /// `count`: adds to a counter.
        case counter
        /// `record`: one measured value.
        case recording
    }

    /// Which of the two.
    public let kind: Kind
    /// The name that the handler gave.
    public let name: String
    /// What was added or measured.
    public let value: Double

    /// A call to compare with.
    public init(_ kind: Kind, _ name: String, _ value: Double) {
        self.kind = kind
        self.name = name
        self.value = value
    }
}

extension [RecordedMetric] {
    /// What a counter has come to; 0 if it was never touched.
    public func count(of name: String) -> Double {
        self.reduce(0) { $1.kind == .counter && $1.name == name ? $0 + $1.value : $0 }
    }

    /// The values recorded under a name, in their order.
    public func recordings(of name: String) -> [Double] {
        self.filter { $0.kind == .recording && $0.name == name }.map(\.value)
    }
}

/// A value in a job's `with` block: the handler's own options, handed over as they were written.
public indirect enum OptionValue: Sendable, Equatable {
    /// Text; quoted in the file, or not a number, a boolean or null.
    case string(String)
    /// A whole number.
    case int(Int64)
    /// A number with a fraction or an exponent.
    case double(Double)
    /// `true` or `false`.
    case bool(Bool)
    /// `null`, `~` or nothing.
    case null
    /// A list.
    case array([OptionValue])
    /// A mapping, in the order of the file; its keys are distinct.
    case object([Member])

    /// One key of a mapping and its value.
    public struct Member: Sendable, Equatable {
        /// The key.
        public var key: String
        /// The value.
        public var value: OptionValue

        /// Makes a member.
        public init(key: String, value: OptionValue) {
            self.key = key
            self.value = value
        }
    }
}

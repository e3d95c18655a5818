/// A value in an `arguments` block, which goes to the broker as an AMQP field value.
public indirect enum ArgumentValue: Sendable, Equatable {
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
    case array([ArgumentValue])
    /// A mapping.
    case table([String: ArgumentValue])
}

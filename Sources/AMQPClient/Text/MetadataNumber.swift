import AMQPCore
package import Logging

extension Logger.MetadataValue {
    /// A whole number, which a log in JSON shows as one.
    package static func number(_ number: some BinaryInteger & CustomStringConvertible & Sendable) -> Self {
        .stringConvertible(number)
    }

    /// `true` or `false`.
    package static func flag(_ flag: Bool) -> Self { .stringConvertible(flag) }

    /// Whether a log in JSON needs no quotes for it.
    package var isNumberOrFlag: Bool {
        guard case .stringConvertible(let value) = self else { return false }
        return value is any BinaryInteger || value is Bool
    }
}

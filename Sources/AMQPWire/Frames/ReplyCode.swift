/// The number that says why a channel or connection was closed, or a message returned.
///
/// Prints as `404 NOT_FOUND`. What a code ends is read from the method that carried it, never from the code (C43).
@frozen
public struct ReplyCode: Hashable, Sendable, CustomStringConvertible, ExpressibleByIntegerLiteral {
    /// The number on the wire.
    public let rawValue: UInt16

    /// Makes a code, of those the specification knows or not.
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
    /// Makes a code from a literal number.
    @inlinable public init(integerLiteral value: UInt16) { self.rawValue = value }

    /// The specification's name in the form brokers print it, `NOT_FOUND`; `UNKNOWN` for other numbers.
    public var name: String { self.specName ?? "UNKNOWN" }
    /// The number and the name.
    public var description: String { "\(self.rawValue) \(self.name)" }
}

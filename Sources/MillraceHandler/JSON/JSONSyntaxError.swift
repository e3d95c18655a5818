/// Why octets are no JSON, and where.
package struct JSONSyntaxError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Octets before the one that is wrong; the length of the document if its end came too early.
    package let offset: Int
    package let reason: String

    package var description: String { "not JSON at byte \(self.offset): \(self.reason)" }
}

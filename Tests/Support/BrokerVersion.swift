/// A version of a broker, as it says it itself: 4.3.6.
package struct BrokerVersion: Comparable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    private let numbers: [Int]

    /// What cannot be read counts as 0, and what follows the numbers (`-rc.1`, `+deb`) is left out.
    package init(_ text: String) {
        self.numbers = text.prefix { $0.isNumber || $0 == "." }.split(separator: ".").map { Int($0) ?? 0 }
    }

    package init(stringLiteral value: String) { self.init(value) }

    package var description: String { self.numbers.map(String.init).joined(separator: ".") }

    package static func < (left: Self, right: Self) -> Bool { left.numbers.lexicographicallyPrecedes(right.numbers) }
}

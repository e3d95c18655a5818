/// Numbers of things, as people write them: `1 message`, `2 messages`.
package enum Plural {
    /// - Parameters:
    ///   - count: How many.
    ///   - one: The word for one of them.
    ///   - many: The word for more, and for none; nil is the first with an `s`.
    /// - Returns: The number and the word.
    package static func of(_ count: some BinaryInteger, _ one: String, _ many: String? = nil) -> String {
        "\(count) \(count == 1 ? one : many ?? one + "s")"
    }
}

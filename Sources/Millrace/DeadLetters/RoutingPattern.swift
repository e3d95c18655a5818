/// Whether a binding's key takes a message's routing key, by the type of the exchange (AMQP 0-9-1 §3.1.3).
package enum RoutingPattern {
    /// Whether a topic exchange sends a message with this key along a binding with this pattern.
    ///
    /// Words are parted by dots; `*` is one word, `#` any number of them, none too.
    package static func matches(_ pattern: String, _ key: String) -> Bool {
        let pattern = Self.words(pattern)
        let key = Self.words(key)
        // Row by row, so that many `#` cost no more than the product of the two lengths.
        var reached = [true] + [Bool](repeating: false, count: key.count)
        for word in pattern {
            var next = [Bool](repeating: false, count: key.count + 1)
            next[0] = word == "#" && reached[0]
            for index in key.indices {
                switch word {
                case "#": next[index + 1] = reached[index + 1] || next[index]
                case "*": next[index + 1] = reached[index]
                default: next[index + 1] = reached[index] && word == key[index]
                }
            }
            reached = next
        }
        return reached[key.count]
    }

    private static func words(_ text: String) -> [Substring] {
        text.isEmpty ? [] : text.split(separator: ".", omittingEmptySubsequences: false)
    }
}

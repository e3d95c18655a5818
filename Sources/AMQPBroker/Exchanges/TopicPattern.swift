/// The key of a binding of a topic exchange: words with dots between them; `*` is any one, `#` any number of them.
struct TopicPattern: Sendable {
    private let words: [Substring.UTF8View]
    private let hasWildcards: Bool
    private let text: String

    init(_ text: String) {
        self.text = text
        self.words = Self.words(text)
        self.hasWildcards = self.words.contains { Self.is($0, "*") || Self.is($0, "#") }
    }

    static func words(_ text: String) -> [Substring.UTF8View] {
        // No text is no word, not an empty one.
        text.isEmpty ? [] : text.split(separator: ".", omittingEmptySubsequences: false).map(\.utf8)
    }

    private static func `is`(_ word: Substring.UTF8View, _ text: StaticString) -> Bool {
        word.count == 1 && word.first == text.utf8Start.pointee
    }

    func matches(_ key: [Substring.UTF8View]) -> Bool {
        // Where to go on if what follows the last `#` does not fit: it takes one word more.
        var (pattern, word, hash, behind) = (0, 0, -1, 0)
        while word < key.count {
            if pattern < self.words.count, Self.is(self.words[pattern], "#") {
                hash = pattern
                behind = word
                pattern += 1
            } else if pattern < self.words.count,
                Self.is(self.words[pattern], "*") || self.words[pattern].elementsEqual(key[word])
            {
                pattern += 1
                word += 1
            } else if hash >= 0 {
                behind += 1
                word = behind
                pattern = hash + 1
            } else {
                return false
            }
        }
        while pattern < self.words.count, Self.is(self.words[pattern], "#") { pattern += 1 }
        return pattern == self.words.count
    }
}

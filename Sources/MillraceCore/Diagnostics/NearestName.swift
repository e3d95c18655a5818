/// Finds what was probably meant by a misspelt word.
package enum NearestName {
    /// Longer words, and more candidates than this, are not compared: the work is their product.
    private static let lengthLimit = 64
    private static let candidateLimit = 200

    /// The candidate that takes the fewest edits, if they are few for a word of that length.
    package static func of(_ word: String, among candidates: some Sequence<String>) -> String? {
        let letters = Array(word.lowercased().unicodeScalars)
        guard letters.count <= Self.lengthLimit else { return nil }
        var best: (name: String, distance: Int)?
        for candidate in candidates.prefix(Self.candidateLimit) where candidate != word {
            let other = Array(candidate.lowercased().unicodeScalars)
            let allowed = max(1, min(3, max(letters.count, other.count) / 3))
            guard abs(letters.count - other.count) <= allowed, other.count <= Self.lengthLimit else { continue }
            guard min(letters.count, other.count) > 1 else { continue }
            let distance = Self.distance(letters, other)
            if distance <= allowed, distance < best?.distance ?? Int.max { best = (candidate, distance) }
        }
        return best?.name
    }

    /// Insertions, deletions, replacements, and swaps of neighbours that turn one word into the other.
    package static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in 0..<left.count {
            var current = [row + 1]
            for column in 0..<right.count {
                let replaced = last[column] + (left[row] == right[column] ? 0 : 1)
                var cost = min(last[column + 1] + 1, current[column] + 1, replaced)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    cost = min(cost, beforeLast[column - 1] + 1)
                }
                current.append(cost)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }

    /// `prefetchCount` as `prefetch_count`.
    package static func snakeCase(_ word: String) -> String {
        var text = ""
        for character in word {
            if character.isUppercase, let last = text.last, last != "_" { text.append("_") }
            text += character == "-" ? "_" : character.lowercased()
        }
        return text
    }
}

/// Texts that are cut to a budget.
package enum CutText {
    /// At most `budget` octets of UTF-8, whole characters, and a mark that something is missing.
    package static func cut(_ text: String, to budget: Int) -> String {
        if text.utf8.count <= budget { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: budget - 3)
        while String.Index(end, within: text) == nil { end = text.utf8.index(before: end) }
        return text[..<end] + "…"
    }
}

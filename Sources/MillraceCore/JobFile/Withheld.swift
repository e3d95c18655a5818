/// Texts that are nobody's business and may turn up in what a handler says: each becomes `***`.
package struct Withheld: Sendable, Equatable {
    /// What is shorter would make a riddle of every sentence, and is no secret.
    private static let shortest = 4

    private let texts: [String]

    package init(_ texts: [String] = []) {
        // The longer ones first: one may hold another.
        self.texts = Set(texts.filter { $0.utf8.count >= Self.shortest }).sorted { ($1.count, $0) < ($0.count, $1) }
    }

    /// The text without them, and without the passwords of URIs.
    package func hidden(in text: String) -> String {
        let text = self.texts.reduce(text) { $0.replacing($1, with: "***") }
        return SecretMask.maskingURIs(text)
    }
}

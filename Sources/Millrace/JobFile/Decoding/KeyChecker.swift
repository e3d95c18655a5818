/// Says what is wrong with a key that a mapping does not have, and which key was probably meant.
struct KeyChecker {
    let keys: KeySet
    let subject: String
    let log: DiagnosticLog

    func check(_ pair: YAMLPair) {
        let key = pair.key
        if self.keys.keys.contains(key) || self.log.isFull { return }
        if self.keys.place == KeySet.root.place, key.hasPrefix("x-") { return }  // a place for anchors; never read
        if let advice = self.keys.notYet[key] {
            self.log.error(.notYet, pair.keySpan, "'\(key)' is not supported in this version", help: advice)
        } else if let word = ForeignWord.find(key, in: self.keys) {
            self.log.error(.foreignWord, pair.keySpan, "'\(key)' is called '\(word.ours)' here: \(word.reason)")
        } else {
            let message = "unknown key \(quoted(key)) in \(self.subject)"
            self.log.error(.unknownKey, pair.keySpan, message, help: self.hint(key))
        }
    }

    /// Whether a required key is there under another name, so that its absence is not a second mistake.
    func hasStandIn(for required: String, in pairs: [YAMLPair]) -> Bool {
        // Nobody writes more keys than this by hand, and each is compared with all of ours.
        pairs.prefix(100).contains { !self.keys.keys.contains($0.key) && self.meant(by: $0.key) == required }
    }

    private func meant(by key: String) -> String? {
        let snake = NearestName.snakeCase(key)
        if self.keys.keys.contains(snake) { return snake }
        if let word = ForeignWord.find(snake, in: self.keys) { return word.ours }
        return NearestName.of(snake, among: self.keys.keys)
    }

    private func hint(_ key: String) -> String? {
        let others = KeySet.all.filter { $0.keys.contains(key) }.map(\.place)
        if !others.isEmpty, others.count <= 3 {
            return "'\(key)' belongs in \(others.joined(separator: " or "))"
        }
        if let name = self.meant(by: key) { return "did you mean '\(name)'?" }
        if self.keys.place != KeySet.root.place, let name = NearestName.of(key, among: KeySet.root.keys) {
            return "\(quoted(name)) belongs in \(KeySet.root.place)"
        }
        if key.hasPrefix("x-"), self.keys.keys.contains("arguments") { return "put it under 'arguments'" }
        return self.keys.keys.count <= 6 ? "the keys are \(self.keys.keys.joined(separator: ", "))" : nil
    }
}

/// Which keys hold what nobody else may read, by their names alone.
package enum SecretName {
    private static let anywhere = [
        "password", "passwd", "passphrase", "passcode", "secret", "token", "credential", "apikey", "accesskey",
        "privatekey", "authorization", "connectionstring", "bearer",
    ]
    private static let last = [
        "pass", "pwd", "pw", "pin", "auth", "dsn", "cookie", "jwt", "cred", "creds", "otp", "salt", "key", "keys",
    ]
    /// What is a key to a place, not to a lock.
    private static let harmlessKeys = [
        "routing", "binding", "partition", "sort", "primary", "foreign", "idempotency", "deduplication", "ordering",
    ]
    /// Where a secret is, is none.
    private static let places = ["file", "path", "dir", "folder"]

    /// Whether a key, a variable or a parameter of that name holds a secret.
    package static func isSecret(_ name: some StringProtocol) -> Bool {
        let words = Self.words(name)
        guard let last = words.last, !Self.places.contains(last) else { return false }
        let joined = words.joined()
        if Self.anywhere.contains(where: { joined.contains($0) }) { return true }
        guard Self.last.contains(last) else { return false }
        return !(last.hasPrefix("key") && words.dropLast().last.map { Self.harmlessKeys.contains($0) } ?? false)
    }

    /// `x-apiKey_2` is x, api, key, 2.
    private static func words(_ name: some StringProtocol) -> [String] {
        var words: [String] = []
        var word = ""
        var wasLower = false
        for character in name {
            let isUpper = character.isUppercase
            if !character.isLetter && !character.isNumber || isUpper && wasLower {
                if !word.isEmpty { words.append(word) }
                word = ""
            }
            if character.isLetter || character.isNumber { word += character.lowercased() }
            wasLower = character.isLowercase
        }
        if !word.isEmpty { words.append(word) }
        return words
    }
}

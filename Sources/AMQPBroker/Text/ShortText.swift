/// Texts that have to fit in 255 octets.
enum ShortText {
    /// The text without what does not fit.
    static func cut(_ text: String) -> String {
        guard text.utf8.count > 255 else { return text }
        var text = text
        while text.utf8.count > 255 { text.unicodeScalars.removeLast() }
        return text
    }

    /// One octet of length, then the text, as it stands on the wire.
    static func octets(_ text: String) -> [UInt8] {
        let utf8 = text.utf8
        var octets: [UInt8] = []
        octets.reserveCapacity(utf8.count + 1)
        octets.append(UInt8(truncatingIfNeeded: utf8.count))
        octets.append(contentsOf: utf8)
        return octets
    }
}

/// How texts of errors name things.
enum Named {
    static func queue(_ name: String, _ vhost: String) -> String { "queue '\(name)' in vhost '\(vhost)'" }
    static func exchange(_ name: String, _ vhost: String) -> String { "exchange '\(name)' in vhost '\(vhost)'" }
}

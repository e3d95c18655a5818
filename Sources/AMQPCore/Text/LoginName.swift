/// The user that a broker names when it refuses a message for its `user-id`.
package enum LoginName {
    /// - Parameter text: RabbitMQ's: `PRECONDITION_FAILED - user_id property set to 'x' but authenticated user was 'y'`.
    /// - Returns: The name; nil if the text was cut before its end, or says something else.
    package static func inRefusal(_ text: String) -> String? {
        let mark = "but authenticated user was '"
        let bytes = Array(text.utf8)
        let start = Array(mark.utf8)
        guard bytes.count > start.count, bytes.last == UInt8(ascii: "'") else { return nil }
        // The first: what stands before it is ours, and has no such words.
        guard let index = bytes.indices.first(where: { bytes[$0...].starts(with: start) }),
            index + start.count < bytes.count
        else { return nil }
        let name = String(decoding: bytes[(index + start.count)..<(bytes.count - 1)], as: UTF8.self)
        return name.isEmpty || name.contains("\u{FFFD}") || name.utf8.count > 255 ? nil : name
    }
}

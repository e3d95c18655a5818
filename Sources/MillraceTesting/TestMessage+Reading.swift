public import MillraceHandler

/// Ways to look at a message.
extension TestMessage {
    /// The body as text; nil if it is not UTF-8.
    public var bodyText: String? { String(validating: self.body, as: UTF8.self) }

    /// The body as a value, decoded from JSON by the rules of `Message.decode`.
    ///
    /// - Throws: `PayloadError` with the place and the reason.
    public func decode<T: Decodable>(_ type: T.Type = T.self) throws(PayloadError) -> T {
        try PayloadError.decoding(type, from: self.body)
    }
}

extension Message {
    /// The body as a value, decoded from JSON (RFC 8259).
    ///
    /// - Numbers are exact: a fraction or an overflow is an error where an integer is asked for. `3.0` is the integer 3.
    /// - Of a key given twice the last counts; unknown keys are ignored.
    /// - At most 128 levels of arrays and objects, and 128 combining marks in a row in a string; what is not UTF-8, and a surrogate without its pair, is an error.
    /// - There are no strategies: a `Date` decodes itself as the number that it encodes itself as, seconds since 2001.
    ///   For ISO 8601 decode a `String` and parse it. Octets come as an array of numbers, not as base64.
    /// - The body is taken as it is: neither `content-type` nor `content-encoding` is looked at.
    ///
    /// - Parameter type: What the body is to be.
    /// - Returns: The value.
    /// - Throws: ``PayloadError``, which out of a handler is a reject.
    public func decode<T: Decodable>(_ type: T.Type = T.self) throws(PayloadError) -> T {
        try PayloadError.decoding(type, from: self.bodyBytes)
    }
}

extension PayloadError {
    /// A value out of octets, by the rules of ``Message/decode(_:)``.
    package static func decoding<T: Decodable>(_ type: T.Type, from octets: [UInt8]) throws(PayloadError) -> T {
        var reader = JSONReader(octets, maxDepth: 128)
        let document: JSONValue
        do throws(JSONSyntaxError) {
            document = try reader.parse()
        } catch {
            throw PayloadError(reason: error.description)
        }
        do {
            return try T(from: JSONDecoding(value: document, path: nil))
        } catch {
            throw PayloadError(error)
        }
    }
}

extension Publication {
    /// A persistent message that carries a value as JSON, with the content type `application/json`.
    ///
    /// Members come in the order in which the value encodes them; nil members of a synthesised `Encodable` are left out.
    ///
    /// - Parameters:
    ///   - value: What to encode.
    ///   - exchange: Empty for the default exchange.
    ///   - routingKey: At most 255 octets.
    /// - Throws: `EncodingError` for NaN and the infinities, which JSON does not have, and what the value itself throws.
    public init(json value: some Encodable, exchange: String = "", routingKey: String) throws {
        let encoding = JSONEncoding()
        try value.encode(to: encoding)
        self.init(JSONWriter.write(encoding.value), exchange: exchange, routingKey: routingKey)
        self.contentType = "application/json"
    }
}

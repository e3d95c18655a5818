/// An object under construction.
struct JSONKeyedEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let place: JSONEncoding

    var codingPath: [any CodingKey] { self.place.codingPath }

    func encodeNil(forKey key: Key) { self.place.member(key).encodeNil() }
    func encode(_ value: Bool, forKey key: Key) { self.place.member(key).encode(value) }
    func encode(_ value: String, forKey key: Key) { self.place.member(key).encode(value) }
    func encode(_ value: Double, forKey key: Key) throws { try self.place.member(key).encode(value) }
    func encode(_ value: Float, forKey key: Key) throws { try self.place.member(key).encode(value) }
    func encode(_ value: Int, forKey key: Key) { self.place.member(key).encode(value) }
    func encode(_ value: Int8, forKey key: Key) { self.place.member(key).encode(value) }
    func encode(_ value: Int16, forKey key: Key) { self.place.member(key).encode(value) }
    func encode(_ value: Int32, forKey key: Key) { self.place.member(key).encode(value) }
    func encode(_ value: Int64, forKey key: Key) { self.place.member(key).encode(value) }
    func encode(_ value: UInt, forKey key: Key) { self.place.member(key).encode(value) }
    func encode(_ value: UInt8, forKey key: Key) { self.place.member(key).encode(value) }
    func encode(_ value: UInt16, forKey key: Key) { self.place.member(key).encode(value) }
    func encode(_ value: UInt32, forKey key: Key) { self.place.member(key).encode(value) }
    func encode(_ value: UInt64, forKey key: Key) { self.place.member(key).encode(value) }
    func encode<T: Encodable>(_ value: T, forKey key: Key) throws { try value.encode(to: self.place.member(key)) }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type,
        forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        self.place.member(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        self.place.member(key).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { self.place.member(PlainKey(stringValue: "super")) }
    func superEncoder(forKey key: Key) -> any Encoder { self.place.member(key) }
}

/// An array under construction.
struct JSONUnkeyedEncoding: UnkeyedEncodingContainer {
    let place: JSONEncoding

    var codingPath: [any CodingKey] { self.place.codingPath }
    var count: Int { self.place.elementCount }

    func encodeNil() { self.place.element().encodeNil() }
    func encode(_ value: Bool) { self.place.element().encode(value) }
    func encode(_ value: String) { self.place.element().encode(value) }
    func encode(_ value: Double) throws { try self.place.element().encode(value) }
    func encode(_ value: Float) throws { try self.place.element().encode(value) }
    func encode(_ value: Int) { self.place.element().encode(value) }
    func encode(_ value: Int8) { self.place.element().encode(value) }
    func encode(_ value: Int16) { self.place.element().encode(value) }
    func encode(_ value: Int32) { self.place.element().encode(value) }
    func encode(_ value: Int64) { self.place.element().encode(value) }
    func encode(_ value: UInt) { self.place.element().encode(value) }
    func encode(_ value: UInt8) { self.place.element().encode(value) }
    func encode(_ value: UInt16) { self.place.element().encode(value) }
    func encode(_ value: UInt32) { self.place.element().encode(value) }
    func encode(_ value: UInt64) { self.place.element().encode(value) }
    func encode<T: Encodable>(_ value: T) throws { try value.encode(to: self.place.element()) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        self.place.element().container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { self.place.element().unkeyedContainer() }
    func superEncoder() -> any Encoder { self.place.element() }
}

/// A value that a type decodes itself from.
struct JSONDecoding: Decoder {
    let value: JSONValue
    let path: CodingPath?

    var codingPath: [any CodingKey] { CodingPath.keys(self.path) }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(try JSONKeyedDecoding<Key>(self.value, self.path))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { try JSONUnkeyedDecoding(self.value, self.path) }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }
}

extension JSONDecoding: SingleValueDecodingContainer {
    func decodeNil() -> Bool { self.value == .null }
    func decode(_ type: Bool.Type) throws -> Bool { try self.value.bool(at: self.path) }
    func decode(_ type: String.Type) throws -> String { try self.value.text(at: self.path) }
    func decode(_ type: Double.Type) throws -> Double { try self.value.real(type, at: self.path) }
    func decode(_ type: Float.Type) throws -> Float { try self.value.real(type, at: self.path) }
    func decode(_ type: Int.Type) throws -> Int { try self.value.integer(type, at: self.path) }
    func decode(_ type: Int8.Type) throws -> Int8 { try self.value.integer(type, at: self.path) }
    func decode(_ type: Int16.Type) throws -> Int16 { try self.value.integer(type, at: self.path) }
    func decode(_ type: Int32.Type) throws -> Int32 { try self.value.integer(type, at: self.path) }
    func decode(_ type: Int64.Type) throws -> Int64 { try self.value.integer(type, at: self.path) }
    func decode(_ type: UInt.Type) throws -> UInt { try self.value.integer(type, at: self.path) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try self.value.integer(type, at: self.path) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try self.value.integer(type, at: self.path) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try self.value.integer(type, at: self.path) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try self.value.integer(type, at: self.path) }
    func decode<T: Decodable>(_ type: T.Type) throws -> T { try T(from: self) }
}

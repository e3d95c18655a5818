/// The members of an object, by key; of a key given twice the last counts.
struct JSONKeyedDecoding<Key: CodingKey>: KeyedDecodingContainerProtocol {
    private let members: [(String, JSONValue)]
    /// Where each key is, if there are so many that a search would be slow.
    private let positions: [String: Int]?
    private let path: CodingPath?

    init(_ value: JSONValue, _ path: CodingPath?) throws {
        guard case .object(let members) = value else {
            throw value.mismatch([String: Any].self, "an object", path)
        }
        self.members = members
        self.path = path
        self.positions =
            members.count <= 16
            ? nil : Dictionary(members.enumerated().map { ($1.0, $0) }, uniquingKeysWith: { _, last in last })
    }

    var codingPath: [any CodingKey] { CodingPath.keys(self.path) }

    var allKeys: [Key] {
        var seen: Set<String> = []
        return self.members.compactMap { seen.insert($0.0).inserted ? Key(stringValue: $0.0) : nil }
    }

    func contains(_ key: Key) -> Bool { self.find(key.stringValue) != nil }

    private func find(_ key: String) -> JSONValue? {
        guard let positions = self.positions else { return self.members.last { $0.0 == key }?.1 }
        return positions[key].map { self.members[$0].1 }
    }

    private func value(_ key: Key) throws -> JSONValue {
        if let value = self.find(key.stringValue) { return value }
        throw DecodingError.keyNotFound(key, .init(codingPath: self.codingPath, debugDescription: "is missing"))
    }

    private func at(_ key: any CodingKey) -> CodingPath { CodingPath(self.path, key) }

    func decodeNil(forKey key: Key) throws -> Bool { try self.value(key) == .null }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try self.value(key).bool(at: self.at(key)) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try self.value(key).text(at: self.at(key)) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try self.real(type, key) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try self.real(type, key) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try self.integer(type, key) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try self.integer(type, key) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try self.integer(type, key) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try self.integer(type, key) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try self.integer(type, key) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try self.integer(type, key) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try self.integer(type, key) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try self.integer(type, key) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try self.integer(type, key) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try self.integer(type, key) }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        try T(from: JSONDecoding(value: try self.value(key), path: self.at(key)))
    }

    private func integer<T: FixedWidthInteger>(_ type: T.Type, _ key: Key) throws -> T {
        try self.value(key).integer(type, at: self.at(key))
    }

    private func real<T: BinaryFloatingPoint>(_ type: T.Type, _ key: Key) throws -> T {
        try self.value(key).real(type, at: self.at(key))
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type,
        forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        KeyedDecodingContainer(try JSONKeyedDecoding<Nested>(try self.value(key), self.at(key)))
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try JSONUnkeyedDecoding(try self.value(key), self.at(key))
    }

    /// What a class's superclass decodes itself from: the member `super`, or null without one.
    func superDecoder() throws -> any Decoder {
        let key = PlainKey(stringValue: "super")
        return JSONDecoding(value: self.find(key.stringValue) ?? .null, path: self.at(key))
    }

    func superDecoder(forKey key: Key) throws -> any Decoder {
        JSONDecoding(value: self.find(key.stringValue) ?? .null, path: self.at(key))
    }
}

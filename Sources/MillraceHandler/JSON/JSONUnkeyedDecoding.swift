/// The elements of an array, one after the other; a failed decode stays where it is.
struct JSONUnkeyedDecoding: UnkeyedDecodingContainer {
    private let values: [JSONValue]
    private let path: CodingPath?
    private(set) var currentIndex = 0

    init(_ value: JSONValue, _ path: CodingPath?) throws {
        guard case .array(let values) = value else { throw value.mismatch([Any].self, "an array", path) }
        self.values = values
        self.path = path
    }

    var codingPath: [any CodingKey] { CodingPath.keys(self.path) }
    var count: Int? { self.values.count }
    var isAtEnd: Bool { self.currentIndex == self.values.count }

    private var here: CodingPath { CodingPath(self.path, PlainKey(index: self.currentIndex)) }

    private func value(_ type: any Any.Type) throws -> JSONValue {
        guard !self.isAtEnd else {
            let reason = "is missing: the array has \(self.values.count) element\(self.values.count == 1 ? "" : "s")"
            throw DecodingError.valueNotFound(
                type,
                .init(codingPath: CodingPath.keys(self.here), debugDescription: reason)
            )
        }
        return self.values[self.currentIndex]
    }

    private mutating func take<T>(_ type: T.Type, _ decode: (JSONValue) throws -> T) throws -> T {
        let decoded = try decode(try self.value(type))
        self.currentIndex += 1
        return decoded
    }

    private mutating func integer<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
        let value = try self.value(type)
        let number = try value.integer(type, at: self.here)
        self.currentIndex += 1
        return number
    }

    private mutating func real<T: BinaryFloatingPoint>(_ type: T.Type) throws -> T {
        let value = try self.value(type)
        let number = try value.real(type, at: self.here)
        self.currentIndex += 1
        return number
    }

    mutating func decodeNil() throws -> Bool {
        guard try self.value(Any?.self) == .null else { return false }
        self.currentIndex += 1
        return true
    }

    mutating func decode(_ type: Bool.Type) throws -> Bool {
        let here = self.here
        return try self.take(type) { try $0.bool(at: here) }
    }
    mutating func decode(_ type: String.Type) throws -> String {
        let here = self.here
        return try self.take(type) { try $0.text(at: here) }
    }
    mutating func decode(_ type: Double.Type) throws -> Double { try self.real(type) }
    mutating func decode(_ type: Float.Type) throws -> Float { try self.real(type) }
    mutating func decode(_ type: Int.Type) throws -> Int { try self.integer(type) }
    mutating func decode(_ type: Int8.Type) throws -> Int8 { try self.integer(type) }
    mutating func decode(_ type: Int16.Type) throws -> Int16 { try self.integer(type) }
    mutating func decode(_ type: Int32.Type) throws -> Int32 { try self.integer(type) }
    mutating func decode(_ type: Int64.Type) throws -> Int64 { try self.integer(type) }
    mutating func decode(_ type: UInt.Type) throws -> UInt { try self.integer(type) }
    mutating func decode(_ type: UInt8.Type) throws -> UInt8 { try self.integer(type) }
    mutating func decode(_ type: UInt16.Type) throws -> UInt16 { try self.integer(type) }
    mutating func decode(_ type: UInt32.Type) throws -> UInt32 { try self.integer(type) }
    mutating func decode(_ type: UInt64.Type) throws -> UInt64 { try self.integer(type) }

    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let here = self.here
        return try self.take(type) { try T(from: JSONDecoding(value: $0, path: here)) }
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        let here = self.here
        return try self.take(KeyedDecodingContainer<Nested>.self) {
            KeyedDecodingContainer(try JSONKeyedDecoding<Nested>($0, here))
        }
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        let here = self.here
        return try self.take((any UnkeyedDecodingContainer).self) { try JSONUnkeyedDecoding($0, here) }
    }

    mutating func superDecoder() throws -> any Decoder {
        let here = self.here
        return try self.take((any Decoder).self) { JSONDecoding(value: $0, path: here) }
    }
}

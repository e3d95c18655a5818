/// A place in a document that a value encodes itself into.
final class JSONEncoding: Encoder {
    private enum Content {
        case nothing
        case scalar(JSONValue)
        case array([JSONEncoding])
        case object([(String, JSONEncoding)], positions: [String: Int])
    }

    let codingPath: [any CodingKey]
    private var content = Content.nothing

    init(_ codingPath: [any CodingKey] = []) { self.codingPath = codingPath }

    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// What was encoded; an empty object where nothing was.
    var value: JSONValue {
        switch self.content {
        case .nothing: .object([])
        case .scalar(let value): value
        case .array(let elements): .array(elements.map(\.value))
        case .object(let members, _): .object(members.map { ($0.0, $0.1.value) })
        }
    }

    func set(_ value: JSONValue) { self.content = .scalar(value) }

    func setReal(_ number: Double) throws {
        guard number.isFinite else {
            let context = EncodingError.Context(
                codingPath: self.codingPath,
                debugDescription: "JSON has no number for \(number)"
            )
            throw EncodingError.invalidValue(number, context)
        }
        self.set(.double(number))
    }

    func becomeArray() { if case .array = self.content {} else { self.content = .array([]) } }
    func becomeObject() { if case .object = self.content {} else { self.content = .object([], positions: [:]) } }

    var elementCount: Int { if case .array(let elements) = self.content { elements.count } else { 0 } }

    /// A new last element.
    func element() -> JSONEncoding {
        guard case .array(var elements) = self.content else { return JSONEncoding(self.codingPath) }
        self.content = .nothing  // else the append would copy
        let child = JSONEncoding(self.codingPath + [PlainKey(index: elements.count)])
        elements.append(child)
        self.content = .array(elements)
        return child
    }

    /// A new member; it replaces one of the same key.
    func member(_ key: any CodingKey) -> JSONEncoding {
        let child = JSONEncoding(self.codingPath + [key])
        guard case .object(var members, var positions) = self.content else { return child }
        self.content = .nothing  // else the append would copy
        if let position = positions[key.stringValue] {
            members[position].1 = child
        } else {
            positions[key.stringValue] = members.count
            members.append((key.stringValue, child))
        }
        self.content = .object(members, positions: positions)
        return child
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        self.becomeObject()
        return KeyedEncodingContainer(JSONKeyedEncoding<Key>(place: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        self.becomeArray()
        return JSONUnkeyedEncoding(place: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }
}

extension JSONEncoding: SingleValueEncodingContainer {
    func encodeNil() { self.set(.null) }
    func encode(_ value: Bool) { self.set(.bool(value)) }
    func encode(_ value: String) { self.set(.string(value)) }
    func encode(_ value: Double) throws { try self.setReal(value) }
    // Through the shortest text: 0.1, and not the double that is nearest to the float.
    func encode(_ value: Float) throws { try self.setReal(Double("\(value)") ?? Double(value)) }
    func encode(_ value: Int) { self.set(.int(value)) }
    func encode(_ value: Int8) { self.set(.int(Int(value))) }
    func encode(_ value: Int16) { self.set(.int(Int(value))) }
    func encode(_ value: Int32) { self.set(.int(Int(value))) }
    func encode(_ value: Int64) { self.set(.int(Int(value))) }
    func encode(_ value: UInt) { self.encode(UInt64(value)) }
    func encode(_ value: UInt8) { self.set(.int(Int(value))) }
    func encode(_ value: UInt16) { self.set(.int(Int(value))) }
    func encode(_ value: UInt32) { self.set(.int(Int(value))) }
    func encode(_ value: UInt64) { self.set(Int(exactly: value).map(JSONValue.int) ?? .unsigned(value)) }
    func encode<T: Encodable>(_ value: T) throws { try value.encode(to: self) }
}

/// A value in a field table: message headers, queue arguments, client and server properties.
///
/// One case per type tag in use; those are RabbitMQ's, which differ from the letters in AMQP 0-9-1 §4.2.1 (C29).
public enum FieldValue: Equatable, Sendable {
    /// Tag `t`: an octet, 0 or 1.
    case bool(Bool)
    /// Tag `b`.
    case int8(Int8)
    /// Tag `B`.
    case uint8(UInt8)
    /// Tag `s`, which the specification gave to short strings.
    case int16(Int16)
    /// Tag `u`.
    case uint16(UInt16)
    /// Tag `I`.
    case int32(Int32)
    /// Tag `i`.
    case uint32(UInt32)
    /// Tag `l`: the one to use for whole numbers.
    case int64(Int64)
    /// Tag `L`: read for the sake of peers that send it, written only to give back what was read.
    case legacyInt64(Int64)
    /// Tag `f`.
    case float(Float)
    /// Tag `d`.
    case double(Double)
    /// Tag `D`: `value` divided by ten to the power of `scale`.
    case decimal(scale: UInt8, value: UInt32)
    /// Tag `S`, with text in it.
    case string(String)
    /// Tag `S`, with octets in it that are not UTF-8.
    case nonUTF8String([UInt8])
    /// Tag `x`.
    case bytes([UInt8])
    /// Tag `A`.
    case array([FieldValue])
    /// Tag `T`: seconds since 1970, in UTC.
    case timestamp(UInt64)
    /// Tag `F`.
    case table(FieldTable)
    /// Tag `V`: nothing, and no octets.
    case void
    /// A value of this tag that has no other case, with its octets, for a table or an array its length among them.
    ///
    /// A table or an array that is nested too deep, an array with a value of a type that nobody knows, a bool that is
    /// neither 0 nor 1. It is written back as it came.
    case undecoded(tag: UInt8, octets: [UInt8])
}

extension FieldValue {
    /// A text of any octets: `.string` if they are UTF-8, else `.nonUTF8String`.
    public init(textOctets octets: some Sequence<UInt8>) {
        let octets = Array(octets)
        self = String(validating: octets, as: UTF8.self).map(FieldValue.string) ?? .nonUTF8String(octets)
    }

    /// The octets of a text, also of one that is not UTF-8, or nil for any other type.
    public var textOctets: [UInt8]? {
        switch self {
        case .string(let text): Array(text.utf8)
        case .nonUTF8String(let octets): octets
        default: nil
        }
    }
}

extension FieldValue {
    /// The text of a string, or nil for any other type.
    public var stringValue: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    /// The truth value of a bool, true for any octet but 0; or nil for any other type.
    public var boolValue: Bool? {
        switch self {
        case .bool(let value): value
        case .undecoded(UInt8(ascii: "t"), let octets): octets != [0]
        default: nil
        }
    }

    /// The number in any of the whole-number types, or nil for any other type.
    public var intValue: Int64? {
        switch self {
        case .int8(let value): Int64(value)
        case .uint8(let value): Int64(value)
        case .int16(let value): Int64(value)
        case .uint16(let value): Int64(value)
        case .int32(let value): Int64(value)
        case .uint32(let value): Int64(value)
        case .int64(let value), .legacyInt64(let value): value
        default: nil
        }
    }

    /// The table in a table, or nil for any other type.
    public var tableValue: FieldTable? {
        guard case .table(let value) = self else { return nil }
        return value
    }

    /// The elements of an array, or nil for any other type.
    public var arrayValue: [FieldValue]? {
        guard case .array(let value) = self else { return nil }
        return value
    }
}

extension FieldValue: ExpressibleByStringLiteral {
    /// A literal text becomes `.string`.
    public init(stringLiteral value: String) { self = .string(value) }
}

extension FieldValue: ExpressibleByStringInterpolation {}

extension FieldValue: ExpressibleByIntegerLiteral {
    /// A literal number becomes `.int64`, tag `l`.
    public init(integerLiteral value: Int64) { self = .int64(value) }
}

extension FieldValue: ExpressibleByFloatLiteral {
    /// A literal fraction becomes `.double`.
    public init(floatLiteral value: Double) { self = .double(value) }
}

extension FieldValue: ExpressibleByBooleanLiteral {
    /// A literal truth value becomes `.bool`.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension FieldValue: ExpressibleByArrayLiteral {
    /// Literal elements become `.array`.
    public init(arrayLiteral elements: FieldValue...) { self = .array(elements) }
}

extension FieldValue: ExpressibleByDictionaryLiteral {
    /// Literal pairs become `.table`.
    public init(dictionaryLiteral elements: (String, FieldValue)...) {
        self = .table(FieldTable(elements.map { FieldTable.Entry(key: $0.0, value: $0.1) }))
    }
}

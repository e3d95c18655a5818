import AMQPWire

/// Values of arguments as RabbitMQ prints them in its texts.
enum ArgumentText {
    /// The name of a value's type.
    static func type(_ value: FieldValue) -> String {
        switch value {
        case .bool: "bool"
        case .int8: "byte"
        case .uint8: "unsignedbyte"
        case .int16: "short"
        case .uint16: "unsignedshort"
        case .int32: "signedint"
        case .uint32: "unsignedint"
        case .int64, .legacyInt64: "long"
        case .float: "float"
        case .double: "double"
        case .decimal: "decimal"
        case .string, .nonUTF8String: "longstr"
        case .bytes: "binary"
        case .array: "array"
        case .timestamp: "timestamp"
        case .table: "table"
        case .void: "void"
        case .undecoded: "undecoded"
        }
    }

    static func value(_ value: FieldValue) -> String {
        if let number = value.intValue { return "\(number)" }
        switch value {
        case .bool(let flag): return "\(flag)"
        case .string(let text): return text
        case .double(let number): return "\(number)"
        case .timestamp(let time): return "\(time)"
        case .void: return "undefined"
        case .table, .array: return self.term(value)
        default: return self.type(value)
        }
    }

    /// A value inside another, as Erlang prints it.
    private static func term(_ value: FieldValue) -> String {
        switch value {
        case .string(let text): return "<<\"\(text)\">>"
        case .table(let table):
            let entries = table.entries.map { "{<<\"\($0.key)\">>,\(self.type($0.value)),\(self.term($0.value))}" }
            return "[\(entries.joined(separator: ","))]"
        case .array(let values):
            return "[\(values.map { "{\(self.type($0)),\(self.term($0))}" }.joined(separator: ","))]"
        default: return self.value(value)
        }
    }

    /// Whole numbers are one class, fractions another, whatever their size.
    private static func sort(_ value: FieldValue) -> String {
        if value.intValue != nil { return "int" }
        let type = self.type(value)
        return type == "float" ? "double" : type
    }

    /// Of one class and equal, or the very same value of two.
    private static func agree(_ one: FieldValue, _ other: FieldValue) -> Bool {
        ErlangValue.areEqual(one, other, exactly: Self.sort(one) != Self.sort(other))
    }

    /// What a new declaration says differently from the first one; nil if they agree on this argument.
    static func difference(_ key: String, _ thing: String, current: FieldTable, received: FieldTable) -> Refusal? {
        func typed(_ value: FieldValue?) -> String {
            value.map { "the value '\(Self.value($0))' of type '\(Self.type($0))'" } ?? "none"
        }
        // Where both say something, nothing is what one that is void says.
        func quoted(_ value: FieldValue) -> String { value == .void ? "none" : "'\(Self.value(value))'" }
        switch (current[key], received[key]) {
        case (nil, nil): return nil
        case (let current?, let received?):
            if Self.agree(current, received) { return nil }
            return Self.inequivalent(key, thing, received: quoted(received), current: quoted(current))
        case (let current, let received):
            return Self.inequivalent(key, thing, received: typed(received), current: typed(current))
        }
    }

    static func inequivalent(_ key: String, _ thing: String, received: String, current: String) -> Refusal {
        .channel(
            .preconditionFailed,
            "inequivalent arg '\(key)' for \(thing): received \(received) but current is \(current)"
        )
    }
}

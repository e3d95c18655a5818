import AMQPWire

extension FieldTable {
    init(_ arguments: [String: ArgumentValue]) {
        self.init(arguments.sorted { $0.key < $1.key }.map { Entry(key: $0.key, value: FieldValue($0.value)) })
    }
}

extension FieldValue {
    init(_ argument: ArgumentValue) {
        switch argument {
        case .string(let value): self = .string(value)
        case .int(let value): self = .int64(value)
        case .double(let value): self = .double(value)
        case .bool(let value): self = .bool(value)
        case .null: self = .void
        case .array(let values): self = .array(values.map(FieldValue.init))
        case .table(let values): self = .table(FieldTable(values))
        }
    }
}

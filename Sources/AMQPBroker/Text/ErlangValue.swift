import AMQPWire

/// Values of tables as RabbitMQ compares them: Erlang's terms, which know numbers and octets and no types of AMQP.
enum ErlangValue {
    /// - Parameters:
    ///   - one: A value.
    ///   - other: Another one.
    ///   - exactly: 1 is not 1.0.
    /// - Returns: Whether they are equal; a time is the number of its seconds.
    static func areEqual(_ one: FieldValue, _ other: FieldValue, exactly: Bool) -> Bool {
        if let number = Self.whole(one) {
            if let second = Self.whole(other) { return number == second }
            return !exactly && Self.fraction(other) == Double(number)
        }
        if let number = Self.fraction(one) {
            if let second = Self.fraction(other) { return number == second }
            return !exactly && Self.whole(other).map { Double($0) } == number
        }
        if let octets = Self.octets(one) { return octets == Self.octets(other) }
        switch (one, other) {
        case (.array(let ones), .array(let others)):
            return ones.count == others.count
                && zip(ones, others).allSatisfy { Self.areSame($0, $1, exactly: exactly) }
        case (.table(let ones), .table(let others)):
            return ones.entries.count == others.entries.count
                && zip(ones.entries, others.entries).allSatisfy {
                    $0.keyOctets == $1.keyOctets && Self.areSame($0.value, $1.value, exactly: exactly)
                }
        default: return one == other
        }
    }

    /// Inside another value the type is a part of it.
    private static func areSame(_ one: FieldValue, _ other: FieldValue, exactly: Bool) -> Bool {
        ArgumentText.type(one) == ArgumentText.type(other) && Self.areEqual(one, other, exactly: exactly)
    }

    private static func whole(_ value: FieldValue) -> Int128? {
        if case .timestamp(let seconds) = value { return Int128(seconds) }
        return value.intValue.map { Int128($0) }
    }

    private static func fraction(_ value: FieldValue) -> Double? {
        switch value {
        case .float(let number): Double(number)
        case .double(let number): number
        default: nil
        }
    }

    private static func octets(_ value: FieldValue) -> [UInt8]? {
        if case .bytes(let octets) = value { return octets }
        return value.textOctets
    }
}

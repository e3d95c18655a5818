import AMQPWire

/// Whether a message's headers are what a binding of a headers exchange asks for.
enum HeadersMatch {
    /// - Parameters:
    ///   - arguments: Of the binding.
    ///   - headers: Of the message.
    ///   - exactly: 1 is not 1.0, and a message's times, not the binding's, are in milliseconds.
    /// - Returns: Whether they are.
    static func matches(_ arguments: FieldTable, _ headers: FieldTable, exactly: Bool) -> Bool {
        let mode = arguments["x-match"]?.stringValue ?? "all"
        let countsOwn = mode.hasSuffix("-with-x")
        let wanted = arguments.entries.filter { entry in
            entry.key != "x-match" && (countsOwn || !entry.key.hasPrefix("x-"))
        }
        func fits(_ entry: FieldTable.Entry) -> Bool {
            guard let value = headers[entry.key] else { return false }
            if entry.value == .void { return true }
            return ErlangValue.areEqual(entry.value, exactly ? Self.inMilliseconds(value) : value, exactly: exactly)
        }
        return mode.hasPrefix("any") ? wanted.contains(where: fits) : wanted.allSatisfy(fits)
    }

    private static func inMilliseconds(_ value: FieldValue) -> FieldValue {
        guard case .timestamp(let seconds) = value else { return value }
        return .timestamp(seconds &* 1000)
    }

    static let modes = ["all", "any", "all-with-x", "any-with-x"]
}

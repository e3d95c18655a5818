import AMQPWire

/// Whether a message's headers are what a binding of a headers exchange asks for.
enum HeadersMatch {
    static func matches(_ arguments: FieldTable, _ headers: FieldTable) -> Bool {
        let mode = arguments["x-match"]?.stringValue ?? "all"
        let countsOwn = mode.hasSuffix("-with-x")
        let wanted = arguments.entries.filter { entry in
            entry.key != "x-match" && (countsOwn || !entry.key.hasPrefix("x-"))
        }
        func fits(_ entry: FieldTable.Entry) -> Bool {
            guard let value = headers[entry.key] else { return false }
            if entry.value == .void { return true }
            if let one = entry.value.intValue, let other = value.intValue { return one == other }
            return entry.value == value
        }
        return mode.hasPrefix("any") ? wanted.contains(where: fits) : wanted.allSatisfy(fits)
    }

    static let modes = ["all", "any", "all-with-x", "any-with-x"]
}

package import AMQPWire

/// Names for dead letters that have no `message-id`: the same at every look, and no two alike in one.
///
/// A name is a hash of what stays when the message is looked at, given back, or put back as a copy of itself. Messages that
/// are equal in all of that are told apart by a number, in the queue's order: which of them is which makes no difference.
package struct DeadLetterNames: Sendable {
    private var counts: [String: Int] = [:]

    package init() {}

    /// The name of the next message of a look.
    package mutating func next(_ hash: String) -> String {
        let number = self.counts[hash, default: 0] + 1
        self.counts[hash] = number
        return number == 1 ? hash : "\(hash)-\(number)"
    }

    /// `~` and 16 hexadecimal digits.
    ///
    /// - Parameters:
    ///   - body: The message's.
    ///   - properties: The same; what brokers count and note in them does not matter, but for what
    ///     ``RenewedProperties`` takes from it.
    /// - Returns: The same for a message and for its copy.
    package static func hash(_ body: UnsafeRawBufferPointer, _ properties: BasicProperties) -> String {
        let lasting = RenewedProperties.of(properties)
        var hash = StableHash()
        func add(_ text: String?) {
            hash.add((text ?? "").utf8)
            hash.add([text == nil ? 0xFE : 0xFF])  // in no UTF-8, so that no two rows of texts are alike
        }
        add(lasting.contentType)
        add(lasting.contentEncoding)
        add(lasting.correlationID)
        add(lasting.replyTo)
        add(lasting.expiration)
        add(lasting.type)
        add(lasting.appID)
        add(lasting.priority.map { "\($0)" })
        add(lasting.timestamp.map { "\($0)" })
        let headers = (lasting.headers ?? FieldTable()).entries.filter { !MessageCopy.staysBehind($0.key) }
        add(Self.text(.table(FieldTable(headers))))
        hash.add(body)
        return "~" + hash.digits
    }

    /// Brokers may sort a table by its names.
    private static func text(_ value: FieldValue) -> String {
        switch value {
        case .table(let table):
            let entries = table.entries.map { "\($0.key)=\(Self.text($0.value))" }
            return "{\(entries.sorted().joined(separator: ";"))}"
        case .array(let values): return "[\(values.map(Self.text).joined(separator: ";"))]"
        case .string(let text): return "'\(text)'"
        default: return "\(value)"
        }
    }
}

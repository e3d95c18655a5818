/// A field table: named values in the order they were written, so that what was read is written back octet for octet.
///
/// Two tables are equal if they hold equal entries in the same order. AMQP 0-9-1 §4.2.5.5.
public struct FieldTable: Equatable, Sendable {
    /// How deep tables and arrays may be nested, the outermost table counted: 32, reading and writing (C30).
    public static var maxDepth: Int { 32 }

    /// One name and its value.
    public struct Entry: Equatable, Sendable {
        /// The name, 255 octets of UTF-8 at most.
        public var key: String
        /// The value.
        public var value: FieldValue

        /// Makes an entry.
        public init(key: String, value: FieldValue) {
            self.key = key
            self.value = value
        }
    }

    /// The entries in their order.
    ///
    /// A peer may send a name twice; both are kept.
    public var entries: [Entry]

    /// Makes a table of `entries`, in their order.
    public init(_ entries: [Entry] = []) { self.entries = entries }

    /// Whether there are no entries.
    public var isEmpty: Bool { self.entries.isEmpty }
    /// How many entries there are.
    public var count: Int { self.entries.count }
    /// The names, in their order.
    public var keys: [String] { self.entries.map(\.key) }

    /// The first value of that name, compared octet by octet; nil if there is none.
    ///
    /// Setting replaces the first value of the name in its place, or appends; setting nil removes every entry of the name.
    public subscript(key: String) -> FieldValue? {
        get { self.index(of: key).map { self.entries[$0].value } }
        set {
            guard let newValue else { return self.entries.removeAll { $0.key.utf8.elementsEqual(key.utf8) } }
            if let index = self.index(of: key) {
                self.entries[index].value = newValue
            } else {
                self.entries.append(Entry(key: key, value: newValue))
            }
        }
    }

    private func index(of key: String) -> Int? {
        self.entries.firstIndex { $0.key.utf8.elementsEqual(key.utf8) }
    }
}

extension FieldTable: ExpressibleByDictionaryLiteral {
    /// Makes a table of literal pairs, in their order.
    public init(dictionaryLiteral elements: (String, FieldValue)...) {
        self.entries = elements.map { Entry(key: $0.0, value: $0.1) }
    }
}

/// A field table: named values in the order they were written, so that what was read is written back octet for octet.
///
/// Two tables are equal if they hold equal entries in the same order. AMQP 0-9-1 §4.2.5.5.
public struct FieldTable: Equatable, Sendable {
    /// How deep tables and arrays may be nested, the outermost table counted: 32, reading and writing (C30).
    public static var maxDepth: Int { 32 }

    /// One name and its value.
    public struct Entry: Equatable, Sendable {
        /// The name, 255 octets of UTF-8 at most.
        ///
        /// Of a name that came in octets that are not UTF-8 it is a likeness, with `U+FFFD` for them.
        public var key: String { didSet { self.undecodedKey = nil } }
        /// The value.
        public var value: FieldValue
        private(set) var undecodedKey: [UInt8]?

        /// Makes an entry.
        public init(key: String, value: FieldValue) {
            self.key = key
            self.value = value
        }

        /// Makes an entry with a name of any octets, 255 at most.
        public init(keyOctets: some Collection<UInt8>, value: FieldValue) {
            self.key = String(decoding: keyOctets, as: UTF8.self)
            self.value = value
            if !self.key.utf8.elementsEqual(keyOctets) { self.undecodedKey = [UInt8](keyOctets) }
        }

        /// The name as it is written.
        public var keyOctets: [UInt8] { self.undecodedKey ?? Array(self.key.utf8) }

        /// Whether ``key`` is the name itself: it came in UTF-8.
        public var isText: Bool { self.undecodedKey == nil }

        /// Whether the name is this one, octet by octet.
        public func isNamed(_ key: String) -> Bool {
            self.undecodedKey == nil && self.key.utf8.elementsEqual(key.utf8)
        }

        /// Whether the name has these octets.
        public func isNamed(octets: some Collection<UInt8>) -> Bool {
            self.undecodedKey?.elementsEqual(octets) ?? self.key.utf8.elementsEqual(octets)
        }
    }

    /// The entries in their order.
    ///
    /// A peer may send a name twice; both are kept.
    public var entries: [Entry]
    /// What stands behind the entries and can not be read: from the first value of a type that nobody knows.
    ///
    /// Written back as it came, behind the entries and those that were added.
    public var undecoded: [UInt8] = []

    /// Makes a table of `entries`, in their order.
    public init(_ entries: [Entry] = []) { self.entries = entries }

    /// Whether there is nothing in it.
    public var isEmpty: Bool { self.entries.isEmpty && self.undecoded.isEmpty }
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
            guard let newValue else { return self.entries.removeAll { $0.isNamed(key) } }
            if let index = self.index(of: key) {
                self.entries[index].value = newValue
            } else {
                self.entries.append(Entry(key: key, value: newValue))
            }
        }
    }

    /// The first value whose name has these octets; nil if there is none.
    public subscript(octets key: some Collection<UInt8>) -> FieldValue? {
        self.entries.first { $0.isNamed(octets: key) }?.value
    }

    private func index(of key: String) -> Int? { self.entries.firstIndex { $0.isNamed(key) } }
}

extension FieldTable: ExpressibleByDictionaryLiteral {
    /// Makes a table of literal pairs, in their order.
    public init(dictionaryLiteral elements: (String, FieldValue)...) {
        self.entries = elements.map { Entry(key: $0.0, value: $0.1) }
    }
}

/// The job's `with:` block.
///
/// Every error names the key and says what was expected. What a handler has never asked for when it is made is named to
/// the operator, as probably misspelt, unless the handler has kept its options and may ask later.
public struct HandlerOptions: Sendable {
    private let values: [String: JSONValue]
    /// Shared with those that are inside, and with every copy.
    private var use = OptionUse()
    /// Where they are in the `with:` block, as a JSON pointer; empty for the block itself.
    private let place: String

    /// Reads a JSON object.
    ///
    /// - Throws: ``OptionError`` if it is none.
    public init(json: [UInt8]) throws(OptionError) {
        var reader = JSONReader(json)
        guard case .object(let members)? = reader.readDocument() else {
            throw OptionError(key: "with", reason: "is not a JSON object")
        }
        self.values = Dictionary(members, uniquingKeysWith: { _, last in last })
        self.place = ""
    }

    package init(_ values: [String: JSONValue]) {
        self.values = values
        self.place = ""
    }

    private init(_ members: [(String, JSONValue)], of outer: HandlerOptions, _ key: String) {
        self.values = Dictionary(members, uniquingKeysWith: { _, last in last })
        self.use = outer.use
        self.place = OptionUse.pointer(outer.place, key)
    }

    /// What has been asked for, as JSON pointers; nil if somebody has kept a copy, and may ask for more.
    package mutating func takeReadPaths() -> [String]? {
        isKnownUniquelyReferenced(&self.use) ? self.use.paths : nil
    }

    /// The block as the ABI hands it over.
    package var json: [UInt8] {
        JSONWriter.write(.object(self.values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
    }

    /// The keys there are, sorted.
    ///
    /// Who looks at them knows all, and has read all.
    public var keys: [String] {
        self.use.note(self.place)
        return self.values.keys.sorted()
    }

    /// Whether the key is there and not null.
    public func contains(_ key: String) -> Bool {
        self.use.note(OptionUse.pointer(self.place, key))
        return self.has(key)
    }

    private func has(_ key: String) -> Bool {
        switch self.values[key] {
        case nil, .null: false
        case .some: true
        }
    }

    /// A text.
    ///
    /// - Throws: ``OptionError`` if it is missing or something else.
    public func string(_ key: String) throws(OptionError) -> String {
        guard case .string(let text) = try self.require(key) else {
            throw OptionError(key: key, reason: "must be a text")
        }
        return text
    }

    /// A text, or the default.
    public func string(_ key: String, default value: String) throws(OptionError) -> String {
        self.contains(key) ? try self.string(key) : value
    }

    /// A whole number.
    public func int(_ key: String) throws(OptionError) -> Int {
        guard case .int(let number) = try self.require(key) else {
            throw OptionError(key: key, reason: "must be a whole number")
        }
        return number
    }

    /// A whole number, or the default.
    public func int(_ key: String, default value: Int) throws(OptionError) -> Int {
        self.contains(key) ? try self.int(key) : value
    }

    /// A number.
    public func double(_ key: String) throws(OptionError) -> Double {
        switch try self.require(key) {
        case .int(let number): return Double(number)
        case .unsigned(let number): return Double(number)
        case .double(let number): return number
        default: throw OptionError(key: key, reason: "must be a number")
        }
    }

    /// A number, or the default.
    public func double(_ key: String, default value: Double) throws(OptionError) -> Double {
        self.contains(key) ? try self.double(key) : value
    }

    /// true or false.
    public func bool(_ key: String) throws(OptionError) -> Bool {
        guard case .bool(let flag) = try self.require(key) else {
            throw OptionError(key: key, reason: "must be true or false")
        }
        return flag
    }

    /// true or false, or the default.
    public func bool(_ key: String, default value: Bool) throws(OptionError) -> Bool {
        self.contains(key) ? try self.bool(key) : value
    }

    /// A list of texts.
    public func strings(_ key: String) throws(OptionError) -> [String] {
        guard case .array(let values) = try self.require(key) else {
            throw OptionError(key: key, reason: "must be a list of texts")
        }
        var texts: [String] = []
        for value in values {
            guard case .string(let text) = value else { throw OptionError(key: key, reason: "must be a list of texts") }
            texts.append(text)
        }
        return texts
    }

    /// A duration with its unit, as everywhere in the job file: `500ms`, `30s`, `2m`, `1h`, `1m30s`.
    public func duration(_ key: String) throws(OptionError) -> Duration {
        if let duration = OptionDuration.parse(try self.string(key)) { return duration }
        throw OptionError(key: key, reason: "must be a duration with its unit: 500ms, 30s, 2m, 1h or 1m30s")
    }

    /// A duration, or the default.
    public func duration(_ key: String, default value: Duration) throws(OptionError) -> Duration {
        self.contains(key) ? try self.duration(key) : value
    }

    /// A mapping inside; its own keys are read, and named in errors, one by one.
    public func options(_ key: String) throws(OptionError) -> HandlerOptions {
        guard self.has(key), let value = self.values[key] else {
            self.use.note(OptionUse.pointer(self.place, key))
            throw OptionError(key: key, reason: "is missing")
        }
        guard case .object(let members) = value else {
            throw OptionError(key: key, reason: "must be a mapping of keys and values")
        }
        return HandlerOptions(members, of: self, key)
    }

    private func require(_ key: String) throws(OptionError) -> JSONValue {
        guard self.contains(key), let value = self.values[key] else {
            throw OptionError(key: key, reason: "is missing")
        }
        return value
    }
}

/// An option that a handler can not use.
public struct OptionError: Error, CustomStringConvertible, Equatable {
    /// The key under `with:`.
    public let key: String
    /// What is wrong with it.
    public let reason: String

    /// An error about one key.
    public init(key: String, reason: String) {
        self.key = key
        self.reason = reason
    }

    /// One sentence.
    public var description: String { "option '\(self.key)' \(self.reason)" }
}

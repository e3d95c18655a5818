/// `connection: { uri: embedded }`: a broker in the supervisor's own process, which holds all in memory.
///
/// Written `embedded`, `embedded:5673` for a port that does not change, `embedded:?profile=4.3&memory=1GiB`.
public struct EmbeddedSettings: Sendable, Equatable {
    /// Of the loopback interface; 0 is any that is free, another one with each start.
    public var port: Int
    /// The release of RabbitMQ whose behaviour it has: one of ``releases``.
    public var release: String
    /// Octets of messages that it holds before it stops reading from who publishes; 256 MiB unless given.
    public var memory: Int

    /// The releases there are.
    public static let releases = ["3.10", "4.0", "4.3"]
    /// Octets that ``memory`` may be: 1 MiB to 1 TiB.
    public static let memoryLimits = 1 << 20...1 << 40

    /// Makes settings in code; nothing is checked.
    public init(port: Int = 0, release: String = "3.10", memory: Int = 256 << 20) {
        self.port = port
        self.release = release
        self.memory = memory
    }

    /// Why a text that begins with `embedded` means nothing: what is wrong, and what to write.
    package struct Mistake: Error, Equatable {
        package let text: String
        package let help: String
    }

    /// Whether a URI speaks of a broker in this process, right or wrong.
    package static func isMeant(by uri: String) -> Bool {
        let word = uri.prefix { $0 != ":" && $0 != "?" }
        return word.lowercased() == "embedded"
    }

    /// Reads `embedded[:PORT][?profile=RELEASE&memory=SIZE]`; nil if the text is about another broker.
    ///
    /// - Parameter uri: As it stands in the file.
    /// - Throws: What is wrong with it.
    package init?(uri: String) throws(Mistake) {
        guard Self.isMeant(by: uri) else { return nil }
        self.init()
        let parts = uri.dropFirst("embedded".count).split(
            separator: "?",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        let place = parts[0].drop { $0 == ":" }
        if !place.isEmpty {
            guard let port = Int(place), (1...65_535).contains(port), parts[0].count == place.count + 1 else {
                throw Mistake(
                    text: "behind 'embedded:' stands a port from 1 to 65535, or nothing",
                    help: "write embedded, or embedded:5673"
                )
            }
            self.port = port
        }
        guard parts.count > 1 else { return }
        var known: Set<Substring> = []
        for pair in parts[1].split(separator: "&") {
            let words = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard known.insert(words[0]).inserted else {
                throw Mistake(text: "'embedded' has a parameter twice", help: "leave one of the two out")
            }
            try self.read(words[0], words.count > 1 ? String(words[1]) : "")
        }
    }

    private mutating func read(_ key: Substring, _ value: String) throws(Mistake) {
        switch key {
        case "profile":
            guard Self.releases.contains(value) else {
                throw Mistake(
                    text: "'profile' is a release of RabbitMQ whose behaviour is known",
                    help: "there are \(Self.releases.joined(separator: ", "))"
                )
            }
            self.release = value
        case "memory":
            guard let octets = Self.octets(value), Self.memoryLimits.contains(octets) else {
                throw Mistake(text: "'memory' is a size from 1MiB to 1024GiB", help: "write 512MiB or 2GiB")
            }
            self.memory = octets
        default:
            throw Mistake(text: "'embedded' has no such parameter", help: "there are profile and memory")
        }
    }

    /// `512MiB`, `2GiB`.
    private static func octets(_ text: String) -> Int? {
        for (unit, shift) in [("MiB", 20), ("GiB", 30)] where text.hasSuffix(unit) {
            let digits = text.dropLast(unit.count)
            guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(digits), number <= 1 << 20 else {
                return nil
            }
            return number << shift
        }
        return nil
    }

    /// ``memory`` for people.
    package var memoryText: String {
        self.memory.isMultiple(of: 1 << 30) ? "\(self.memory >> 30) GiB" : "\(self.memory >> 20) MiB"
    }
}

extension ConnectionSettings {
    /// The broker in this process that the file asks for; nil if it is another one, or several.
    public var embedded: EmbeddedSettings? {
        guard self.uris.count == 1 else { return nil }
        return (try? EmbeddedSettings(uri: self.uris[0])) ?? nil
    }
}

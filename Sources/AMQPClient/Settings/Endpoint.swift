/// One broker address with its credentials, as an `amqp://` URI gives it (RabbitMQ URI specification).
public struct Endpoint: Sendable, Equatable {
    /// Host name or address, without the brackets of an IPv6 literal.
    public var host: String
    /// 1...65535; 5672 unless given.
    public var port: Int
    /// `guest` unless given.
    public var user: String
    /// `guest` unless given.
    public var password: String
    /// `/` unless given; `amqp://host/` means it too.
    public var virtualHost: String

    /// An address with the broker's defaults.
    public init(
        host: String,
        port: Int = 5672,
        user: String = "guest",
        password: String = "guest",
        virtualHost: String = "/"
    ) {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.virtualHost = virtualHost
    }

    /// Reads `amqp://user:password@host:port/vhost`, each part percent-encoded.
    ///
    /// - Throws: `.invalidSettings` that says which part is wrong, without the password.
    public init(uri: String) throws(AMQPError) {
        func invalid(_ what: String) -> AMQPError {
            AMQPError(
                .invalidSettings,
                scope: .call,
                text: "the connection URI \(what); write amqp://user:password@host:5672/vhost"
            )
        }
        guard let schemeEnd = uri.utf8Range(of: "://") else { throw invalid("has no scheme") }
        let scheme = uri[..<schemeEnd.lowerBound].lowercased()
        if scheme == "amqps" { throw invalid("asks for TLS (amqps), which this version does not speak yet") }
        guard scheme == "amqp" else { throw invalid("has the scheme '\(scheme)'") }
        var rest = uri[schemeEnd.upperBound...]
        if let query = rest.firstIndex(of: "?") {
            guard rest[rest.index(after: query)...].isEmpty else {
                throw invalid("has query parameters, which belong under `connection` in the job file")
            }
            rest = rest[..<query]
        }
        self.init(host: "localhost")
        if let slash = rest.firstIndex(of: "/") {
            guard let name = Self.decode(rest[rest.index(after: slash)...]) else {
                throw invalid("has a broken percent-encoding in its virtual host")
            }
            guard !rest[rest.index(after: slash)...].contains("/") else {
                throw invalid("has a second '/' in its virtual host (write it as %2F)")
            }
            // `amqp://host/` is the empty name by the letter, and the default vhost to everybody who writes it.
            if !name.isEmpty { self.virtualHost = name }
            rest = rest[..<slash]
        }
        if let at = rest.lastIndex(of: "@") {
            let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let user = Self.decode(parts[0]), let password = Self.decode(parts.count > 1 ? parts[1] : "") else {
                throw invalid("has a broken percent-encoding in its user or password")
            }
            self.user = user
            self.password = password
            rest = rest[rest.index(after: at)...]
        }
        try self.readHost(rest, invalid)
    }

    private mutating func readHost(_ text: Substring, _ invalid: (String) -> AMQPError) throws(AMQPError) {
        var text = text
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw invalid("has an IPv6 address without ']'") }
            self.host = String(text[text.index(after: text.startIndex)..<end])
            text = text[text.index(after: end)...]
            guard text.isEmpty || text.hasPrefix(":") else {
                throw invalid("has something after its host other than ':' and a port")
            }
        } else {
            let end = text.firstIndex(of: ":") ?? text.endIndex
            guard let host = Self.decode(text[..<end]) else {
                throw invalid("has a broken percent-encoding in its host")
            }
            if !host.isEmpty { self.host = host }
            text = text[end...]
        }
        guard text.hasPrefix(":") else { return }
        guard let port = Int(text.dropFirst()), (1...65535).contains(port) else {
            // Not quoted: an unencoded '/' in a password makes a part of it look like a port.
            throw invalid("has a port that is not 1...65535, or a '/' in its password (write it as %2F)")
        }
        self.port = port
    }

    private static func decode(_ text: Substring) -> String? {
        var octets: [UInt8] = []
        var bytes = text.utf8.makeIterator()
        while let byte = bytes.next() {
            guard byte == UInt8(ascii: "%") else {
                octets.append(byte)
                continue
            }
            guard let high = bytes.next().flatMap(Self.hexDigit), let low = bytes.next().flatMap(Self.hexDigit) else {
                return nil
            }
            octets.append(high << 4 | low)
        }
        return String(validating: octets, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// Host, port and vhost for logs, without credentials.
    public var address: String { "\(self.host):\(self.port), vhost '\(self.virtualHost)'" }
}

extension String {
    fileprivate func utf8Range(of needle: String) -> Range<String.Index>? {
        var start = self.startIndex
        while start < self.endIndex {
            if self[start...].hasPrefix(needle) {
                return start..<self.index(start, offsetBy: needle.count)
            }
            start = self.index(after: start)
        }
        return nil
    }
}

extension Endpoint {
    /// Reads `amqp://user:password@host:port/vhost?parameter=value&…`, each part percent-encoded; `amqps://` for TLS.
    ///
    /// What is left out has its default. By RabbitMQ's rules `amqp://host/` names the virtual host with the EMPTY name;
    /// leave the `/` out, or write `%2F`, for the default one. Parameters: `heartbeat` (seconds), `connection_timeout`
    /// (milliseconds), `channel_max`, `frame_max`, `auth_mechanism` (`plain`, `amqplain`, `external`,
    /// `rabbit-cr-demo`; more than one in order of preference); with TLS also `cacertfile`, `certfile`, `keyfile`,
    /// `password` (the key's), `verify` (`verify_peer`, the default here, or `verify_none`) and
    /// `server_name_indication` (a name, or `disable`: no name is sent and none is checked).
    ///
    /// - Throws: `.invalidSettings` that says which part is wrong, without the password.
    public init(uri: String) throws(AMQPError) {
        guard let schemeEnd = uri.utf8Range(of: "://") else { throw Self.invalid("has no scheme") }
        let scheme = uri[..<schemeEnd.lowerBound].lowercased()
        guard scheme == "amqp" || scheme == "amqps" else {
            // Anything else that stands there may be a part of a password.
            let isScheme = scheme.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
            throw Self.invalid(isScheme ? "has the scheme '\(scheme)'" : "has no scheme")
        }
        self.init(host: "localhost", tls: scheme == "amqps" ? TLSOptions() : nil)
        var rest = uri[schemeEnd.upperBound...]
        var query: Substring = ""
        if let mark = rest.firstIndex(of: "?") {
            query = rest[rest.index(after: mark)...]
            rest = rest[..<mark]
        }
        guard !query.contains("@") else {
            // Not quoted: it may well be the rest of a password.
            throw Self.invalid("has an '@' after its '?' (write %3F for a '?' in a password, %40 for an '@')")
        }
        var hasLateAt = false
        if let slash = rest.firstIndex(of: "/") {
            guard let name = PercentCoding.decode(rest[rest.index(after: slash)...]) else {
                throw Self.invalid("has a broken percent-encoding in its virtual host")
            }
            guard !rest[rest.index(after: slash)...].contains("/") else {
                throw Self.invalid("has a second '/' in its virtual host (write it as %2F)")
            }
            hasLateAt = rest[slash...].contains("@") && !rest[..<slash].contains("@")
            self.virtualHost = name
            rest = rest[..<slash]
        }
        if let at = rest.lastIndex(of: "@") {
            try self.readUser(rest[..<at])
            rest = rest[rest.index(after: at)...]
        }
        try self.readHost(rest)
        guard !hasLateAt else {
            // A password's first part would be the port, and the rest of it the virtual host.
            throw Self.invalid("has its first '@' after a '/' (write %2F for a '/' in a password, %40 for an '@')")
        }
        try URIQuery.apply(query, to: &self)
    }

    static func invalid(_ what: String) -> AMQPError {
        AMQPError(
            .invalidSettings,
            scope: .call,
            text: "the connection URI \(what); write amqp://user:password@host:5672/vhost"
        )
    }

    private mutating func readUser(_ text: Substring) throws(AMQPError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let user = PercentCoding.decode(parts[0]),
            let password = PercentCoding.decode(parts.count > 1 ? parts[1] : "")
        else { throw Self.invalid("has a broken percent-encoding in its user or password") }
        self.user = user
        self.password = password
    }

    private mutating func readHost(_ text: Substring) throws(AMQPError) {
        var text = text
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw Self.invalid("has an IPv6 address without ']'") }
            self.host = String(text[text.index(after: text.startIndex)..<end])
            text = text[text.index(after: end)...]
            guard text.isEmpty || text.hasPrefix(":") else {
                throw Self.invalid("has something after its host other than ':' and a port")
            }
        } else {
            let end = text.firstIndex(of: ":") ?? text.endIndex
            guard let host = PercentCoding.decode(text[..<end]) else {
                throw Self.invalid("has a broken percent-encoding in its host")
            }
            if !host.isEmpty { self.host = host }
            text = text[end...]
        }
        guard text.hasPrefix(":") else { return }
        guard let port = Int(text.dropFirst()), (1...65535).contains(port) else {
            // Not quoted: an unencoded '/' in a password makes a part of it look like a port.
            throw Self.invalid("has a port that is not 1...65535, or a '/' in its password (write it as %2F)")
        }
        self.port = port
    }
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

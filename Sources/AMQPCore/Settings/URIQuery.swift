/// The query parameters of a connection URI, by RabbitMQ's names.
///
/// No message repeats a value: nobody knows what it was meant to be.
enum URIQuery {
    private static let general = ["auth_mechanism", "channel_max", "connection_timeout", "frame_max", "heartbeat"]
    private static let encrypted = [
        "cacertfile", "certfile", "keyfile", "password", "server_name_indication", "verify",
    ]

    /// Sets what the parameters say.
    static func apply(_ query: Substring, to endpoint: inout Endpoint) throws(AMQPError) {
        var mechanisms: [LoginMechanism] = []
        var seen: Set<String> = []
        for part in query.split(separator: "&") {
            guard let equals = part.firstIndex(of: "="), let name = PercentCoding.decode(part[..<equals]),
                let value = PercentCoding.decode(part[part.index(after: equals)...])
            else { throw Endpoint.invalid("has a query parameter that is not name=value, each percent-encoded") }
            if name == "auth_mechanism" {
                mechanisms.append(try Self.mechanism(value))
                continue
            }
            guard seen.insert(name).inserted else {
                throw Endpoint.invalid("has the query parameter '\(name)' twice")
            }
            guard Self.isKnown(name) || !seen.contains("password") else {
                // Its name may be a part of the password.
                throw Endpoint.invalid(
                    "has an unknown query parameter after 'password' (write an '&' in it as %26; \(Self.known))"
                )
            }
            try Self.apply(name, value, to: &endpoint)
        }
        if !mechanisms.isEmpty { endpoint.mechanisms = mechanisms }
        if endpoint.tls?.keyFile != nil, endpoint.tls?.certificateFile == nil {
            throw Endpoint.invalid("has a keyfile without a certfile")
        }
    }

    private static func apply(_ name: String, _ value: String, to endpoint: inout Endpoint) throws(AMQPError) {
        switch name {
        case "heartbeat": endpoint.heartbeatSeconds = try Self.number(name, value, 0...65_535)
        case "channel_max": endpoint.channelMax = try Self.number(name, value, 0...65_535)
        case "frame_max": endpoint.frameMax = try Self.number(name, value, 8192...Int(Int32.max))
        case "connection_timeout":
            endpoint.connectTimeout = .milliseconds(try Self.number(name, value, 1...86_400_000))
        case _ where Self.encrypted.contains(name):
            guard var tls = endpoint.tls else {
                throw Endpoint.invalid("has the query parameter '\(name)', which is for TLS: write amqps://")
            }
            try Self.apply(name, value, to: &tls)
            endpoint.tls = tls
        case "fail_if_no_peer_cert":
            throw Endpoint.invalid("has 'fail_if_no_peer_cert', an option of servers; leave it out")
        default:
            throw Endpoint.invalid("has the unknown query parameter '\(name)' (\(Self.known))")
        }
    }

    private static func isKnown(_ name: String) -> Bool {
        Self.general.contains(name) || Self.encrypted.contains(name) || name == "fail_if_no_peer_cert"
    }

    private static var known: String { "known are " + (Self.general + Self.encrypted).joined(separator: ", ") }

    private static func apply(_ name: String, _ value: String, to tls: inout TLSOptions) throws(AMQPError) {
        guard !value.isEmpty else { throw Endpoint.invalid("has nothing after '\(name)='") }
        switch name {
        case "cacertfile": tls.caFile = value
        case "certfile": tls.certificateFile = value
        case "keyfile": tls.keyFile = value
        case "password": tls.keyPassword = value
        case "server_name_indication": tls.serverName = value == "disable" ? .omitted : .name(value)
        default:  // verify
            switch value {
            case "verify_peer": tls.verification = .full
            case "verify_none": tls.verification = .none
            default: throw Endpoint.invalid("has a verify that is not verify_peer or verify_none")
            }
        }
    }

    private static func number(_ name: String, _ value: String, _ range: ClosedRange<Int>) throws(AMQPError) -> Int {
        if let number = Int(value), range.contains(number) { return number }
        throw Endpoint.invalid("has a \(name) that is not \(range.lowerBound) to \(range.upperBound)")
    }

    private static func mechanism(_ value: String) throws(AMQPError) -> LoginMechanism {
        if let mechanism = LoginMechanism(rawValue: value.uppercased()) { return mechanism }
        let known = LoginMechanism.allCases.map { $0.rawValue.lowercased() }.joined(separator: ", ")
        throw Endpoint.invalid("has an auth_mechanism that is none of \(known)")
    }
}

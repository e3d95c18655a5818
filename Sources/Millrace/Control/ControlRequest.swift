/// What came in by a door, without the octets of HTTP.
package struct ControlRequest: Sendable {
    package var method: String
    /// The parts of the path, decoded.
    package var path: [String]
    package var query: [String: String]
    /// Who asks, as far as the door knows.
    package var actor: String
    /// Whether text for people is wanted, not JSON.
    package var wantsText: Bool
    /// Whether JSON was asked for by its name: where text is the rule, as for probes.
    package var wantsJSON = false

    package init(
        method: String,
        path: [String],
        query: [String: String] = [:],
        actor: String = "somebody",
        wantsText: Bool = false
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.actor = actor
        self.wantsText = wantsText
    }

    /// Takes a request line's target apart.
    ///
    /// - Returns: Nil if it is none, or holds what is no UTF-8.
    package init?(method: String, target: String, actor: String, wantsText: Bool) {
        guard target.hasPrefix("/") else { return nil }
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var path: [String] = []
        for part in parts[0].split(separator: "/") {
            guard let decoded = Self.decode(part, plusIsBlank: false) else { return nil }
            path.append(decoded)
        }
        var query: [String: String] = [:]
        for pair in parts.count > 1 ? parts[1].split(separator: "&") : [] {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decode(sides[0], plusIsBlank: true),
                let value = Self.decode(sides.count > 1 ? sides[1] : "", plusIsBlank: true)
            else { return nil }
            query[name] = value
        }
        self.init(method: method, path: path, query: query, actor: actor, wantsText: wantsText)
    }

    private static func decode(_ text: Substring, plusIsBlank: Bool) -> String? {
        var octets: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let octet = rest.popFirst() {
            switch octet {
            case UInt8(ascii: "%"):
                guard rest.count >= 2, let high = Self.digit(rest.removeFirst()),
                    let low = Self.digit(rest.removeFirst())
                else { return nil }
                octets.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsBlank: octets.append(0x20)
            default: octets.append(octet)
            }
        }
        return String(validating: octets, as: UTF8.self)
    }

    private static func digit(_ octet: UInt8) -> UInt8? {
        switch octet {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): octet - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): octet - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): octet - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// A part of a path or a value of a query, as ``init(method:target:actor:wantsText:)`` reads it.
    package static func encode(_ text: String) -> String {
        var encoded = ""
        for octet in text.utf8 {
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                encoded.unicodeScalars.append(Unicode.Scalar(octet))
            default:
                let digits = String(octet, radix: 16, uppercase: true)
                encoded += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return encoded
    }
}

/// What goes out by a door.
package struct ControlResponse: Sendable, Equatable {
    package enum Body: String, Sendable {
        case json = "application/json"
        case text = "text/plain; charset=utf-8"
        /// Prometheus's.
        case metrics = "text/plain; version=0.0.4; charset=utf-8"
    }

    /// As HTTP has it.
    package var status: Int
    package var type: Body
    package var body: String
    /// What a command that asked ends with: 0 well, 1 degraded or refused.
    package var exit: Int32

    package init(status: Int = 200, type: Body, body: String, exit: Int32 = 0) {
        self.status = status
        self.type = type
        self.body = body
        self.exit = exit
    }
}

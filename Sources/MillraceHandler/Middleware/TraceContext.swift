/// Where a message stands in a distributed trace (W3C Trace Context Level 2).
public struct TraceContext: Sendable, Equatable {
    /// The whole trace: 32 lower-case hexadecimal digits, not all 0.
    public let traceID: String
    /// The operation that published the message: 16 lower-case hexadecimal digits, not all 0.
    public let parentID: String
    /// The trace flags that have a meaning, `sampled` (1) and `random-trace-id` (2); all others are 0 (Trace Context Level 2 §3.2.2.5).
    public let flags: UInt8
    /// What tracing systems added for themselves, as it came; nil if there is none or it is malformed.
    public let state: String?

    /// Whether the caller may have recorded the trace.
    public var isSampled: Bool { self.flags & 1 != 0 }

    /// The header for what goes out, in version 00.
    public var traceparent: String { "00-\(self.traceID)-\(self.parentID)-0\(self.flags)" }

    /// Reads both headers; nil if `traceparent` is malformed.
    ///
    /// - Parameters:
    ///   - traceparent: Nothing around it, lower case; of a version above 00 what follows the flags is left out.
    ///   - tracestate: At most 32 members; ignored if malformed.
    public init?(traceparent: String, tracestate: String? = nil) {
        let octets = Array(traceparent.utf8)
        let dash = UInt8(ascii: "-")
        guard octets.count >= 55, octets[2] == dash, octets[35] == dash, octets[52] == dash,
            let version = Self.number(octets[0..<2]), version != 0xFF,
            Self.isIdentifier(octets[3..<35]), Self.isIdentifier(octets[36..<52]),
            let flags = Self.number(octets[53..<55])
        else { return nil }
        // Version 00 ends here; a later one may have more, behind another dash.
        guard octets.count == 55 || (version > 0 && octets[55] == dash) else { return nil }
        self.traceID = String(decoding: octets[3..<35], as: UTF8.self)
        self.parentID = String(decoding: octets[36..<52], as: UTF8.self)
        self.flags = flags & 0b11
        self.state = tracestate.flatMap { TraceState.isValid($0) ? $0 : nil }
    }

    /// nil for a message without a valid context.
    init?(of message: borrowing Message) {
        self.init(parent: message.header("traceparent"), state: message.header("tracestate"))
    }

    /// nil for headers that are no valid context.
    init?(parent: HeaderValue?, state: HeaderValue?) {
        guard case .string(let parent)? = parent else { return nil }
        var text: String?
        if case .string(let state)? = state { text = state }
        self.init(traceparent: parent, tracestate: text)
    }

    private static func isIdentifier(_ octets: ArraySlice<UInt8>) -> Bool {
        octets.allSatisfy { Self.digit($0) != nil } && octets.contains { $0 != UInt8(ascii: "0") }
    }

    private static func number(_ octets: ArraySlice<UInt8>) -> UInt8? {
        octets.reduce(0 as UInt8?) { number, octet in
            guard let number, let digit = Self.digit(octet) else { return nil }
            return number << 4 | digit
        }
    }

    private static func digit(_ octet: UInt8) -> UInt8? {
        switch octet {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): octet - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): octet - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}

/// The grammar of `tracestate` (Trace Context Level 2 §3.3.1).
enum TraceState {
    /// At most 32 members with different keys, and one at least.
    static func isValid(_ text: String) -> Bool {
        var keys: Set<String> = []
        for part in text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let member = Self.trimmed(Array(part))
            if member.isEmpty { continue }  // allowed, and counts for nothing
            guard let equals = member.firstIndex(of: UInt8(ascii: "=")) else { return false }
            guard Self.isKey(member[..<equals]), Self.isValue(member[(equals + 1)...]) else { return false }
            guard keys.insert(String(decoding: member[..<equals], as: UTF8.self)).inserted else { return false }
        }
        return (1...32).contains(keys.count)
    }

    /// Without blanks and tabs at both ends.
    private static func trimmed(_ octets: [UInt8]) -> ArraySlice<UInt8> {
        var rest = octets[...]
        while let first = rest.first, first == 0x20 || first == 0x09 { rest.removeFirst() }
        while let last = rest.last, last == 0x20 || last == 0x09 { rest.removeLast() }
        return rest
    }

    private static func isKey(_ key: ArraySlice<UInt8>) -> Bool {
        guard (1...256).contains(key.count), let first = key.first, Self.isAlphanumeric(first) else { return false }
        return key.allSatisfy { Self.isAlphanumeric($0) || "_-*/@".utf8.contains($0) }
    }

    private static func isAlphanumeric(_ octet: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(octet) || (0x30...0x39).contains(octet)
    }

    /// Printable ASCII without `,` and `=`, up to 256 octets, no blank at the end.
    private static func isValue(_ value: ArraySlice<UInt8>) -> Bool {
        (1...256).contains(value.count) && value.last != 0x20
            && value.allSatisfy { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "=") }
    }
}

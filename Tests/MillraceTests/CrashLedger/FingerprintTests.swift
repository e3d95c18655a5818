import Millrace
import Testing

/// What makes a message the same one.
@Suite struct FingerprintTests {
    private static func method(tag: UInt64, redelivered: Bool = false, key: String = "orders") -> [UInt8] {
        var octets: [UInt8] = [0, 60, 0, 60, 3] + Array("abc".utf8)
        octets += (0..<8).reversed().map { UInt8(truncatingIfNeeded: tag >> (8 * UInt64($0))) }
        octets += [redelivered ? 1 : 0, 0, UInt8(key.utf8.count)] + Array(key.utf8)
        return octets
    }

    /// class, weight, size, flags; then content type, headers, message id as they are wanted.
    private static func header(type: String? = nil, headers: [UInt8]? = nil, id: String? = nil) -> [UInt8] {
        var flags: UInt16 = 0
        var values: [UInt8] = []
        if let type {
            flags |= 0x8000
            values += [UInt8(type.utf8.count)] + Array(type.utf8)
        }
        if let headers {
            flags |= 0x2000
            values += [0, 0, 0, UInt8(headers.count)] + headers
        }
        if let id {
            flags |= 0x0080
            values += [UInt8(id.utf8.count)] + Array(id.utf8)
        }
        return [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, UInt8(flags >> 8), UInt8(flags & 0xFF)] + values
    }

    private func mark(
        _ method: [UInt8],
        _ header: [UInt8],
        _ body: [UInt8],
        ends: Int? = 512,
        seed: Fingerprint = Fingerprint(low: 1, high: 2)
    ) -> Fingerprint {
        var hasher = FingerprintHasher(seed: seed)
        method.withUnsafeBytes { method in
            header.withUnsafeBytes { header in
                body.withUnsafeBytes { hasher.add(method: method, header: header, body: $0, ends: ends) }
            }
        }
        return hasher.fingerprint
    }

    @Test func `given out again it is the same: another tag, redelivered, a delivery count in its headers`() {
        let first = self.mark(Self.method(tag: 1), Self.header(type: "a", id: "7"), [1, 2])
        let again = self.mark(
            Self.method(tag: 900, redelivered: true),
            Self.header(type: "a", headers: [3, 120, 45, 100, 116, 1], id: "7"),
            [1, 2]
        )
        #expect(first == again)
    }

    @Test func `queue, routing key, message id, type and each octet of the body tell messages apart`() {
        var seen: Set<Fingerprint> = []
        let bodies = (0..<300).map { [UInt8](repeating: 7, count: $0) }
        for body in bodies { #expect(seen.insert(self.mark(body)).inserted, "\(body.count) octets") }
        for length in [1, 7, 8, 9, 15, 16, 17, 63, 64, 1000] {
            for index in 0..<length {
                var body = [UInt8](repeating: 0, count: length)
                body[index] = 1
                #expect(seen.insert(self.mark(body)).inserted, "octet \(index) of \(length)")
            }
        }
        #expect(seen.insert(self.mark(Self.method(tag: 1, key: "others"), [])).inserted)
        #expect(seen.insert(self.mark(Self.method(tag: 1), Self.header(id: "1"), [])).inserted)
        #expect(seen.insert(self.mark(Self.method(tag: 1), Self.header(id: "2"), [])).inserted)
        #expect(seen.insert(self.mark(Self.method(tag: 1), Self.header(type: "1"), [])).inserted)
        #expect(seen.insert(self.mark([UInt8](), seed: Fingerprint(low: 1, high: 3))).inserted)
    }

    @Test func `of a long body the ends and the length count; of a suspect all of it`() {
        var (one, other) = ([UInt8](repeating: 0, count: 5000), [UInt8](repeating: 0, count: 5000))
        one[2500] = 1
        #expect(self.mark(one) == self.mark(other))
        #expect(self.mark(one, ends: nil) != self.mark(other, ends: nil))
        other[4999] = 1
        #expect(self.mark(one) != self.mark(other))
        #expect(self.mark([UInt8](repeating: 0, count: 5001)) != self.mark([UInt8](repeating: 0, count: 5000)))
    }

    @Test func `a header frame that is cut anywhere, or lies about its lengths, is read no further`() {
        let whole = Self.header(type: "text/plain", headers: [3, 120, 45, 100, 116, 1], id: "7")
        for count in 0...whole.count { _ = self.mark(Self.method(tag: 1), Array(whole.prefix(count)), [1]) }
        for index in 12..<whole.count {
            var broken = whole
            broken[index] = 255
            _ = self.mark(Self.method(tag: 1), broken, [1])
        }
    }

    private func mark(_ method: [UInt8], _ body: [UInt8]) -> Fingerprint {
        self.mark(method, Self.header(), body)
    }
    private func mark(_ body: [UInt8], seed: Fingerprint = Fingerprint(low: 1, high: 2)) -> Fingerprint {
        self.mark(Self.method(tag: 1), Self.header(), body, seed: seed)
    }
    private func mark(_ body: [UInt8], ends: Int?) -> Fingerprint {
        self.mark(Self.method(tag: 1), Self.header(), body, ends: ends)
    }
}

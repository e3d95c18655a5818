import AMQPCore

/// Identifiers for messages that have none: random UUIDs (RFC 9562, version 4).
package enum MessageID {
    /// 36 characters that no other message has.
    package static func random() -> String {
        var generator = ProcessRandom()
        let high = UInt64.random(in: 0...UInt64.max, using: &generator) & ~0xF000 | 0x4000
        let low = UInt64.random(in: 0...UInt64.max, using: &generator) & ~(0b11 << 62) | 0b10 << 62
        let digits = Self.digits(high) + Self.digits(low)
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for (index, digit) in digits.enumerated() {
            if [8, 12, 16, 20].contains(index) { text.append(UInt8(ascii: "-")) }
            text.append(digit)
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func digits(_ number: UInt64) -> [UInt8] {
        (0..<16).map { place in
            let digit = UInt8(truncatingIfNeeded: number >> UInt64(60 - 4 * place)) & 0xF
            return digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
        }
    }
}

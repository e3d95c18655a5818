import AMQPWire

/// The octets of a note: pairs of hexadecimal digits and text in single quotes; `|` and blanks are for the eye.
func octets(_ note: String) -> [UInt8] {
    var result: [UInt8] = []
    var high: UInt8?
    var quoted = false
    for character in note {
        if character == "'" {
            quoted.toggle()
        } else if quoted {
            result += Array(character.utf8)
        } else if let digit = character.hexDigitValue {
            if let first = high { result.append(first << 4 | UInt8(digit)) }
            high = high == nil ? UInt8(digit) : nil
        }
    }
    precondition(high == nil && !quoted, "a note that ends too early: \(note)")
    return result
}

/// What `body` writes.
func written(_ body: (inout WireBuffer) throws -> Void) rethrows -> [UInt8] {
    var buffer = WireBuffer()
    try body(&buffer)
    return buffer.octets
}

/// What `body` reads from `octets`.
func reading<R>(_ octets: [UInt8], _ body: (inout WireReader) throws -> R) rethrows -> R {
    try octets.withUnsafeBytes { bytes in
        var reader = WireReader(bytes)
        return try body(&reader)
    }
}

func decodedMethod(_ octets: [UInt8]) throws -> Method {
    try octets.withUnsafeBytes { bytes throws in try Method.decode(bytes) }
}

extension WireBuffer {
    var octets: [UInt8] { self.withUnsafeBytes { [UInt8]($0) } }
}

/// A frame as a plain splitter sees it.
struct SplitFrame: Equatable {
    var type: UInt8
    var channel: UInt16
    var payload: [UInt8]

    /// Splits octets into frames; nil if they are not whole frames.
    static func split(_ octets: [UInt8]) -> [SplitFrame]? {
        var frames: [SplitFrame] = []
        var rest = octets[...]
        while !rest.isEmpty {
            let head = Array(rest.prefix(7))
            guard head.count == 7 else { return nil }
            let size = head[3...].reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(7)
            guard rest.count > size, rest[rest.startIndex + size] == 0xCE else { return nil }
            let channel = UInt16(head[1]) << 8 | UInt16(head[2])
            frames.append(SplitFrame(type: head[0], channel: channel, payload: Array(rest.prefix(size))))
            rest = rest.dropFirst(size + 1)
        }
        return frames
    }
}

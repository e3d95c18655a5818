import AMQPClient

/// 128 bits by which a message is recognised after a restart, when delivery tags mean nothing any more.
package struct Fingerprint: Hashable, Sendable {
    package var low: UInt64
    package var high: UInt64

    package init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    /// What a slot with nothing in hand holds; no message has it.
    package static let none = Fingerprint(low: 0, high: 0)
    package var isNone: Bool { self.low == 0 }

    /// Of a whole message, to know it again in this process.
    init(of record: ContentRecord, _ block: Block) {
        var hasher = FingerprintHasher(seed: Self.ofProcess)
        hasher.add(record, block, ends: nil)
        self = hasher.fingerprint
    }

    static let ofProcess = Fingerprint(low: .random(in: 1 ... .max), high: .random(in: .min ... .max))
}

/// Mixes octets into a fingerprint, 16 at a time.
///
/// Neither for secrets nor for signatures: a ledger's own random seed is what keeps strangers from making two alike.
package struct FingerprintHasher: Sendable {
    private var low: UInt64
    private var high: UInt64

    package init(seed: Fingerprint) {
        self.low = seed.low ^ 0x9E37_79B9_7F4A_7C15
        self.high = seed.high ^ 0xC2B2_AE3D_27D4_EB4F
    }

    /// One that goes on where another one was.
    package init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    /// To go on from here another time.
    package var state: (low: UInt64, high: UInt64) { (self.low, self.high) }

    /// Full-width multiplication: each bit of both words reaches both halves.
    @inline(__always)
    package mutating func add(_ first: UInt64, _ second: UInt64) {
        let product = (self.low ^ first).multipliedFullWidth(by: (self.high &+ second) | 1)
        self.low = product.low ^ self.high ^ second
        self.high = product.high &+ first &+ (self.low << 23 | self.low >> 41)
    }

    /// The octets and how many they are.
    @inline(__always)
    package mutating func add(_ octets: UnsafeRawBufferPointer) {
        self.add(UInt64(octets.count), 0)
        var offset = 0
        while offset &+ 16 <= octets.count {
            self.add(
                octets.loadUnaligned(fromByteOffset: offset, as: UInt64.self),
                octets.loadUnaligned(fromByteOffset: offset &+ 8, as: UInt64.self)
            )
            offset &+= 16
        }
        var rest: (UInt64, UInt64) = (0, 0)
        if offset &+ 8 <= octets.count {
            rest.0 = octets.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            offset &+= 8
        }
        while offset < octets.count {
            rest.1 = rest.1 << 8 | UInt64(octets[offset])
            offset &+= 1
        }
        self.add(rest.0, rest.1)
    }

    /// Never ``Fingerprint/none``.
    @inline(__always)
    package var fingerprint: Fingerprint {
        var last = self
        last.add(0xFF51_AFD7_ED55_8CCD, 0xC4CE_B9FE_1A85_EC53)
        last.add(0x2545_F491_4F6C_DD1D, 0x1656_67B1_9E37_79F9)
        return Fingerprint(low: last.low == 0 ? 1 : last.low, high: last.high)
    }
}

extension FingerprintHasher {
    /// What of a message stays the same each time a broker gives it out: exchange, routing key, properties, body.
    ///
    /// Not the headers: quorum queues count deliveries in them.
    ///
    /// - Parameters:
    ///   - method: The payload of its `basic.deliver`, as the reader has checked it.
    ///   - header: The payload of its header frame.
    ///   - body: All of it.
    ///   - ends: How many octets of the body's beginning and of its end count; nil for all.
    @inline(__always)
    package mutating func add(
        method: UnsafeRawBufferPointer,
        header: UnsafeRawBufferPointer,
        body: UnsafeRawBufferPointer,
        ends: Int?
    ) {
        self.add(method: method, header: header)
        guard let ends, body.count > 2 &* ends else { return self.add(body) }
        self.add(UInt64(body.count), 1)
        self.add(UnsafeRawBufferPointer(rebasing: body[..<ends]))
        self.add(UnsafeRawBufferPointer(rebasing: body[(body.count &- ends)...]))
    }

    mutating func add(_ record: ContentRecord, _ block: Block, ends: Int?) {
        self.add(
            method: block.slice(record.methodOffset, record.methodLength),
            header: block.slice(record.headerOffset, record.headerLength),
            body: block.slice(record.bodyOffset, record.bodyLength),
            ends: ends
        )
    }

    /// Octets of a body that count at its beginning and at its end.
    package static let bodyEnds = 512

    /// The same from a copy, as ``LedgerSlot`` makes it.
    package mutating func add(_ copy: UnsafeRawBufferPointer, _ shape: MessageShape, bodyLength: UInt64) {
        func part(_ offset: Int, _ length: Int) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(rebasing: copy[offset..<offset + length])
        }
        self.add(method: part(0, shape.methodLength), header: part(shape.headerOffset, shape.headerLength))
        guard bodyLength > UInt64(2 * Self.bodyEnds) else { return self.add(part(shape.lead, Int(bodyLength))) }
        self.add(bodyLength, 1)
        self.add(part(shape.lead, Self.bodyEnds))
        self.add(part(shape.lead + Self.bodyEnds, Self.bodyEnds))
    }

    @inline(__always)
    private mutating func add(method: UnsafeRawBufferPointer, header: UnsafeRawBufferPointer) {
        // class, method, consumer tag, delivery tag, redelivered: another one each time. Then exchange and routing key.
        if method.count > 4, 14 &+ Int(method[4]) <= method.count {
            self.add(UnsafeRawBufferPointer(rebasing: method[(14 &+ Int(method[4]))...]))
        }
        self.add(properties: header)
    }

    /// Every property but the headers (AMQP 0-9-1 §4.2.6.1); of a malformed header frame the flags alone.
    @inline(__always)
    private mutating func add(properties header: UnsafeRawBufferPointer) {
        guard header.count >= 14 else { return self.add(0, 2) }
        let flags = header.bigEndian(at: 12)
        self.add(UInt64(flags & ~0x2000), 3)
        var headers = 14
        // A further word of flags follows: nothing of AMQP 0-9-1 is in it.
        guard flags & 1 == 0 else { return }
        for bit: UInt16 in [0x8000, 0x4000] where flags & bit != 0 {
            guard headers < header.count else { return }
            headers &+= 1 &+ Int(header[headers])
        }
        guard headers <= header.count else { return }
        self.add(UnsafeRawBufferPointer(rebasing: header[14..<headers]))
        var rest = headers
        if flags & 0x2000 != 0 {
            guard headers &+ 4 <= header.count else { return }
            let length = Int(header.bigEndian(at: headers)) << 16 | Int(header.bigEndian(at: headers &+ 2))
            rest = headers &+ 4 &+ length
            guard rest <= header.count else { return }
        }
        self.add(UnsafeRawBufferPointer(rebasing: header[rest...]))
    }
}

extension UnsafeRawBufferPointer {
    @inline(__always)
    fileprivate func bigEndian(at offset: Int) -> UInt16 { UInt16(self[offset]) << 8 | UInt16(self[offset &+ 1]) }
}

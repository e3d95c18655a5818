import AMQPClient
import Millrace
import Testing

/// What a slot holds while a handler is at a message, and what the next run makes of it.
@Suite struct LedgerSlotTests {
    private static let hasher = FingerprintHasher(seed: Fingerprint(low: 3, high: 4))

    /// A ledger of one slot, as words.
    private func ledger(_ write: (UnsafeMutableRawPointer) -> Void) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: LedgerLayout.octets(slots: 1) / 8)
        words[LedgerLayout.Header.magic] = LedgerLayout.magic
        words[LedgerLayout.Header.slotCount] = 1
        words.withUnsafeMutableBytes { bytes in
            if let start = bytes.baseAddress { write(start + LedgerLayout.slotsOffset) }
        }
        return words
    }

    private func image(_ words: [UInt64]) -> LedgerImage? { words.withUnsafeBytes { LedgerImage($0) } }

    /// A delivery in memory of its own: consumer tag "abc", key "orders", a message id, and `body`.
    private func content(_ body: [UInt8], key: String = "orders", id: String = "id") -> ContentStorage {
        let method: [UInt8] =
            [0, 60, 0, 60, 3] + Array("abc".utf8) + [0, 0, 0, 0, 0, 0, 0, 9, 1, 0, UInt8(key.utf8.count)]
            + Array(key.utf8)
        let header: [UInt8] =
            [0, 60, 0, 0] + [UInt8](repeating: 0, count: 8) + [0, 0x80, UInt8(id.utf8.count)]
            + Array(id.utf8)
        let storage = method.withUnsafeBytes { method in
            header.withUnsafeBytes { ContentStorage(method: method, header: $0, bodyLength: body.count) }
        }
        for (index, octet) in body.enumerated() { storage.bytes[storage.bodyOffset + index] = octet }
        return storage
    }

    @Test(arguments: [0, 1, 15, 64, 511, 512, 1023, 1024, 1025, 1500, 40_000])
    func `a copy says the same as the message: what is hashed later is what would have been hashed at once`(
        length: Int
    ) throws {
        let body = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        try self.compare(self.content(body))
    }

    @Test(arguments: [1, 5000])
    func `what is too long to be copied before the body is hashed at once`(length: Int) throws {
        let long = String(repeating: "k", count: 250)
        try self.compare(self.content([UInt8](repeating: 3, count: length), key: long, id: long))
    }

    private func compare(_ storage: ContentStorage) throws {
        let block = Block(storage)
        let record = ContentRecord(storage, deliveryTag: 9, redelivered: true)
        let words = self.ledger { memory in
            let slot = LedgerSlot(memory, job: "shop", hasher: Self.hasher)
            // A longer one was there before.
            let long = self.content([UInt8](repeating: 0xAA, count: 5000))
            slot.write(ContentRecord(long, deliveryTag: 8, redelivered: false), Block(long))
            slot.clear()
            slot.write(record, block)
        }
        var expected = Self.hasher
        expected.add(
            method: block.slice(record.methodOffset, record.methodLength),
            header: block.slice(record.headerOffset, record.headerLength),
            body: block.slice(record.bodyOffset, record.bodyLength),
            ends: FingerprintHasher.bodyEnds
        )
        let inHand = try #require(self.image(words)?.run.inHand.first)
        #expect(inHand.fingerprint == expected.fingerprint)
        #expect(inHand.job == "shop")
        #expect(inHand.deliveryTag == 9)
        #expect(inHand.bodyBytes == UInt64(storage.bodyLength))
    }

    @Test func `a handler that has ended leaves nothing in hand`() throws {
        let storage = self.content([1])
        let record = ContentRecord(storage, deliveryTag: 1, redelivered: false)
        let words = self.ledger { memory in
            let slot = LedgerSlot(memory, job: "shop", hasher: Self.hasher)
            slot.write(record, Block(storage))
            slot.clear()
        }
        #expect(self.image(words)?.run.inHand == [])
    }

    @Test(arguments: [1, 64, 1024, 1025, 40_000])
    func `when its handler has ended nothing of a message stays, however long the one before was`(length: Int) {
        let words = self.ledger { memory in
            let slot = LedgerSlot(memory, job: "shop", hasher: Self.hasher)
            for octets in [length, 3] {
                let storage = self.content([UInt8](repeating: 0xAA, count: octets))
                slot.write(ContentRecord(storage, deliveryTag: 1, redelivered: false), Block(storage))
                slot.clear()
            }
        }
        let copy = (LedgerLayout.slotsOffset + LedgerLayout.Slot.copy) / 8
        #expect(words[copy...].allSatisfy { $0 == 0 })
    }

    @Test func `whatever a damaged slot says about its copy, it is read within its bounds`() {
        let first = LedgerLayout.slotsOffset / 8
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<1000 {
            var words = self.ledger { _ in }
            words[first + LedgerLayout.Slot.low] = 1
            words[first + LedgerLayout.Slot.bodyBytes] = .random(in: 0...2000, using: &generator)
            // Near what is allowed, and far from it.
            let parts = (0..<4).map { _ in UInt64.random(in: 0...(Bool.random() ? 520 : 0xFFFF), using: &generator) }
            words[first + LedgerLayout.Slot.shape] = parts[0] << 48 | parts[1] << 32 | parts[2] << 16 | parts[3]
            words[first + LedgerLayout.Slot.copy / 8] = .random(in: 0 ... .max, using: &generator)
            _ = self.image(words)
        }
    }

    @Test func `a shape is read as it was written, and one that no message has is none`() throws {
        let storage = self.content([1, 2, 3])
        let shape = try #require(MessageShape(ContentRecord(storage, deliveryTag: 1, redelivered: false)))
        #expect(MessageShape(word: shape.word) == shape)
        func word(_ method: UInt64, _ offset: UInt64, _ header: UInt64, _ lead: UInt64) -> UInt64 {
            method << 48 | offset << 32 | header << 16 | lead
        }
        #expect(MessageShape(word: word(20, 20, 14, 512)) != nil)
        for broken in [0, word(20, 20, 14, 0), word(20, 20, 14, 513), word(21, 0, 0, 20), word(2, 10, 11, 20)] {
            #expect(MessageShape(word: broken) == nil, "\(broken)")
        }
    }
}

package import AMQPClient
import CMillraceSystem
import Synchronization

/// The place of one delivery in the ledger.
package struct LedgerSlot {
    private let words: UnsafeMutablePointer<UInt64>
    /// Which of the ledger's it is.
    package let number: Int

    /// For the calling thread; whose it was before is forgotten.
    package init(_ memory: UnsafeMutableRawPointer, number: Int = 0, job: String, hasher: FingerprintHasher) {
        self.words = memory.assumingMemoryBound(to: UInt64.self)
        self.number = number
        self.clear()
        self.write(whole: .none)
        self.words[LedgerLayout.Slot.thread] = UInt64(millrace_thread_id())
        (self.words[LedgerLayout.Slot.hasherLow], self.words[LedgerLayout.Slot.hasherHigh]) = hasher.state
        let name = Array(job.utf8.prefix(LedgerLayout.Slot.nameOctets))
        for index in 0..<LedgerLayout.Slot.nameOctets {
            let octet = index < name.count ? name[index] : 0
            memory.storeBytes(of: octet, toByteOffset: LedgerLayout.Slot.name + index, as: UInt8.self)
        }
    }

    /// Written last and first to be cleared, whatever compiler and processor would rather do.
    @inline(__always)
    private func setFirstWord(_ value: UInt64) {
        // Atomic has the layout of its value, and the word is one of this slot's.
        let word = UnsafeMutableRawPointer(self.words + LedgerLayout.Slot.low)
        word.assumingMemoryBound(to: Atomic<UInt64>.self).pointee.store(value, ordering: .releasing)
    }

    /// The first word last: a slot that is half written counts as free, and its handler has not begun.
    @inline(__always)
    package func write(_ fingerprint: Fingerprint, _ record: ContentRecord) {
        self.words[LedgerLayout.Slot.shape] = 0
        self.words[LedgerLayout.Slot.high] = fingerprint.high
        self.words[LedgerLayout.Slot.deliveryTag] = record.deliveryTag
        self.words[LedgerLayout.Slot.bodyBytes] = UInt64(record.bodyLength)
        self.setFirstWord(fingerprint.low)
    }

    /// The message itself, as far as it counts: copied in a few nanoseconds, and hashed only if the process dies.
    @inline(__always)
    package func write(_ record: ContentRecord, _ block: Block) {
        if let shape = MessageShape(record) { self.copy(shape, record, block) } else { self.hash(record, block) }
    }

    private func hash(_ record: ContentRecord, _ block: Block) {
        var hasher = FingerprintHasher(
            low: self.words[LedgerLayout.Slot.hasherLow],
            high: self.words[LedgerLayout.Slot.hasherHigh]
        )
        hasher.add(record, block, ends: FingerprintHasher.bodyEnds)
        self.write(hasher.fingerprint, record)
    }

    @inline(__always)
    private func copy(_ shape: MessageShape, _ record: ContentRecord, _ block: Block) {
        let copy = UnsafeMutableRawPointer(self.words) + LedgerLayout.Slot.copy
        let bodyEnds = FingerprintHasher.bodyEnds
        let isWhole = Int(record.bodyLength) <= 2 &* bodyEnds
        let first = block.slice(
            record.methodOffset,
            UInt32(truncatingIfNeeded: shape.lead) &+ (isWhole ? record.bodyLength : UInt32(bodyEnds))
        )
        if let start = first.baseAddress { copy.copyMemory(from: start, byteCount: first.count) }
        if !isWhole {
            let last = block.slice(record.bodyOffset &+ record.bodyLength &- UInt32(bodyEnds), UInt32(bodyEnds))
            if let start = last.baseAddress {
                (copy + shape.lead + bodyEnds).copyMemory(from: start, byteCount: last.count)
            }
        }
        self.words[LedgerLayout.Slot.deliveryTag] = record.deliveryTag
        self.words[LedgerLayout.Slot.bodyBytes] = UInt64(record.bodyLength)
        self.words[LedgerLayout.Slot.shape] = shape.word
        self.setFirstWord(1)
    }

    package func write(whole: Fingerprint) {
        self.words[LedgerLayout.Slot.wholeHigh] = whole.high
        self.words[LedgerLayout.Slot.wholeLow] = whole.low
    }

    package var fingerprint: Fingerprint {
        Fingerprint(low: self.words[LedgerLayout.Slot.low], high: self.words[LedgerLayout.Slot.high])
    }

    package var whole: Fingerprint {
        Fingerprint(low: self.words[LedgerLayout.Slot.wholeLow], high: self.words[LedgerLayout.Slot.wholeHigh])
    }

    /// Nothing is in hand any more, and nothing of the message stays.
    @inline(__always)
    package func clear() {
        self.setFirstWord(0)
        let shape = self.words[LedgerLayout.Slot.shape]
        if shape != 0 { self.wipe(shape) }
    }

    /// As much as was copied, while it is still in the processor's cache.
    @inline(__always)
    private func wipe(_ shape: UInt64) {
        self.words[LedgerLayout.Slot.shape] = 0
        let body = min(self.words[LedgerLayout.Slot.bodyBytes], UInt64(2 &* FingerprintHasher.bodyEnds))
        let octets = min(Int(truncatingIfNeeded: MessageShape.lead(of: shape) &+ body), LedgerLayout.Slot.copyOctets)
        let copy = UnsafeMutableRawPointer(self.words) + LedgerLayout.Slot.copy
        copy.initializeMemory(as: UInt8.self, repeating: 0, count: octets)
    }
}

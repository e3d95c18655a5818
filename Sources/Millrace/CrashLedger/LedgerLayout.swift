/// Where everything stands in a ledger's file: a page about the run, the suspects, a slot for each delivery that may be in
/// hand.
///
/// In the machine's own byte order; the file never leaves the machine.
package enum LedgerLayout {
    package static let magic: UInt64 = 0x3147_444C_5243_4C4D  // "MLCRLDG1"
    /// Whether another version of Millrace has written it: the last letter counts.
    package static func isOtherVersion(_ magic: UInt64) -> Bool {
        magic != Self.magic && magic << 8 == Self.magic << 8
    }
    package static let headerOctets = 4096
    package static let suspectCapacity = 1024
    package static let slotsOffset = Self.headerOctets + Self.suspectCapacity * Suspect.octets
    /// A cache line that changes with each message, one that never does, and room for a copy of the message.
    package static let slotOctets = 128 + Slot.copyOctets
    package static let slotLimit = 16_384

    package static func octets(slots: Int) -> Int { Self.slotsOffset + slots * Self.slotOctets }

    /// Words of the header.
    package enum Header {
        package static let magic = 0
        package static let slotCount = 1
        package static let seedLow = 2
        package static let seedHigh = 3
        /// A ``LastRun/Ending``.
        package static let ending = 4
        /// The signal's number and the thread's id, as `millrace_note_crashes` writes them.
        package static let mark = 5
        /// The machine's start that the times of the suspects are of: ``LedgerTime/boot``.
        package static let boot = 6
    }

    /// Words of a slot.
    package enum Slot {
        /// 0: nothing in hand.
        ///
        /// With a ``shape`` it only says that something is.
        package static let low = 0
        package static let high = 1
        package static let wholeLow = 2
        package static let wholeHigh = 3
        package static let deliveryTag = 4
        package static let bodyBytes = 5
        package static let thread = 6
        /// A ``MessageShape``; 0 if `low` and `high` are the fingerprint.
        package static let shape = 7
        /// The hasher that knows the ledger's seed and the queue.
        package static let hasherLow = 8
        package static let hasherHigh = 9
        /// The job's name, cut, filled up with zeros.
        package static let name = 80
        package static let nameOctets = 47
        package static let copy = 128
        package static let copyOctets = MessageShape.leadLimit + 2 * FingerprintHasher.bodyEnds
    }
}

/// A ledger as a run left it.
package struct LedgerImage: Equatable, Sendable {
    package var seed: Fingerprint
    package var run: LastRun
    package var suspects: [Suspect]
    package var boot: UInt64

    /// Nil if it is not a ledger, or not whole.
    package init?(_ octets: UnsafeRawBufferPointer) {
        func word(_ offset: Int, _ index: Int) -> UInt64 {
            octets.loadUnaligned(fromByteOffset: offset + index * 8, as: UInt64.self)
        }
        typealias Header = LedgerLayout.Header
        typealias Slot = LedgerLayout.Slot
        guard octets.count >= LedgerLayout.slotsOffset, word(0, Header.magic) == LedgerLayout.magic,
            let slots = Int(exactly: word(0, Header.slotCount)), slots <= LedgerLayout.slotLimit,
            // Longer by whole slots if an earlier run, or one that ended as it began, wanted more.
            octets.count >= LedgerLayout.octets(slots: slots),
            (octets.count - LedgerLayout.slotsOffset) % LedgerLayout.slotOctets == 0,
            let ending = LastRun.Ending(rawValue: word(0, Header.ending))
        else { return nil }
        self.seed = Fingerprint(low: word(0, Header.seedLow), high: word(0, Header.seedHigh))
        self.boot = word(0, Header.boot)
        let mark = word(0, Header.mark)
        self.run = LastRun(
            ending: ending,
            signal: Int32(truncatingIfNeeded: mark >> 32),
            thread: UInt32(truncatingIfNeeded: mark)
        )
        self.suspects = (0..<LedgerLayout.suspectCapacity).compactMap { row in
            let offset = LedgerLayout.headerOctets + row * Suspect.octets
            return Suspect(words: (0..<8).map { word(offset, $0) })
        }
        for slot in 0..<slots {
            let offset = LedgerLayout.slotsOffset + slot * LedgerLayout.slotOctets
            guard word(offset, Slot.low) != 0 else { continue }
            guard let fingerprint = Self.fingerprint(octets, offset) else { continue }
            let name = octets[(offset + Slot.name)..<(offset + Slot.name + Slot.nameOctets)].prefix { $0 != 0 }
            self.run.inHand.append(
                LastRun.InHand(
                    fingerprint,
                    whole: Fingerprint(low: word(offset, Slot.wholeLow), high: word(offset, Slot.wholeHigh)),
                    thread: UInt32(truncatingIfNeeded: word(offset, Slot.thread)),
                    job: String(decoding: name, as: UTF8.self),
                    deliveryTag: word(offset, Slot.deliveryTag),
                    bodyBytes: word(offset, Slot.bodyBytes)
                )
            )
        }
    }

    /// Nil for a slot whose copy makes no sense.
    private static func fingerprint(_ octets: UnsafeRawBufferPointer, _ offset: Int) -> Fingerprint? {
        typealias Slot = LedgerLayout.Slot
        func word(_ index: Int) -> UInt64 { octets.loadUnaligned(fromByteOffset: offset + index * 8, as: UInt64.self) }
        guard let shape = MessageShape(word: word(Slot.shape)) else {
            guard word(Slot.shape) == 0 else { return nil }
            return Fingerprint(low: word(Slot.low), high: word(Slot.high))
        }
        let copy = UnsafeRawBufferPointer(rebasing: octets[(offset + Slot.copy)...].prefix(Slot.copyOctets))
        var hasher = FingerprintHasher(low: word(Slot.hasherLow), high: word(Slot.hasherHigh))
        hasher.add(copy, shape, bodyLength: word(Slot.bodyBytes))
        return hasher.fingerprint
    }
}

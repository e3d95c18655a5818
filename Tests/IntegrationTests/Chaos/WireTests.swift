import TestSupport
import Testing

@Suite struct WireTests {
    private static func wire(_ change: (inout Wire.Faults) -> Void) -> Wire {
        var wire = Wire(Seed(1))
        change(&wire.faults)
        return wire
    }

    @Test func `a good wire changes nothing, and keeps the order`() {
        var wire = Self.wire { _ in }
        for number in 0..<10 { wire.take([UInt8(number)], to: .broker, now: 0) }
        #expect(wire.arrivals(now: 0).packets.map(\.octets) == (0..<10).map { [UInt8($0)] })
    }

    @Test func `packets are lost, doubled and changed as often as it says`() {
        var wire = Self.wire { faults in
            faults.loss = 0.2
            faults.duplication = 0.25
            faults.corruption = 0.1
        }
        for _ in 0..<10_000 { wire.take([0, 0, 0], to: .client, now: 0) }
        let arrived = wire.arrivals(now: 0).packets
        #expect((1_800...2_200).contains(wire.lost))
        #expect((9_700...10_300).contains(arrived.count))
        #expect((800...1_200).contains(arrived.count { $0.octets != [0, 0, 0] }))
    }

    @Test func `jitter brings them out of order, and each arrives in its time`() {
        var wire = Self.wire { faults in
            faults.delay = 100
            faults.jitter = 50
        }
        for number in 0..<100 { wire.take([UInt8(number)], to: .broker, now: 0) }
        let early = wire.arrivals(now: 49_000_000)
        #expect(early.packets == [])
        #expect(early.next != nil)
        let all = wire.arrivals(now: 151_000_000).packets.map(\.octets)
        #expect(all.count == 100)
        #expect(all != all.sorted { $0[0] < $1[0] })
    }

    @Test func `a slow wire carries so much a second, and drops what waits for too long`() {
        var wire = Self.wire { $0.rate = 1_000 }
        for _ in 0..<30 { wire.take(Array(repeating: 0, count: 100), to: .broker, now: 0) }
        #expect(wire.arrivals(now: 500_000_000).packets.count == 5)
        #expect(wire.arrivals(now: 5_000_000_000).packets.count == 5)
        #expect(wire.lost == 20)
    }

    @Test func `long packets, or all, vanish`() {
        var wire = Self.wire { $0.largest = 2 }
        wire.take([1, 2, 3], to: .broker, now: 0)
        wire.take([1, 2], to: .broker, now: 0)
        wire.faults = Wire.Faults(isHole: true)
        wire.take([1], to: .broker, now: 0)
        #expect(wire.arrivals(now: 0).packets.map(\.octets) == [[1, 2]])
    }

    @Test func `a forged reset ends the connection where the segment ends`() throws {
        let ip: [UInt8] = [0x45, 0, 0, 43, 0, 1, 0, 0, 64, 6, 0, 0, 10, 77, 0, 1, 10, 77, 0, 2]
        let tcp: [UInt8] = [0x16, 0x28, 0x80, 0, 0, 0, 1, 0xFE, 0, 0, 0, 9, 0x50, 0x18, 1, 0, 0, 0, 0, 0]
        let reset = try #require(Wire.reset(after: ip + tcp + [1, 2, 3]))
        #expect(reset.count == 40)
        #expect(Array(reset[24..<28]) == [0, 0, 2, 1], "three octets further")
        #expect(reset[33] == 0x14)
        #expect(Self.isWhole(Array(reset[..<20])))
        #expect(Self.isWhole(Array(reset[12..<20]) + [0, 6, 0, 20] + Array(reset[20...])))
        #expect(Wire.reset(after: [UInt8](repeating: 0x60, count: 60)) == nil, "IPv6")
    }

    /// As the receiver looks at a checksum.
    private static func isWhole(_ octets: [UInt8]) -> Bool {
        var sum = stride(from: 0, to: octets.count, by: 2).reduce(UInt32(0)) { sum, index in
            sum + UInt32(octets[index]) << 8 + UInt32(octets[index + 1])
        }
        while sum >> 16 != 0 { sum = (sum & 0xFFFF) + sum >> 16 }
        return sum == 0xFFFF
    }
}

import AMQPWire
import Testing

@Suite struct WireBufferTests {
    @Test func `numbers are written high octet first`() {
        let octets = written { buffer in
            buffer.append(1)
            buffer.appendUInt16(0x0203)
            buffer.appendUInt32(0x0405_0607)
            buffer.appendUInt64(0x0809_0A0B_0C0D_0E0F)
        }
        #expect(octets == Array(1...15))
    }

    @Test func `C27: a short string of 255 octets is written, one of 256 refused with the buffer unchanged`() throws {
        var buffer = WireBuffer()
        try buffer.appendShortString(String(repeating: "x", count: 255))
        #expect(buffer.count == 256)
        #expect(buffer.octets[0] == 255)
        do {
            // 128 letters, 256 octets: octets count, not letters.
            try buffer.appendShortString(String(repeating: "é", count: 128))
            Issue.record("256 octets were taken")
        } catch {
            #expect(error.kind == .stringTooLong)
            #expect(error.message.contains("256"))
        }
        #expect(buffer.count == 256)
    }

    @Test func `a short string that Foundation made is written as UTF-8`() throws {
        let substring = String("before: né".dropFirst(8))
        #expect(try written { try $0.appendShortString(substring) } == octets("03'n'C3A9"))
        #expect(try written { try $0.appendLongString(substring) } == octets("00000003'n'C3A9"))
        #expect(try written { try $0.appendLongString([1, 2]) } == octets("00000002 0102"))
    }

    @Test func `octets of any collection are appended`() {
        let octets = written { buffer in
            buffer.append(contentsOf: [1, 2])
            buffer.append(contentsOf: (3...4).lazy.map { UInt8($0) })
            buffer.append(contentsOf: EmptyCollection())
            buffer.append(contentsOf: "\u{5}".utf8)
            buffer.append(bytes: UnsafeRawBufferPointer(start: nil, count: 0))
        }
        #expect(octets == [1, 2, 3, 4, 5])
    }

    @Test func `positions count from the first octet not removed`() {
        var buffer = WireBuffer(capacity: 4)
        buffer.append(contentsOf: Array(0..<10))
        buffer.removeFirst(3)
        buffer.overwriteUInt32(0x0A0B_0C0D, at: 1)
        #expect(buffer.octets == [3, 10, 11, 12, 13, 8, 9])
        buffer.truncate(to: 2)
        #expect(buffer.octets == [3, 10])
        buffer.removeFirst(2)
        let isEmpty = buffer.isEmpty
        #expect(isEmpty)
        buffer.removeAll()
        #expect(buffer.octets == [])
    }

    @Test func `octets are taken out of the middle, and what follows moves up`() {
        var buffer = WireBuffer()
        buffer.append(contentsOf: 0..<10)
        buffer.removeFirst(2)
        buffer.removeSubrange(1..<4)
        var held = buffer.withUnsafeBytes { Array($0) }
        #expect(held == [2, 6, 7, 8, 9])
        buffer.removeSubrange(3..<5)
        buffer.removeSubrange(1..<1)
        buffer.append(11)
        held = buffer.withUnsafeBytes { Array($0) }
        #expect(held == [2, 6, 7, 11])
        buffer.removeSubrange(0..<4)
        held = buffer.withUnsafeBytes { Array($0) }
        #expect(held == [])
    }

    @Test func `one buffer is appended to another and stays as it is`() {
        var first = WireBuffer()
        first.append(contentsOf: [1, 2, 3])
        first.removeFirst(1)
        var second = WireBuffer()
        second.append(9)
        second.append(first)
        #expect(second.octets == [9, 2, 3])
        #expect(first.octets == [2, 3])
    }

    @Test func `errors of a body keep their type`() {
        let buffer = WireBuffer()
        do {
            try buffer.withUnsafeBytes { bytes throws(WireError) in throw WireError(.trailing, "\(bytes.count)") }
            Issue.record("nothing was thrown")
        } catch {
            #expect(error.message == "0")
        }
    }

    @Test func `any mix of appending and removing gives what an array gives`() {
        var random = RandomValues(seed: Seed.value)
        var buffer = WireBuffer()
        var model: [UInt8] = []
        for _ in 0..<20_000 {
            switch random.below(5) {
            case 0, 1:
                let octets = random.longstr()
                buffer.append(contentsOf: octets)
                model += octets
            case 2:
                let count = random.below(model.count + 1)
                buffer.removeFirst(count)
                model.removeFirst(count)
            case 3:
                let count = model.count - random.below(Swift.min(model.count, 20) + 1)
                buffer.truncate(to: count)
                model.removeLast(model.count - count)
            default:
                buffer.reserve(random.below(200))
                buffer.appendUInt16(0x0102)
                model += [1, 2]
            }
            #expect(buffer.count == model.count)
        }
        #expect(buffer.octets == model, "MILLRACE_SEED=\(Seed.value)")
    }
}

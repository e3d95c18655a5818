import AMQPWire
import Testing

@Suite struct WireReaderTests {
    @Test func `numbers are read high octet first, signed ones with their sign`() throws {
        try reading(octets("01 0203 04050607 08090A0B0C0D0E0F FF FFFE FFFFFFFD FFFFFFFFFFFFFFFC")) { reader throws in
            #expect(try reader.readUInt8() == 1)
            #expect(try reader.readUInt16() == 0x0203)
            #expect(try reader.readUInt32() == 0x0405_0607)
            #expect(try reader.readUInt64() == 0x0809_0A0B_0C0D_0E0F)
            #expect(reader.offset == 15)
            #expect(reader.remaining == 15)
            #expect(try reader.readInt8() == -1)
            #expect(try reader.readInt16() == -2)
            #expect(try reader.readInt32() == -3)
            #expect(try reader.readInt64() == -4)
            #expect(reader.isAtEnd)
        }
    }

    @Test func `strings are read by their length`() throws {
        try reading(octets("03'a'C3A9 | 02'bc' | 00000002 FF00 | 00 | 2A")) { reader throws in
            #expect(try reader.readShortString() == "aé")
            #expect(try Array(reader.readShortStringBytes()) == Array("bc".utf8))
            #expect(try reader.readLongString() == [0xFF, 0])
            #expect(try reader.readShortString() == "")
            try reader.skip(1)
            #expect(reader.isAtEnd)
        }
    }

    @Test(arguments: ["02 C328", "01 80", "03 EDA080", "04 F4908080", "02 C080", "01 C3"])
    func `C27: a short string that is not UTF-8 closes with 501`(note: String) {
        let error = #expect(throws: WireError.self) { try reading(octets(note)) { try $0.readShortString() } }
        #expect(error?.kind == .invalidUTF8)
        #expect(error?.replyCode == .frameError)
    }

    @Test func `nothing is read past the end, and the error says what was wanted and where`() {
        let error = #expect(throws: WireError.self) {
            try reading([1, 2, 3]) { reader throws in
                try reader.skip(2)
                return try reader.readUInt32()
            }
        }
        #expect(error == WireError(.truncated, "a number of 4 octets at offset 2 has only 1 left"))
        #expect(throws: WireError.self) { try reading([]) { try $0.readUInt8() } }
        #expect(throws: WireError.self) { try reading([1]) { try $0.skip(2) } }
        #expect(throws: WireError.self) { try reading([1]) { try $0.skip(-1) } }
        #expect(throws: WireError.self) { try reading(octets("FFFFFFFF 00")) { try $0.readLongString() } }
    }

    @Test func `an empty stretch of memory without an address can be read`() {
        let reader = WireReader(UnsafeRawBufferPointer(start: nil, count: 0))
        #expect(reader.isAtEnd)
        #expect(reader.remaining == 0)
    }
}

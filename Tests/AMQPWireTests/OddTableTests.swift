import AMQPWire
import Testing

/// Tables as anybody may have published them: nothing in one is an error, and all of it is written back as it came.
@Suite struct OddTableTests {
    static func read(_ contents: [UInt8]) throws -> FieldTable {
        try reading(FieldTableTests.table(contents)) { try $0.readTableAsItCame() }
    }

    static func isWrittenBack(_ contents: [UInt8]) throws -> Bool {
        let table = try Self.read(contents)
        return try written { try $0.appendTable(table) } == FieldTableTests.table(contents)
    }

    @Test func `a name that is not UTF-8 is kept, found by its octets, and no other name's`() throws {
        let contents = octets("03 E9'a' E9 'S' 00000001 'x' | 01'k' 'I' 00000007")
        var table = try Self.read(contents)
        #expect(table.entries[0].key == "\u{FFFD}a\u{FFFD}")
        #expect(table.entries[0].keyOctets == [0xE9, 0x61, 0xE9])
        #expect(table[octets: [0xE9, 0x61, 0xE9]] == "x")
        #expect(table["\u{FFFD}a\u{FFFD}"] == nil)
        #expect(table["k"] == .int32(7))
        #expect(try Self.isWrittenBack(contents))
        table.entries[0].key = "ete"
        #expect(table.entries[0].keyOctets == Array("ete".utf8))
    }

    @Test func `what stands before a value of an unknown type is read, what is added stands before it too`() throws {
        let contents = octets("01'k' 'I' 00000007 | 01'z' 'Z' 0102 | 01'l' 'I' 00000008")
        var table = try Self.read(contents)
        #expect(table.keys == ["k"])
        #expect(table.undecoded == octets("01'z' 'Z' 0102 01'l' 'I' 00000008"))
        #expect(!FieldTable(table.entries).isEmpty)
        #expect(try Self.isWrittenBack(contents))
        table["n"] = .void
        let longer = try written { try $0.appendTable(table) }
        let again = try reading(longer) { try $0.readTableAsItCame() }
        #expect(again.keys == ["k", "n"])
        #expect(again.undecoded == table.undecoded)
    }

    @Test func `an unknown type inside a table or an array costs that one alone`() throws {
        let inner = octets("01'a' 'V' 01'z' 'Z' 01")
        let array = octets("'V' 'Z' 01")
        let contents =
            octets("01't' 'F'") + FieldTableTests.table(inner) + octets("01'a' 'A'") + FieldTableTests.table(array)
            + octets("01'k' 'S' 00000001 'v'")
        let table = try Self.read(contents)
        #expect(table["t"]?.tableValue?["a"] == .void)
        #expect(table["t"]?.tableValue?.undecoded == octets("01'z' 'Z' 01"))
        #expect(table["a"] == .undecoded(tag: UInt8(ascii: "A"), octets: FieldTableTests.table(array)))
        #expect(table["k"] == "v")
        #expect(try Self.isWrittenBack(contents))
    }

    @Test(arguments: [1, 30, 31, 32, 33, 40, 1000])
    func `nesting beyond the limit is kept as octets, whatever its depth`(depth: Int) throws {
        var arrays: [UInt8] = []
        for _ in 0..<depth { arrays = FieldTableTests.table(arrays.isEmpty ? [] : octets("'A'") + arrays) }
        let contents =
            octets("01'a' 'A'") + arrays + octets("01't' 'F'") + FieldTableTests.nested(depth)
            + octets("01'k' 'I' 00000007")
        #expect(try Self.read(contents)["k"] == .int32(7))
        #expect(try Self.isWrittenBack(contents))
    }

    @Test func `a value that is cut, or longer than its table, is kept with what follows`() throws {
        for note in ["01'l' 'l' 00", "01's' 'S' 000000FF 'a'", "01'f' 'F' 000000FF", "05'ab'", "00", "01'a' 'A' 0000"] {
            let contents = octets("01'k' 'I' 00000007") + octets(note)
            let table = try Self.read(contents)
            #expect(table["k"] == .int32(7))
            #expect(table.undecoded == octets(note))
            #expect(try Self.isWrittenBack(contents))
        }
    }

    @Test func `a bool of any octet is a bool, and the same octet again`() throws {
        let contents = octets("01'k' 't' 07")
        #expect(try Self.read(contents)["k"]?.boolValue == true)
        #expect(try Self.isWrittenBack(contents))
        let strict = try reading(FieldTableTests.table(contents)) { try $0.readTable() }
        #expect(try written { try $0.appendTable(strict) } == FieldTableTests.table(contents))
    }

    @Test func `a name sent twice, an empty one, and times and numbers at their ends come back`() throws {
        let twice = octets("01'k' 'S' 00000001 '1' | 01'k' 'I' 00000007 | 00 'V' | 01't' 'T' FFFFFFFFFFFFFFFF")
        #expect(try Self.isWrittenBack(twice))
        #expect(
            try Self.isWrittenBack(octets("01'd' 'D' FF FFFFFFFF | 01'f' 'f' 7FA00001 | 01'i' 'd' 7FF0000000000000"))
        )
    }

    @Test func `only a table that is longer than what there is can not be read`() {
        let error = #expect(throws: WireError.self) {
            try reading(octets("000000FF 01'a'")) { try $0.readTableAsItCame() }
        }
        #expect(error?.kind == .truncated)
    }

    @Test func `any octets at all are written back as they came`() throws {
        var random = RandomValues(seed: Seed.value)
        for _ in 0..<2000 {
            var contents = try written { try $0.appendTable(random.table()) }.dropFirst(4).map { $0 }
            for _ in 0..<random.below(4) where !contents.isEmpty {
                contents[random.below(contents.count)] = random.octet()
            }
            #expect(try Self.isWrittenBack(contents), "MILLRACE_SEED=\(Seed.value)")
            #expect(try Self.isWrittenBack(random.longstr()), "MILLRACE_SEED=\(Seed.value)")
        }
    }

    @Test func `a text is made of any octets`() {
        #expect(FieldValue(textOctets: Array("é".utf8)) == "é")
        #expect(FieldValue(textOctets: [0xE9]) == .nonUTF8String([0xE9]))
        #expect(FieldValue.nonUTF8String([0xE9]).textOctets == [0xE9])
        #expect(FieldValue.string("a").textOctets == [0x61])
        #expect(FieldValue.int64(1).textOctets == nil)
    }
}

import AMQPWire
import Testing

@Suite struct FieldTableTests {
    /// Every tag with a value, as a peer would write it.
    static let tags: [(note: String, value: FieldValue)] = [
        ("'t' 01", true), ("'t' 00", false), ("'b' FF", .int8(-1)), ("'B' FF", .uint8(255)),
        ("'s' FFFE", .int16(-2)), ("'u' FFFE", .uint16(65534)), ("'I' FFFFFFFE", .int32(-2)),
        ("'i' FFFFFFFE", .uint32(4_294_967_294)), ("'l' FFFFFFFFFFFFFFFF", -1),
        ("'L' FFFFFFFFFFFFFFFF", .legacyInt64(-1)), ("'f' 3F800000", .float(1)),
        ("'d' 3FF0000000000000", 1.0), ("'D' 02 0000007B", .decimal(scale: 2, value: 123)),
        ("'S' 00000003 'str'", "str"), ("'S' 00000002 C328", .nonUTF8String([0xC3, 0x28])),
        ("'x' 00000002 0001", .bytes([0, 1])), ("'A' 00000006 'I' 00000001 'V'", [.int32(1), .void]),
        ("'T' 0000000065000000", .timestamp(0x6500_0000)), ("'F' 00000008 01'a' 'S' 00000001 'b'", ["a": "b"]),
        ("'V'", .void),
    ]

    static func table(_ contents: [UInt8]) -> [UInt8] {
        withUnsafeBytes(of: UInt32(contents.count).bigEndian) { [UInt8]($0) } + contents
    }

    static func read(_ octets: [UInt8]) throws -> FieldTable { try reading(octets) { try $0.readTable() } }

    /// Tables inside tables, `depth` of them, the innermost empty.
    static func nested(_ depth: Int) -> [UInt8] {
        (1..<depth).reduce(Self.table([])) { inner, _ in Self.table([0] + Array("F".utf8) + inner) }
    }

    @Test(arguments: tags.indices)
    func `C29: every tag is read, and written back octet for octet`(index: Int) throws {
        let (note, value) = Self.tags[index]
        let octets = Self.table(octets("01'k'" + note))
        let read = try Self.read(octets)
        #expect(read == ["k": value])
        #expect(try written { try $0.appendTable(read) } == octets)
    }

    @Test func `all tags in one table, with a name sent twice, come back octet for octet`() throws {
        let contents = Self.tags.flatMap { octets("01'k'" + $0.note) } + Self.tags.flatMap { octets("00" + $0.note) }
        let read = try Self.read(Self.table(contents))
        #expect(read.count == 2 * Self.tags.count)
        #expect(try written { try $0.appendTable(read) } == Self.table(contents))
        #expect(read["k"] == true)
    }

    @Test func `the payload of a not-a-number comes back octet for octet`() throws {
        let octets = Self.table(octets("01'f' 'f' 7FC00001 01'd' 'd' FFF8000000000123"))
        let read = try Self.read(octets)
        #expect(try written { try $0.appendTable(read) } == octets)
    }

    @Test func `C29: a whole number is written with the tag l`() throws {
        #expect(try written { try $0.appendTable(["n": 7]) } == Self.table(octets("01'n' 'l' 0000000000000007")))
    }

    @Test(arguments: [
        ("01'k' 'Z' 'xx'", "field 'k': unknown type tag 'Z' (0x5A) at offset 6"),
        ("01'k' 07", "field 'k': unknown type tag 0x07 at offset 6"),
        ("01'o' 'F' 00000003 01'i' 00", "field 'o': field 'i': unknown type tag 0x00 at offset 13"),
    ])
    func `C29: an unknown tag is named, with its field`(note: String, message: String) {
        let error = #expect(throws: WireError.self) { try Self.read(Self.table(octets(note))) }
        #expect(error == WireError(.unknownFieldTag, message))
        #expect(error?.replyCode == .internalError)
    }

    @Test func `C30: tables may be nested 32 deep, read and written, and no deeper`() throws {
        let deepest = try Self.read(Self.nested(32))
        #expect(try written { try $0.appendTable(deepest) } == Self.nested(32))
        #expect(throws: WireError.self) { try Self.read(Self.nested(33)) }
        let deeper: FieldTable = ["": .table(deepest)]
        let error = #expect(throws: WireError.self) { try written { try $0.appendTable(deeper) } }
        #expect(error?.kind == .tooDeep)
    }

    @Test func `C30: arrays count as depth, and a bomb of them ends at the limit`() throws {
        for depth in [FieldTable.maxDepth, 10_000] {
            var bomb: [UInt8] = []
            for _ in 0..<depth { bomb = octets("'A'") + Self.table(bomb) }
            let error = #expect(throws: WireError.self) { try Self.read(Self.table([0] + bomb)) }
            #expect(error?.kind == .tooDeep)
            guard error != nil else { return }  // what is no limit for a few is none for the bomb
        }
        let array: FieldValue = (0..<32).reduce([]) { inner, _ in [inner] }
        #expect(throws: WireError.self) { try written { try $0.appendTable(["a": array]) } }
    }

    @Test(arguments: [
        "FFFFFFFF", "00000001", "7FFFFFFF 00", "00000006 00 'S' FFFFFFFF", "00000006 00 'x' 7FFFFFFF",
        "00000006 00 'A' 00000001", "00000006 00 'F' FFFFFFFF", "00000003 05 'ab'", "00000002 00 'l'",
        "00000001 00", "00000008 00 'A' 00000002 'S' 00", "00000005 00 'D' 00 00 00",
    ])
    func `C30: a length beyond what is there is refused`(note: String) {
        // Octets behind the table, which its contents must not reach into.
        let behind = note.count > 8 ? [UInt8](repeating: 0, count: 64) : []
        let error = #expect(throws: WireError.self) { try Self.read(octets(note) + behind) }
        #expect(error?.kind == .truncated)
    }

    @Test func `after a table the reader goes on behind it`() throws {
        try reading(octets("00000003 01'a' 'V' | 2A")) { reader throws in
            #expect(try reader.readTable() == ["a": .void])
            #expect(try reader.readUInt8() == 42)
            #expect(reader.isAtEnd)
        }
    }

    @Test func `C27: a name of 256 octets is refused, and the error shows where`() {
        let table: FieldTable = ["outer": ["\(String(repeating: "n", count: 256))": 1]]
        let error = #expect(throws: WireError.self) { try written { try $0.appendTable(table) } }
        #expect(error?.kind == .stringTooLong)
        #expect(error?.message.hasPrefix("field 'outer': field 'nnn") == true)
    }

    @Test func `a table is changed by name and keeps its order`() {
        var table: FieldTable = ["a": 1, "b": "two"]
        table["a"] = true
        table["c"] = .void
        #expect(table == ["a": true, "b": "two", "c": .void])
        table["b"] = nil
        #expect(table.keys == ["a", "c"])
        #expect(table["b"] == nil)
        #expect(!table.isEmpty)
    }

    @Test func `names are compared by octet, so two spellings of one letter are two names`() {
        var table: FieldTable = ["\u{E9}": 1]
        #expect(table["e\u{301}"] == nil)
        table["e\u{301}"] = 2
        #expect(table.count == 2)
    }

    @Test func `values are looked at by type`() {
        #expect(FieldValue.uint16(7).intValue == 7)
        #expect(FieldValue.legacyInt64(-7).intValue == -7)
        #expect(FieldValue.string("7").intValue == nil)
        #expect(FieldValue.string("7").stringValue == "7")
        #expect(FieldValue.bool(true).boolValue == true)
        #expect(FieldValue.table(["a": 1]).tableValue?["a"] == 1)
        #expect(FieldValue.array([1]).arrayValue == [1])
    }
}

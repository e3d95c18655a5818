import Glibc
import MillraceHandler
import Testing

/// Random documents and values, written and read back; `MILLRACE_SEED` runs the same again.
@Suite
struct JSONRoundTripTests {
    /// SplitMix64.
    private struct Random: RandomNumberGenerator {
        private(set) var state: UInt64

        mutating func next() -> UInt64 {
            self.state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = self.state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    private static let seed =
        getenv("MILLRACE_SEED").flatMap { UInt64(String(cString: $0)) } ?? UInt64.random(in: 1...UInt64.max)

    private static func text(_ random: inout Random) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 0...8, using: &random) {
            let limit: UInt32 = [0x20, 0x80, 0x800, 0x10000, 0x110000].randomElement(using: &random) ?? 0x80
            // A surrogate is no scalar; take something else.
            text.unicodeScalars.append(Unicode.Scalar(UInt32.random(in: 0..<limit, using: &random)) ?? "\"")
        }
        return text
    }

    private static func double(_ random: inout Random) -> Double {
        let number = Double(bitPattern: random.next())
        return number.isFinite ? number : 0.5
    }

    private static func value(_ random: inout Random, depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 4 ? 6 : 8), using: &random) {
        case 0: .null
        case 1: .bool(Bool.random(using: &random))
        case 2: .int(Int(truncatingIfNeeded: random.next()) >> Int.random(in: 0..<64, using: &random))
        case 3: .unsigned(UInt64(Int.max) + UInt64.random(in: 1...UInt64(Int.max), using: &random))
        case 4: .double(Self.double(&random))
        case 5: .string(Self.text(&random))
        case 6: .array((0..<Int.random(in: 0...4, using: &random)).map { _ in Self.value(&random, depth: depth + 1) })
        default:
            .object(
                (0..<Int.random(in: 0...4, using: &random)).map { _ in
                    (Self.text(&random), Self.value(&random, depth: depth + 1))
                }
            )
        }
    }

    @Test func `what is written reads back the same`() {
        for seed in Self.seed..<(Self.seed.addingReportingOverflow(2000).overflow ? .max : Self.seed + 2000) {
            var random = Random(state: seed)
            let value = Self.value(&random, depth: 0)
            let octets = JSONWriter.write(value)
            var reader = JSONReader(octets)
            #expect(throws: Never.self, "MILLRACE_SEED=\(seed)") {
                let read = try reader.parse()
                // Compared as text: for doubles that is their bits, and for strings their scalars.
                #expect(JSONWriter.write(read) == octets, "MILLRACE_SEED=\(seed)")
            }
        }
    }

    private struct Everything: Codable, Equatable {
        var bool: Bool
        var int8: Int8
        var int64: Int64
        var uint64: UInt64
        var float: Float
        var double: Double
        var text: String
        var optional: String?
        var list: [Int?]
        var map: [String: [UInt16]]
        var inner: [Everything]

        init(_ random: inout Random, depth: Int = 0) {
            self.bool = Bool.random(using: &random)
            self.int8 = Int8.random(in: .min ... .max, using: &random)
            self.int64 = Int64(bitPattern: random.next())
            self.uint64 = random.next()
            let float = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
            self.float = float.isFinite ? float : 1
            self.double = JSONRoundTripTests.double(&random)
            self.text = JSONRoundTripTests.text(&random)
            self.optional = Bool.random(using: &random) ? JSONRoundTripTests.text(&random) : nil
            self.list = (0..<Int.random(in: 0...3, using: &random)).map { _ in
                Bool.random(using: &random) ? Int(truncatingIfNeeded: random.next()) : nil
            }
            self.map = [:]
            for _ in 0..<Int.random(in: 0...20, using: &random) {
                self.map[JSONRoundTripTests.text(&random)] = [UInt16(truncatingIfNeeded: random.next())]
            }
            self.inner = depth > 1 ? [] : (0..<2).map { _ in Everything(&random, depth: depth + 1) }
        }
    }

    @Test func `what is encoded decodes the same`() throws {
        for seed in Self.seed..<(Self.seed.addingReportingOverflow(50).overflow ? .max : Self.seed + 50) {
            var random = Random(state: seed)
            let value = Everything(&random)
            let body = try Publication(json: value, routingKey: "q").body
            let decoded = try decode(Everything.self, body)
            #expect(decoded == .success(value), "MILLRACE_SEED=\(seed)")
        }
    }

    @Test func `octets that were changed at random decode or are rejected, and nothing else`() throws {
        var random = Random(state: Self.seed)
        let good = try Publication(json: Everything(&random), routingKey: "q").body
        for round in 0..<1000 {
            var octets = good
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: octets.indices, using: &random)
                if Bool.random(using: &random) {
                    octets[place] = UInt8.random(in: .min ... .max, using: &random)
                } else {
                    octets.removeSubrange(place..<min(octets.count, place + 3))
                }
            }
            let result = try decode(Everything.self, octets)
            if let reason = result.reason {
                #expect(!reason.isEmpty, "MILLRACE_SEED=\(Self.seed), round \(round)")
            }
        }
    }

    @Test func `a publication of a value is JSON and says so`() throws {
        struct Note: Encodable {
            let text: String
            let nothing: Int?
            let list: [Double]
        }
        let note = Note(text: "a\"\\\u{1}\n/å😀", nothing: nil, list: [1, 0.1, -1e300])
        let sent = try Publication(json: note, exchange: "ex", routingKey: "q")
        #expect(
            String(decoding: sent.body, as: UTF8.self)
                == #"{"text":"a\"\\\u0001\n/å😀","list":[1.0,0.1,-1e+300]}"#
        )
        #expect(sent.contentType == "application/json")
        #expect(sent.exchange == "ex")
        #expect(sent.routingKey == "q")
        #expect(try Publication(json: [Float(0.1)], routingKey: "").body == Array("[0.1]".utf8))
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity])
    func `what JSON has no number for is an error`(number: Double) {
        #expect(throws: EncodingError.self) { try Publication(json: ["a": number], routingKey: "") }
    }
}

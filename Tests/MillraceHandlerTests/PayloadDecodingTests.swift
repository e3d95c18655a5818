import CMillraceABI
import MillraceHandler
import Testing

/// Decodes a body through a handler, as a plugin would; the reason of the reject if it does not decode.
func decode<T: Decodable>(_ type: T.Type, _ json: [UInt8]) throws -> Result<T, Reason> {
    let token = FakeToken(json)
    var decoded: T?
    // A name of its own, because tests run at the same time.
    _ = try ClosureHandler.run("decode \(UInt64.random(in: 0 ... .max))", token) { message, _ in
        decoded = try message.decode(T.self)
        return .ack
    }
    if let decoded, token.completions == [.init(MILLRACE_ACK)] { return .success(decoded) }
    let completion = try #require(token.completions.first)
    try #require(completion.kind == MILLRACE_REJECT.rawValue)
    return .failure(Reason(text: completion.reason))
}

func decode<T: Decodable>(_ type: T.Type, _ json: String) throws -> Result<T, Reason> {
    try decode(type, Array(json.utf8))
}

struct Reason: Error, Equatable { let text: String }

extension Result where Failure == Reason {
    var reason: String? { if case .failure(let reason) = self { reason.text } else { nil } }
}

@Suite
struct PayloadDecodingTests {
    enum Carrier: String, Codable { case post, courier }

    struct Item: Codable, Equatable {
        var sku: String
        var price: Double
        var count: UInt8
        var note: String?
    }

    struct Order: Codable, Equatable {
        var id: Int64
        var carrier: Carrier
        var items: [Item]
        var labels: [String: [Int]]
        var matrix: [[Float]]
        var paid: Bool?
    }

    private static let order = #"""
        {"id":9223372036854775807,"carrier":"post","items":[{"sku":"å","price":1,"count":255,"note":null},
         {"count":0,"price":-2.5e-3,"sku":""}],"labels":{"a":[1,2],"":[]},"matrix":[[0.1],[]],"unknown":{"x":[{}]}}
        """#

    @Test func `structs, enums, arrays, dictionaries and optionals`() throws {
        let order = try decode(Order.self, Self.order).get()
        let items = [
            Item(sku: "å", price: 1, count: 255, note: nil), Item(sku: "", price: -0.0025, count: 0, note: nil),
        ]
        let expected = Order(
            id: .max,
            carrier: .post,
            items: items,
            labels: ["a": [1, 2], "": []],
            matrix: [[0.1], []],
            paid: nil
        )
        #expect(order == expected)
    }

    @Test(arguments: [
        ("", "payload: not JSON at byte 0: expected a value, but the text ends"),
        ("{\"id\":1,}", "payload: not JSON at byte 8: expected a key in quotes, got '}'"),
        ("[]", "payload: expected an object, got an array"),
        ("null", "payload: expected an object, got null"),
        ("{}", "id: is missing"),
        (#"{"id":"7"}"#, "id: expected a whole number, got a string"),
        (#"{"id":1.5}"#, "id: expected a whole number, got 1.5"),
        (#"{"id":9223372036854775808}"#, "id: 9223372036854775808 does not fit in Int64"),
        (#"{"id":1,"carrier":"dove"}"#, "carrier: Cannot initialize Carrier from invalid String value dove"),
        (#"{"id":1,"carrier":"post","items":{}}"#, "items: expected an array, got an object"),
        (#"{"id":1,"carrier":"post","items":[true]}"#, "items[0]: expected an object, got a boolean"),
        (
            #"{"id":1,"carrier":"post","items":[{"sku":"","price":1,"count":1},{"sku":"","price":"9"}]}"#,
            "items[1].price: expected a number, got a string"
        ),
        (
            #"{"id":1,"carrier":"post","items":[{"sku":"","price":1,"count":256}]}"#,
            "items[0].count: 256 does not fit in UInt8"
        ),
        (#"{"id":1,"carrier":"post","items":[{"sku":"","price":1}]}"#, "items[0].count: is missing"),
        (#"{"id":1,"carrier":"post","items":[{"sku":null}]}"#, "items[0].sku: expected a string, got null"),
        (
            #"{"id":1,"carrier":"post","items":[],"labels":{"a b":[null]}}"#,
            #"labels["a b"][0]: expected a whole number, got null"#
        ),
        (
            #"{"id":1,"carrier":"post","items":[],"labels":{},"matrix":[[1],[2,[]]]}"#,
            "matrix[1][1]: expected a number, got an array"
        ),
        (
            #"{"id":1,"carrier":"post","items":[],"labels":{},"matrix":[[1e39]]}"#,
            "matrix[0][0]: a number that does not fit in Float"
        ),
        (
            #"{"id":1,"carrier":"post","items":[],"labels":{},"matrix":[],"paid":0}"#,
            "paid: expected a boolean, got a number"
        ),
    ])
    func `what does not decode is rejected with its place`(json: String, reason: String) throws {
        #expect(try decode(Order.self, json).reason == reason)
    }

    @Test func `integers are exact up to both ends`() throws {
        #expect(try decode([UInt64].self, "[0,18446744073709551615,9223372036854775808]").get() == [0, .max, 1 << 63])
        #expect(try decode([Int64].self, "[-9223372036854775808,9007199254740993]").get() == [.min, 9007199254740993])
        #expect(try decode([Int8].self, "[-128,127]").get() == [-128, 127])
        #expect(try decode([UInt].self, "[-1]").reason == "[0]: -1 does not fit in UInt")
        #expect(try decode([Int8].self, "[1,128]").reason == "[1]: 128 does not fit in Int8")
        let beyond = "[0]: 1.8446744073709552e+19 does not fit in UInt64"
        #expect(try decode([UInt64].self, "[18446744073709551616]").reason == beyond)
    }

    @Test func `a whole number may be written with a point or an exponent, as far as a double is exact`() throws {
        #expect(
            try decode([Int].self, "[3.0,2e3,-0.0,9007199254740991.0]").get() == [3, 2000, 0, 9_007_199_254_740_991]
        )
        let inexact = "payload: from 2^53 on a whole number is exact only without point and exponent"
        #expect(try decode(Int.self, "9007199254740993.0").reason == inexact)
        #expect(try decode(Int.self, "1e-1").reason == "payload: expected a whole number, got 0.1")
    }

    @Test func `of a key given twice the last counts, in small objects and big ones`() throws {
        #expect(try decode([String: Int].self, #"{"a":1,"b":2,"a":3}"#).get() == ["a": 3, "b": 2])
        let members = (0..<40).map { #""k\#($0)":\#($0)"# }.joined(separator: ",")
        let big = try decode([String: Int].self, "{\(members),\"k7\":-7}").get()
        #expect(big.count == 40)
        #expect(big["k7"] == -7)
        #expect(big["k39"] == 39)
    }

    @Test func `numbers are keys too`() throws {
        #expect(try decode([Int: Bool].self, #"{"7":true,"-1":false}"#).get() == [7: true, -1: false])
    }

    @Test func `values without a container around them`() throws {
        #expect(try decode(String.self, #""a""#).get() == "a")
        #expect(try decode(Int?.self, "null").get() == nil)
        #expect(try decode(Int?.self, "4").get() == 4)
        #expect(try decode([Int?].self, "[1,null,3]").get() == [1, nil, 3])
        #expect(try decode(Bool.self, "1").reason == "payload: expected a boolean, got a number")
    }

    @Test func `128 levels decode, 129 are refused before anything is decoded`() throws {
        struct Nested: Decodable {
            let inner: [Nested]
            init(from decoder: any Decoder) throws { self.inner = try [Nested](from: decoder) }
        }
        func text(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(try decode(Nested.self, text(128)).reason == nil)
        let reason = "payload: not JSON at byte 128: more than 128 levels deep"
        #expect(try decode(Nested.self, text(129)).reason == reason)
    }

    @Test func `keys and texts from outside are cut and escaped before they reach a log`() throws {
        let key = "a\\n" + String(repeating: "x", count: 5000)
        let reason = try #require(try decode([String: Int].self, "{\"\(key)\":\"\"}").reason)
        #expect(reason.hasPrefix(#"["a\nxxx"#))
        #expect(reason.hasSuffix(#"x…"]: expected a whole number, got a string"#))
        #expect(reason.count < 120)
        let value = try #require(try decode(Carrier.self, "\"\\u001b[31m\(key)\"").reason)
        #expect(value.count < 330)
        #expect(!value.contains("\u{1B}"))
        #expect(!value.contains("\n"))
    }
}

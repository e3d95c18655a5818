import MillraceHandler
import Testing

@Suite
struct HandlerOptionsTests {
    private static func options() throws -> HandlerOptions {
        let json = #"""
            {"text":"å","empty":"","int":7,"double":2.5,"yes":true,"no":false,"list":["a","b"],"none":[],
             "mixed":["a",1],"nothing":null,"object":{}}
            """#
        return try HandlerOptions(json: Array(json.utf8))
    }

    @Test func `values come in their types`() throws {
        let options = try Self.options()
        #expect(try options.string("text") == "å")
        #expect(try options.string("empty") == "")
        #expect(try options.int("int") == 7)
        #expect(try options.double("double") == 2.5)
        #expect(try options.double("int") == 7)
        #expect(try options.bool("yes"))
        #expect(try !options.bool("no"))
        #expect(try options.strings("list") == ["a", "b"])
        #expect(try options.strings("none") == [])
    }

    @Test func `the keys are sorted, and null counts as missing`() throws {
        let options = try Self.options()
        #expect(options.keys.prefix(4) == ["double", "empty", "int", "list"])
        #expect(options.contains("text"))
        #expect(!options.contains("nothing"))
        #expect(!options.contains("unheard of"))
    }

    @Test func `defaults stand in for what is missing or null, not for what is wrong`() throws {
        let options = try Self.options()
        for key in ["nothing", "unheard of"] {
            #expect(try options.string(key, default: "d") == "d")
            #expect(try options.int(key, default: 3) == 3)
            #expect(try options.double(key, default: 0.5) == 0.5)
            #expect(try options.bool(key, default: true))
            #expect(try options.duration(key, default: .seconds(9)) == .seconds(9))
        }
        #expect(throws: OptionError(key: "int", reason: "must be a text")) { try options.string("int", default: "d") }
        #expect(throws: OptionError(key: "text", reason: "must be a whole number")) {
            try options.int("text", default: 1)
        }
        #expect(throws: OptionError(key: "int", reason: "must be true or false")) {
            try options.bool("int", default: true)
        }
        #expect(throws: OptionError(key: "yes", reason: "must be a number")) { try options.double("yes", default: 1) }
    }

    @Test(arguments: ["unheard of", "nothing"])
    func `a missing key is named`(key: String) throws {
        let options = try Self.options()
        let missing = OptionError(key: key, reason: "is missing")
        #expect(throws: missing) { try options.string(key) }
        #expect(throws: missing) { try options.int(key) }
        #expect(throws: missing) { try options.double(key) }
        #expect(throws: missing) { try options.bool(key) }
        #expect(throws: missing) { try options.strings(key) }
        #expect(throws: missing) { try options.duration(key) }
        #expect(missing.description == "option '\(key)' is missing")
    }

    @Test func `a value of another type says what it must be`() throws {
        let options = try Self.options()
        #expect(throws: OptionError(key: "object", reason: "must be a text")) { try options.string("object") }
        #expect(throws: OptionError(key: "double", reason: "must be a whole number")) { try options.int("double") }
        #expect(throws: OptionError(key: "text", reason: "must be a number")) { try options.double("text") }
        #expect(throws: OptionError(key: "text", reason: "must be true or false")) { try options.bool("text") }
        #expect(throws: OptionError(key: "text", reason: "must be a list of texts")) { try options.strings("text") }
        #expect(throws: OptionError(key: "mixed", reason: "must be a list of texts")) { try options.strings("mixed") }
        #expect(throws: OptionError(key: "int", reason: "must be a text")) { try options.duration("int") }
    }

    @Test(arguments: [
        ("500ms", Duration.milliseconds(500)), ("0s", .zero), ("30s", .seconds(30)), ("2m", .seconds(120)),
        ("1h", .seconds(3600)), ("1m30s", .seconds(90)),
    ])
    func `a duration has a unit`(text: String, duration: Duration) throws {
        let options = try HandlerOptions(json: Array(#"{"after":"\#(text)"}"#.utf8))
        #expect(try options.duration("after") == duration)
    }

    @Test(arguments: [
        "", "5", "s", "-5s", "+5s", "1.5s", "5 s", "5d", "5S", "9223372036854775807h", "99999999999999999999s",
    ])
    func `anything else is no duration`(text: String) throws {
        let options = try HandlerOptions(json: Array(#"{"after":"\#(text)"}"#.utf8))
        let error = #expect(throws: OptionError.self) { try options.duration("after") }
        let expected = "option 'after' must be a duration with its unit: 500ms, 30s, 2m, 1h or 1m30s"
        #expect(error?.description == expected)
    }

    @Test func `it is noted what was asked for, there or not`() throws {
        var options = try HandlerOptions(json: Array(#"{"a":{"b":1,"c/d":2},"e":3}"#.utf8))
        let inside = try options.options("a")
        #expect(try inside.int("b") == 1)
        #expect(!options.contains("f"))
        #expect(throws: OptionError.self) { try options.options("g") }
        #expect(throws: OptionError(key: "e", reason: "must be a mapping of keys and values")) {
            try options.options("e")
        }
        #expect(inside.keys == ["b", "c/d"])
        let whileKept = options.takeReadPaths()
        #expect(whileKept == nil, "somebody may ask for more")
        withExtendedLifetime(inside) {}
        var others = try HandlerOptions(json: Array(#"{"a":{"b":1}}"#.utf8))
        #expect(try others.options("a").int("x/y", default: 2) == 2)
        let paths = others.takeReadPaths()
        #expect(paths == ["/a/x~1y"])
    }

    @Test func `of a key given twice the last counts`() throws {
        #expect(try HandlerOptions(json: Array(#"{"a":1,"a":2}"#.utf8)).int("a") == 2)
    }
}

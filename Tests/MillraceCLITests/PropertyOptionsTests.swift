import AMQPWire
import ArgumentParser
import Testing

@testable import MillraceCLI

/// The headers and properties of `millrace publish`.
@Suite struct PropertyOptionsTests {
    @Test(
        arguments: [
            ("a=b", "a", .string("b")), ("a=", "a", .string("")), ("a=b=c", "a", .string("b=c")),
            ("n:int=-5", "n", .int64(-5)), ("n:double=0.5", "n", .double(0.5)), ("n:bool=true", "n", .bool(true)),
            ("n:timestamp=7", "n", .timestamp(7)), ("n:void=", "n", .void), ("n:string=5", "n", .string("5")),
            ("urn:x=5", "urn:x", .string("5")), ("a:int:string=5", "a:int", .string("5")),
            ("ü=grüße", "ü", .string("grüße")),
        ] as [(String, String, FieldValue)]
    )
    func `a header`(_ text: String, _ name: String, _ value: FieldValue) throws {
        #expect(try HeaderOption.parse(text) == HeaderOption(name: name, value: value))
    }

    @Test(arguments: ["", "a", "=b", ":int=5", "n:int=x", "n:int=9223372036854775808", "n:bool=yes", "n:void=x"])
    func `no header`(_ text: String) { #expect(throws: ValidationError.self) { try HeaderOption.parse(text) } }

    @Test func `each option is a property, and what was not said is not there`() throws {
        let options = try PropertyOptions.parse([
            "--header", "a=1", "--header", "b:int=2", "--header", "a=3", "--content-type", "t", "--content-encoding",
            "gzip", "--priority", "9", "--expiration", "60000", "--message-id", "m", "--correlation-id", "c",
            "--reply-to", "r", "--timestamp", "5", "--type", "k", "--user-id", "guest", "--app-id", "shop",
            "--transient",
        ])
        #expect(
            options.properties
                == BasicProperties(
                    contentType: "t",
                    contentEncoding: "gzip",
                    headers: ["a": "3", "b": 2],
                    deliveryMode: 1,
                    priority: 9,
                    correlationID: "c",
                    replyTo: "r",
                    expiration: "60000",
                    messageID: "m",
                    timestamp: 5,
                    type: "k",
                    userID: "guest",
                    appID: "shop"
                )
        )
        #expect(try PropertyOptions.parse([]).properties == BasicProperties(deliveryMode: 2))
    }

    @Test(arguments: [
        ["--priority", "256"], ["--priority", "-1"], ["--expiration", "5s"], ["--expiration", ""],
        ["--timestamp", "soon"], ["--header", "x"], ["--type", String(repeating: "x", count: 256)],
    ])
    func `what can not be sent is refused before anything is`(_ words: [String]) {
        #expect(throws: (any Error).self) { try PropertyOptions.parse(words) }
    }
}

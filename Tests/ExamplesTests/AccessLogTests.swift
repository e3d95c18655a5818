import Examples
import Testing

@Suite
struct AccessLogTests {
    private static let good = #"192.0.2.1 - ann [12/May/2025:06:00:16 +0000] "GET /cart HTTP/1.1" 200 512 "-" "curl/8""#

    @Test func `a good line gives its fields`() throws {
        let line = try AccessLogLine(Self.good[...])
        #expect(line.address == "192.0.2.1")
        #expect(line.method == "GET")
        #expect(line.path == "/cart")
        #expect(line.status == 200)
        #expect(line.bytes == 512)
    }

    @Test func `a size of - is no octet`() throws {
        let line = try AccessLogLine(#"2001:db8::1 - - [t] "HEAD / HTTP/2" 304 - "-" "-""#)
        #expect(line.bytes == 0)
    }

    @Test func `a line without referrer and agent is good too`() throws {
        #expect(try AccessLogLine(#"192.0.2.1 - - [t] "GET / HTTP/1.1" 200 5"#).bytes == 5)
    }

    @Test func `an escaped quote does not end the request`() throws {
        let line = try AccessLogLine(#"192.0.2.1 - - [t] "GET /a\"b\\ HTTP/1.1" 200 5 "-" "say \"hi\"""#)
        #expect(line.path == #"/a\"b\\"#)
        #expect(line.bytes == 5)
    }

    @Test(arguments: [
        ("", "no [time]"),
        (#"192.0.2.1 - - [t] x "GET / HTTP/1.1" 200 5"#, "no \"request\""),
        (#"192.0.2.1 - - [t] "GET / HTTP/1.1\" 200 5"#, "no \"request\""),
        ("logrotate: access.log rotated", "no [time]"),
        (#"192.0.2.1 - - 12/May/2025 "GET / HTTP/1.1" 200 5"#, "no [time]"),
        (#"192.0.2.1 - - [12/May/2025 "GET / HTTP/1.1" 200 5"#, "no [time]"),
        (#"192.0.2.1 - [t] "GET / HTTP/1.1" 200 5"#, "2 fields before [time] instead of 3"),
        (#"192.0.2.1 - two words [t] "GET / HTTP/1.1" 200 5"#, "4 fields before [time] instead of 3"),
        (#"[t] "GET / HTTP/1.1" 200 5"#, "0 fields before [time] instead of 3"),
        ("192.0.2.1 - - [t]", "no \"request\""),
        (#"192.0.2.1 - - [t] "GET / HTTP/1.1 200 5"#, "no \"request\""),
        (#"192.0.2.1 - - [t] "-" 400 5"#, "the request is not 'METHOD path version'"),
        (#"192.0.2.1 - - [t] "GET /" 200 5"#, "the request is not 'METHOD path version'"),
        (#"192.0.2.1 - - [t] "GET / HTTP/1.1""#, "no status and size after the request"),
        (#"192.0.2.1 - - [t] "GET / HTTP/1.1" 200  "-" "-""#, "no status and size after the request"),
        (#"192.0.2.1 - - [t] "GET / HTTP/1.1" 2OO 5"#, "status '2OO' is not 100...599"),
        (#"192.0.2.1 - - [t] "GET / HTTP/1.1" 999 5"#, "status '999' is not 100...599"),
        (#"192.0.2.1 - - [t] "GET / HTTP/1.1" 99 5"#, "status '99' is not 100...599"),
        (#"192.0.2.1 - - [t] "GET / HTTP/1.1" 200 12kB"#, "size '12kB' is no number of octets up to 2^40"),
        (#"192.0.2.1 - - [t] "GET / HTTP/1.1" 200 -1"#, "size '-1' is no number of octets up to 2^40"),
        (
            #"192.0.2.1 - - [t] "GET / HTTP/1.1" 200 9223372036854775807"#,
            "size '9223372036854775807' is no number of octets up to 2^40"
        ),
    ])
    func `a malformed line says what is wrong`(line: String, reason: String) {
        let error = #expect(throws: AccessLogLine.Malformed.self) { try AccessLogLine(line[...]) }
        #expect(error?.description == reason)
    }

    @Test func `a block adds up, whatever ends its lines`() throws {
        let not = #"192.0.2.1 - - [t] "GET /x HTTP/1.1" 404 88 "-" "-""#
        let summary = try AccessLogSummary("\(Self.good)\n\(not)\r\n\n\(Self.good)")
        #expect(summary.lines == 3)
        #expect(summary.bytes == 1112)
        #expect(summary.statuses == [200: 2, 404: 1])
        #expect(summary.json == #"{"lines":3,"bytes":1112,"statuses":{"200":2,"404":1}}"#)
    }

    @Test func `the first malformed line of a block is named`() {
        let error = #expect(throws: AccessLogLine.Malformed.self) {
            try AccessLogSummary("\(Self.good)\n\n\(Self.good)\r\nbroken\nbroken too")
        }
        #expect(error?.description == "line 4: no [time]", "empty lines are counted, as an editor counts them")
    }

    @Test(arguments: ["", "\n\n"])
    func `a block without a line is malformed`(block: String) {
        let error = #expect(throws: AccessLogLine.Malformed.self) { try AccessLogSummary(block) }
        #expect(error?.description == "no line at all")
    }
}

import AMQPClient
import Glibc
import Testing

@testable import MillraceCLI

@Suite(.timeLimit(.minutes(10))) struct OutputSinkTests {
    /// A pipe that takes as little as the system allows, or a pair of sockets.
    private static func pair(_ isSocket: Bool) -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        #expect((isSocket ? socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) : pipe(&ends)) == 0)
        return (ends[0], ends[1])
    }

    private static func read(_ descriptor: Int32, until isEnough: (String) -> Bool) -> String {
        var octets: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4096)
        while !isEnough(String(decoding: octets, as: UTF8.self)) {
            let count = Glibc.read(descriptor, &part, part.count)
            guard count > 0 else { break }
            octets += part.prefix(count)
        }
        return String(decoding: octets, as: UTF8.self)
    }

    @Test(arguments: [false, true])
    func `a line goes out before the writer goes on`(isSocket: Bool) {
        let ends = Self.pair(isSocket)
        defer {
            close(ends.read)
            close(ends.write)
        }
        let sink = OutputSink(ends.write) { "\($0) missing\n" }
        sink.write("one\n")
        sink.write("two\n")
        _ = fcntl(ends.read, F_SETFL, O_NONBLOCK)
        #expect(Self.read(ends.read) { $0 == "one\ntwo\n" } == "one\ntwo\n")
        #expect(sink.finish(until: 0))
    }

    @Test(arguments: [false, true])
    func `nobody reads: who writes goes on, the end comes, and later all is there but what is counted`(isSocket: Bool) {
        let ends = Self.pair(isSocket)
        defer {
            close(ends.read)
            close(ends.write)
        }
        let sink = OutputSink(ends.write, limit: 10_000) { "\($0) missing\n" }
        let text = String(repeating: "x", count: 95)
        let count = 20_000
        for number in 0..<count { sink.write("\(10_000 + number) \(text)\n") }
        #expect(!sink.finish(until: MonotonicClock.now() &+ 50_000_000))
        let lines = Self.read(ends.read) { $0.hasSuffix(" missing\n") }.split(separator: "\n")
        let missing = lines.last.flatMap { $0.split(separator: " ").first }.flatMap { Int($0) } ?? 0
        #expect(missing > 0)
        #expect(lines.count - 1 + missing == count)
        #expect(lines.dropLast().enumerated().allSatisfy { $1.hasPrefix("\(10_000 + $0) ") })
        sink.write("again\n")
        #expect(Self.read(ends.read) { $0 == "again\n" } == "again\n")
        #expect(sink.finish(until: MonotonicClock.now() &+ 60_000_000_000))
    }

    @Test func `a reader that has gone is known, and nothing waits for it`() {
        signal(SIGPIPE, SIG_IGN)
        let ends = Self.pair(false)
        let sink = OutputSink(ends.write) { "\($0) missing\n" }
        close(ends.read)
        sink.write("one\n")
        #expect(sink.failure == EPIPE)
        sink.write("two\n")
        #expect(sink.finish(until: 0))
        close(ends.write)
    }

    @Test func `a full disk is known`() {
        let descriptor = open("/dev/full", O_WRONLY)
        defer { close(descriptor) }
        let sink = OutputSink(descriptor) { "\($0) missing\n" }
        sink.write("one\n")
        #expect(sink.failure == ENOSPC)
    }

    @Test func `others that share the stream do not find it changed`() {
        let ends = Self.pair(false)
        defer {
            close(ends.read)
            close(ends.write)
        }
        let before = fcntl(ends.write, F_GETFL)
        let sink = OutputSink(ends.write) { "\($0) missing\n" }
        sink.write("one\n")
        #expect(fcntl(ends.write, F_GETFL) == before)
    }
}

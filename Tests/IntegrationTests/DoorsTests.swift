import AMQPClient
import Foundation
import Glibc
import Logging
import Millrace
import MillraceAdmin
import MillraceHandler
import TestSupport
import Testing

private struct Idle: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}
    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome { .ack }
}

private let plugin = MillracePlugin(name: "doors", [.sync("doors.idle", Idle.self)])

/// The doors of a supervisor that does not run: nothing behind them answers but the router.
@Suite(.ownThread, .timeLimit(.minutes(10))) struct DoorsTests {
    private static func router() throws -> ControlRouter {
        var registry = PluginRegistry()
        try registry.add(linkedIn: plugin.descriptor)
        let text = """
            version: 1
            connection: { uri: amqp://nobody.invalid }
            jobs:
              one: { queue: q, handler: doors.idle, threads: 3 }
              "odd \\"name\\"\\\\": { queue: q2, handler: doors.idle, paused: true }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        let logger = Logger(label: "doors") { _ in SwiftLogNoOpLogHandler() }
        return ControlRouter(try Supervisor(file: file, registry: registry, logger: logger), build: "test")
    }

    private static func withSocket(_ body: (String, ControlClient) throws -> Void) throws {
        let scratch = try Scratch()
        let doors = Doors(try Self.router(), logger: Logger(label: "doors") { _ in SwiftLogNoOpLogHandler() })
        defer { doors.close() }
        let path = try doors.openSocket(SocketPlace(path: scratch.path + "/own/s.sock", isChosen: false))
        try body(path, ControlClient(socket: path))
    }

    private static func answer(_ request: ControlRequest) throws -> ControlResponse {
        let box = Monitor<ControlResponse?>(nil)
        try Self.router().answer(request) { response in box.withLock { $0 = response } }
        return try #require(box.withLock { $0 })
    }

    @Test func `a question by the socket is answered as JSON and as text`() throws {
        try Self.withSocket { _, client in
            let json = try client.ask(.get, "/api/v1/status", wantsText: false)
            #expect(json.status == 200 && json.exit == 1, "it is not connected")
            let object = try JSONSerialization.jsonObject(with: Data(json.body.utf8)) as? [String: Any]
            #expect((object?["jobs"] as? [Any])?.count == 2)
            let text = try client.ask(.get, "/api/v1/status", wantsText: true)
            #expect(text.body.hasPrefix("config "))
            #expect(text.body.contains("not ready: no connection to the broker"))
        }
    }

    /// Of new files, as the system has it.
    private static func mask() throws -> String? {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        return status.split(separator: "\n").first { $0.hasPrefix("Umask:") }.map(String.init)
    }

    @Test func `doors that open leave the mask for new files as it is: programs that start meanwhile inherit it`()
        throws
    {
        let mask = try #require(try Self.mask())
        let isOver = Monitor(false)
        let seen = Monitor<Set<String>>([])
        let watch = try WorkerThread.start(name: "mask") {
            while !isOver.withLock({ $0 }) {
                if let mask = try? Self.mask() { seen.withLock { _ = $0.insert(mask) } }
            }
        }
        for _ in 0..<200 { try Self.withSocket { _, _ in } }
        isOver.withLock { $0 = true }
        watch.join()
        #expect(seen.withLock { $0 } == [mask])
    }

    @Test func `only this user's processes can open it, and a dead one is replaced, a live one is not`() throws {
        try Self.withSocket { path, _ in
            var status = stat()
            #expect(stat(path, &status) == 0)
            #expect(status.st_mode & S_IFMT == S_IFSOCK && status.st_mode & 0o777 == 0o600)
            let others = Doors(try Self.router(), logger: Logger(label: "doors") { _ in SwiftLogNoOpLogHandler() })
            let beside = try others.openSocket(SocketPlace(path: path, isChosen: false))
            #expect(beside != path && beside.contains(".\(getpid()).sock"))
            #expect(throws: DoorFailure.self) { try others.openSocket(SocketPlace(path: path, isChosen: true)) }
            others.close()
        }
        let scratch = try Scratch()
        try scratch.write("file.sock", "not a socket")
        let doors = Doors(try Self.router(), logger: Logger(label: "doors") { _ in SwiftLogNoOpLogHandler() })
        defer { doors.close() }
        #expect(throws: DoorFailure.self) {
            try doors.openSocket(SocketPlace(path: scratch.path + "/file.sock", isChosen: true))
        }
        #expect(try String(contentsOfFile: scratch.path + "/file.sock", encoding: .utf8) == "not a socket")
    }

    /// Whether another user can be had, and a program that asks.
    private static let hasOthers =
        getuid() == 0 && access("/usr/bin/setpriv", X_OK) == 0 && access("/usr/bin/curl", X_OK) == 0

    @Test(.enabled(if: hasOthers, "needs root, setpriv and curl"))
    func `curl --unix-socket is answered, and another user is not: the folder, the socket and who it is keep them out`()
        throws
    {
        try Self.withSocket { path, _ in
            let question = ["-s", "--unix-socket", path, "http://localhost/livez"]
            let own = try Tool.run("/usr/bin/curl", question)
            #expect(own.output == "the supervisor has not looked around for 5 s\n", "\(own)")
            func other() throws -> Tool.Result {
                try Tool.run(
                    "/usr/bin/setpriv",
                    ["--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/curl"] + question
                )
            }
            // 7 of curl: no connection.
            #expect(try other().status == 7, "the folder is shut")
            let folder = URL(filePath: path).deletingLastPathComponent()
            for open in [folder, folder.deletingLastPathComponent()] { #expect(chmod(open.path(), 0o755) == 0) }
            #expect(try other().status == 7, "the socket is shut")
            #expect(chmod(path, 0o666) == 0)
            // Who can connect is asked who it is, and hung up on: before curl has written, or after; or so soon that curl
            // takes it for no connection, which it can not be each time.
            let strangers = try (0..<20).map { _ in try other() }
            #expect(strangers.allSatisfy { [7, 52, 55, 56].contains($0.status) && $0.output.isEmpty }, "\(strangers)")
            #expect(strangers.contains { $0.status != 7 }, "\(strangers)")
            #expect(try Tool.run("/usr/bin/curl", question).status == 0)
        }
    }

    @Test func `nobody there is told apart`() throws {
        let scratch = try Scratch()
        #expect(throws: ControlClient.Nobody.self) {
            try ControlClient(socket: scratch.path + "/none").ask(.get, "/livez", wantsText: true)
        }
    }

    @Test func `octets that are no HTTP, halves of requests and bodies without end cost nobody else anything`() throws {
        try Self.withSocket { path, client in
            var held: [RawSocket] = []
            for octets in [
                "\u{0}\u{1}\u{2}\r\n\r\n", "GET", "GET / HTTP/1.1\r\nHost: x\r\n", "GET /%zz HTTP/1.1\r\n\r\n",
                "PRI * HTTP/2.0\r\n\r\n",
                "POST /api/v1/pause HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"
                    + String(repeating: "x", count: 200_000),
                "GET /" + String(repeating: "a", count: 200_000), String(repeating: "A: b\r\n", count: 20_000),
            ] {
                let socket = try RawSocket(unix: path)
                socket.send(octets)
                held.append(socket)
            }
            #expect(try client.ask(.get, "/api/v1/history", wantsText: true).body == "nothing was changed\n")
            held.removeAll()
        }
    }

    @Test func `more clients than there is room for are sent away, and room comes back`() throws {
        try Self.withSocket { path, client in
            var crowd: [RawSocket] = []
            for _ in 0..<100 { crowd.append(try RawSocket(unix: path)) }
            // Whoever is too many is hung up on.
            let deadline = ContinuousClock.now + Patience.long
            var isSentAway = false
            while !isSentAway, ContinuousClock.now < deadline { isSentAway = crowd.contains { $0.isHungUp } }
            #expect(isSentAway)
            crowd.removeAll()
            var isServed = false
            while !isServed, ContinuousClock.now < deadline {
                isServed = (try? client.ask(.get, "/readyz", wantsText: true).status) == 503
            }
            #expect(isServed)
        }
    }

    @Test func `a port asks for its own names, and for its token`() throws {
        let doors = Doors(try Self.router(), logger: Logger(label: "doors") { _ in SwiftLogNoOpLogHandler() })
        defer { doors.close() }
        let port = try doors.openPort(AdminSettings(host: "127.0.0.1", port: 0), token: nil)
        #expect(
            try RawSocket(port: port).exchange("GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .contains(" 503 ")
        )
        #expect(
            try RawSocket(port: port).exchange("GET /livez HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
                .contains(" 403 ")
        )
        let guarded = try doors.openPort(AdminSettings(host: "127.0.0.1", port: 0), token: "0123456789abcdef")
        let head = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        #expect(try RawSocket(port: guarded).exchange(head + "\r\n").contains(" 401 "))
        #expect(
            try RawSocket(port: guarded).exchange(head + "Authorization: Bearer 0123456789abcdef\r\n\r\n").contains(
                " 200 "
            )
        )
        #expect(throws: DoorFailure.self) { try doors.openPort(AdminSettings(host: "0.0.0.0", port: 0), token: nil) }
    }

    @Test(arguments: ["", "short", "with blank 0123456789", "0123456789abcde\u{7F}"])
    func `a token that keeps nobody out is refused`(_ text: String) throws {
        let scratch = try Scratch()
        let path = try scratch.write("token", text + "\n")
        #expect(throws: DoorFailure.self) { try TokenFile.read(path) }
        #expect(throws: DoorFailure.self) { try TokenFile.read(scratch.path + "/none") }
        try scratch.write("good", "0123456789abcdef\r\nmore")
        #expect(try TokenFile.read(scratch.path + "/good") == "0123456789abcdef")
    }

    @Test func `what is not there, or not so, is told`() throws {
        for path in [
            ["x"], ["api", "v1", "nothing"], ["api", "v2", "status"], ["api", "v1", "jobs", "one", "nothing"], [],
        ] {
            #expect(try Self.answer(ControlRequest(method: "GET", path: path)).status == 404, "\(path)")
        }
        #expect(try Self.answer(ControlRequest(method: "POST", path: ["api", "v1", "status"])).status == 405)
        let unknown = try Self.answer(
            ControlRequest(method: "GET", path: ["api", "v1", "jobs", "onee"], wantsText: true)
        )
        #expect(unknown.status == 404 && unknown.body == "there is no job 'onee'; did you mean 'one'?\n")
        for (name, value) in [("for", "2"), ("for", "-1s"), ("for", "500ms"), ("for", "")] {
            let request = ControlRequest(method: "POST", path: ["api", "v1", "pause"], query: [name: value])
            #expect(try Self.answer(request).status == 400, "\(name)=\(value)")
        }
        let scale = ControlRequest(
            method: "POST",
            path: ["api", "v1", "jobs", "one", "scale"],
            query: ["threads": "many"]
        )
        #expect(try Self.answer(scale).status == 400)
    }
}

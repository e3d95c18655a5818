import Foundation
import AMQPClient
import Logging
import Millrace
import MillraceHandler
import TestSupport
import Testing

private struct Idle: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}
    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome { .ack }
}

private let plugin = MillracePlugin(name: "interface", [.sync("interface.idle", Idle.self)])

/// The description of the interface, held against what is answered.
@Suite(.ownThread, .timeLimit(.minutes(10))) struct InterfaceTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path()

    private func description() throws -> [String: Any] {
        let data = try Data(contentsOf: URL(filePath: Self.root + "Sources/MillraceAdmin/openapi.json"))
        return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    @Test func `every path is described, and every description is a path`() throws {
        let paths = try #require(try self.description()["paths"] as? [String: [String: Any]])
        let described = paths.flatMap { path, methods in methods.keys.map { "\($0.uppercased()) \(path)" } }
        #expect(described.sorted() == ControlRouter.routes.map { "\($0.method) \($0.path)" }.sorted())
    }

    @Test func `answers are as their descriptions say`() throws {
        var registry = PluginRegistry()
        try registry.add(linkedIn: plugin.descriptor)
        let text = """
            version: 1
            connection: { uri: amqp://nobody.invalid }
            jobs: { one: { queue: q, handler: interface.idle }, two: { queue: q, handler: interface.idle } }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        var options = SupervisorOptions()
        options.load = { [registry] path in
            .success(LoadedFile(file: file, registry: registry, identity: FileIdentity(path: path, digest: "1")))
        }
        let logger = Logger(label: "interface") { _ in SwiftLogNoOpLogHandler() }
        let supervisor = try Supervisor(file: file, registry: registry, options: options, logger: logger)
        let router = ControlRouter(supervisor, build: "test")
        let paths = try #require(try self.description()["paths"] as? [String: [String: Any]])
        for (path, methods) in paths {
            // A change, and a drain, is answered by the supervisor's thread, which does not run.
            guard let operation = methods["get"] as? [String: Any], path != "/metrics", !path.hasSuffix("/drained")
            else { continue }
            let parts = path.split(separator: "/").map { $0 == "{job}" ? "one" : String($0) }
            let box = Monitor<ControlResponse?>(nil, level: .outermost)
            var request = ControlRequest(method: "GET", path: parts)
            request.wantsJSON = true
            router.answer(request) { response in
                box.withLock { $0 = response }
                box.broadcast()
            }
            let response = try #require(box.wait(until: MonotonicClock.deadline(in: Patience.long)) { $0 })
            let responses = try #require(operation["responses"] as? [String: [String: Any]])
            let content = try #require(
                responses["\(response.status)"]?["content"] as? [String: [String: Any]],
                "\(path) \(response)"
            )
            let schema = try #require(content["application/json"]?["schema"] as? [String: Any])
            try self.check(JSONSerialization.jsonObject(with: Data(response.body.utf8)), schema, path)
        }
    }

    /// Well and wrong requests for each path that changes something, or waits.
    private static let changes: [(method: String, path: String, described: String, status: Int)] = [
        ("POST", "api/v1/pause?for=2h&reason=a%20test", "/api/v1/pause", 200),
        ("POST", "api/v1/pause?for=2", "/api/v1/pause", 400), ("POST", "api/v1/resume", "/api/v1/resume", 200),
        ("POST", "api/v1/resume?for=1", "/api/v1/resume", 400), ("POST", "api/v1/quiet", "/api/v1/quiet", 200),
        ("POST", "api/v1/quiet?for=x", "/api/v1/quiet", 400),
        ("POST", "api/v1/jobs/one/pause", "/api/v1/jobs/{job}/pause", 200),
        ("POST", "api/v1/jobs/none/pause", "/api/v1/jobs/{job}/pause", 404),
        ("POST", "api/v1/jobs/one/pause?for=-1s", "/api/v1/jobs/{job}/pause", 400),
        ("GET", "api/v1/jobs/one/drained?wait=10s", "/api/v1/jobs/{job}/drained", 200),
        ("GET", "api/v1/jobs/none/drained", "/api/v1/jobs/{job}/drained", 404),
        ("GET", "api/v1/jobs/one/drained?wait=soon", "/api/v1/jobs/{job}/drained", 400),
        ("POST", "api/v1/jobs/one/resume", "/api/v1/jobs/{job}/resume", 200),
        ("POST", "api/v1/jobs/none/resume", "/api/v1/jobs/{job}/resume", 404),
        ("POST", "api/v1/jobs/one/resume?for=0s", "/api/v1/jobs/{job}/resume", 400),
        ("GET", "api/v1/jobs/one/drained", "/api/v1/jobs/{job}/drained", 409),
        ("POST", "api/v1/jobs/one/scale?threads=2..4&for=1h", "/api/v1/jobs/{job}/scale", 200),
        ("POST", "api/v1/jobs/one/scale?threads=auto", "/api/v1/jobs/{job}/scale", 200),
        ("POST", "api/v1/jobs/one/scale?threads=many", "/api/v1/jobs/{job}/scale", 400),
        ("POST", "api/v1/jobs/none/scale?threads=2", "/api/v1/jobs/{job}/scale", 404),
        ("POST", "api/v1/jobs/one/restart", "/api/v1/jobs/{job}/restart", 200),
        ("POST", "api/v1/jobs/none/restart", "/api/v1/jobs/{job}/restart", 404),
        ("POST", "api/v1/schedules/beat/pause?for=1h", "/api/v1/schedules/{schedule}/pause", 200),
        ("POST", "api/v1/schedules/none/pause", "/api/v1/schedules/{schedule}/pause", 404),
        ("POST", "api/v1/schedules/beat/pause?for=x", "/api/v1/schedules/{schedule}/pause", 400),
        ("POST", "api/v1/schedules/beat/resume", "/api/v1/schedules/{schedule}/resume", 200),
        ("POST", "api/v1/schedules/none/resume", "/api/v1/schedules/{schedule}/resume", 404),
        ("GET", "api/v1/history", "/api/v1/history", 200), ("GET", "api/v1/status", "/api/v1/status", 200),
        ("GET", "api/v1/explain?wait=later", "/api/v1/explain", 400),
        ("GET", "api/v1/jobs/none/explain", "/api/v1/jobs/{job}/explain", 404),
        ("GET", "api/v1/plan?file=wrong", "/api/v1/plan", 422), ("GET", "api/v1/plan?wait=1", "/api/v1/plan", 400),
        ("POST", "api/v1/reload", "/api/v1/reload", 200), ("POST", "api/v1/reload?plan=0", "/api/v1/reload", 409),
        ("POST", "api/v1/reload?file=wrong", "/api/v1/reload", 422),
        ("POST", "api/v1/rebalance", "/api/v1/rebalance", 409),
        ("GET", "api/v1/status", "/api/v1/status", 200), ("POST", "api/v1/drain", "/api/v1/drain", 200),
    ]

    @Test func `answers to changes, well and refused, are as their descriptions say`() throws {
        var registry = PluginRegistry()
        try registry.add(linkedIn: plugin.descriptor)
        let text = """
            version: 1
            connection: { uri: amqp://127.0.0.1:1 }
            queues: { q: {} }
            jobs: { one: { queue: q, handler: interface.idle }, two: { queue: q, handler: interface.idle } }
            schedules: { beat: { every: 1h, queue: q } }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        let load: @Sendable (String) -> Result<LoadedFile, LoadFailure> = { [registry] path in
            guard path != "wrong" else { return .failure(LoadFailure("wrong:1:1: it is no job file")) }
            return .success(LoadedFile(file: file, registry: registry, identity: FileIdentity(path: path, digest: "1")))
        }
        let supervisor = try TestSupervisor(file, [plugin.descriptor], load: load)
        let paths = try #require(try self.description()["paths"] as? [String: [String: Any]])
        let posts = paths.filter { $0.value["post"] != nil }.map(\.key)
        #expect(Set(posts).isSubset(of: Self.changes.filter { $0.method == "POST" }.map(\.described)))
        try supervisor.whileRunning {
            for change in Self.changes {
                let operation = try #require(paths[change.described]?[change.method.lowercased()] as? [String: Any])
                let response = try supervisor.get(change.path, method: change.method, wantsText: false)
                #expect(response.status == change.status, "\(change.path): \(response)")
                let responses = try #require(operation["responses"] as? [String: [String: Any]])
                let described = try #require(responses["\(response.status)"], "\(change.path): \(response.status)")
                let content = try #require(described["content"] as? [String: [String: Any]])
                let schema = try #require(content["application/json"]?["schema"] as? [String: Any])
                try self.check(JSONSerialization.jsonObject(with: Data(response.body.utf8)), schema, change.path)
                let exit = change.status == 422 ? 78 : change.status == 200 ? response.exit : 1
                #expect(response.exit == exit, "\(change.path)")
            }
        }
    }

    /// As much of JSON Schema as the description uses.
    private func check(_ value: Any, _ schema: [String: Any], _ place: String) throws {
        if let reference = schema["$ref"] as? String {
            let name = String(reference.split(separator: "/").last ?? "")
            let schemas =
                (try self.description()["components"] as? [String: Any])?["schemas"] as? [String: [String: Any]]
            return try self.check(value, try #require(schemas?[name], "\(reference)"), place + ":" + name)
        }
        if let words = schema["enum"] as? [String] {
            #expect(words.contains(value as? String ?? ""), "\(place): \(value)")
        }
        switch schema["type"] as? String {
        case "string": #expect(value is String, "\(place)")
        case "integer", "number", "boolean": #expect(value is NSNumber, "\(place)")
        case "array":
            let items = try #require(schema["items"] as? [String: Any])
            for item in try #require(value as? [Any], "\(place)") { try self.check(item, items, place + "[]") }
        case "object":
            let members = try #require(value as? [String: Any], "\(place)")
            let properties = try #require(schema["properties"] as? [String: [String: Any]])
            for (name, member) in members {
                let own = try #require(properties[name], "\(place) has '\(name)', which is not described")
                try self.check(member, own, place + "." + name)
            }
            for name in schema["required"] as? [String] ?? [] {
                #expect(members[name] != nil, "\(place) lacks '\(name)'")
            }
        default: break
        }
    }

    @Test func `metrics are what Prometheus reads`() throws {
        var registry = PluginRegistry()
        try registry.add(linkedIn: plugin.descriptor)
        let text = """
            version: 1
            connection: { uri: amqp://nobody.invalid }
            jobs: { "a\\"b\\\\c": { queue: q, handler: interface.idle }, two: { queue: q, handler: interface.idle } }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        let logger = Logger(label: "interface") { _ in SwiftLogNoOpLogHandler() }
        let metrics = MetricsText.of(
            try Supervisor(file: file, registry: registry, logger: logger).document(build: "1.2.3")
        )
        var families: [String: String] = [:]
        var current = ""
        var samples: Set<String> = []
        let sample = /([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (-?[0-9.e+-]+)/
        for line in metrics.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.hasPrefix("# TYPE ") {
                let words = line.split(separator: " ")
                current = String(words[2])
                #expect(families.updateValue(String(words[3]), forKey: current) == nil, "\(current) is there twice")
            } else if !line.hasPrefix("# HELP ") {
                let match = try #require(try sample.wholeMatch(in: line), "\(line)")
                let name =
                    families[current] == "histogram"
                    ? String(match.1.replacing(/_(bucket|sum|count)$/, with: "")) : String(match.1)
                #expect(name == current, "a family's samples stand together")
                #expect(samples.insert("\(match.1)\(match.2 ?? "")").inserted, "\(line) is there twice")
                if families[current] == "counter" { #expect(current.hasSuffix("_total")) }
            }
        }
        #expect(metrics.hasSuffix("\n"))
        for count in JobCounts().all {
            #expect(
                metrics.contains("\"\(count.name)\"") || families["millrace_job_\(count.name)_total"] != nil,
                "\(count.name)"
            )
        }
        #expect(families["millrace_job_paused"] == "gauge")
    }
}

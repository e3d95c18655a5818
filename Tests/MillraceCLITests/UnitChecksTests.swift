import Millrace
import Testing

@testable import MillraceCLI

/// Whether who starts a supervisor waits for its end: units, manifests and Compose files.
@Suite struct UnitChecksTests {
    private static let end = EndTime(shutdownTimeout: .seconds(25), killTimeout: .seconds(5))

    private func unit(_ lines: String, _ end: EndTime = end) -> [UnitFinding] {
        SystemdUnit("[Unit]\nTimeoutStopSec=1\n[Service]\nExecStart=/bin/millrace run\n\(lines)\n").findings(end)
    }

    private func manifest(_ text: String, _ end: EndTime = end) throws -> [UnitFinding] {
        try UnitFile(path: "a.yaml", text: text).findings(end)
    }

    @Test func `an end takes both timeouts and a moment, and advice has room`() {
        #expect(Self.end.total == .seconds(30))
        #expect(Self.end.least == .seconds(31))
        #expect(Self.end.advised == 35)
        #expect(EndTime(shutdownTimeout: .milliseconds(500), killTimeout: .zero).advised == 10)
        #expect(EndTime(shutdownTimeout: .seconds(26), killTimeout: .seconds(5)).advised == 40)
        #expect(EndTime(shutdownTimeout: .zero, killTimeout: .zero).advised == 5)
        for seconds in 0...100 {
            let end = EndTime(shutdownTimeout: .seconds(seconds), killTimeout: .milliseconds(1))
            #expect(Duration.seconds(end.advised) >= end.least + .seconds(3))
        }
    }

    // MARK: systemd

    @Test(arguments: [
        ("TimeoutStopSec=31", true), ("TimeoutStopSec=30", false), ("TimeoutStopSec=40s", true),
        ("TimeoutStopSec=1min", true),
        ("TimeoutStopSec=0min 30s", false), ("TimeoutStopSec=infinity", true), ("TimeoutStopSec=0", true), ("", true),
        ("TimeoutSec=10", false), ("TimeoutStopSec=10\nTimeoutStopSec=50", true),
        ("TimeoutStopSec=50\nTimeoutSec=10", false),
        ("TimeoutStopSec=10\nTimeoutStopSec=", true), ("# TimeoutStopSec=10", true),
        ("TimeoutStopSec=\\\n# no\n10", false),
        ("  TimeoutStopSec = 10", false), ("[Other]\nTimeoutStopSec=10", true),
    ])
    func `TimeoutStopSec has to be longer than an end`(lines: String, isGood: Bool) {
        let findings = self.unit(lines)
        #expect(findings.count == 1)
        #expect(findings.first?.isError == !isGood, "\(findings)")
    }

    @Test func `what is too short is told with its line and what to write`() throws {
        let finding = try #require(self.unit("Restart=no\nTimeoutStopSec=20").first)
        #expect(
            finding.text("a.service") == """
                a.service:6: error: TimeoutStopSec 20s is too short: an end takes up to 30s (shutdown_timeout 25s, kill_timeout 5s), \
                and a moment for the broker
                  help: write TimeoutStopSec=35, or shorten shutdown_timeout
                """
        )
        let short = self.unit("", EndTime(shutdownTimeout: .seconds(120), killTimeout: .zero))
        #expect(short.first?.message.hasPrefix("TimeoutStopSec (1m30s, for it is not there) is too short") == true)
        #expect(self.unit("TimeoutStopSec=soon").first?.message == "TimeoutStopSec=soon is no time")
        #expect(SystemdUnit("[Unit]\n").findings(Self.end).first?.isError == true)
    }

    @Test(arguments: [
        ("WatchdogSec=9", false), ("WatchdogSec=10", true), ("WatchdogSec=30s", true), ("WatchdogSec=x", false),
    ])
    func `WatchdogSec has to outlast the close of a connection`(line: String, isGood: Bool) {
        #expect(self.unit(line).map(\.isError) == [false, !isGood])
        #expect(self.unit("WatchdogSec=0").count == 1)
        #expect(self.unit("WatchdogSec=infinity").count == 1)
    }

    @Test func `programs are not to get the signal, and what is sent has to drain`() {
        var end = Self.end
        #expect(self.unit("KillMode=control-group", end).count == 1)
        end.hasPrograms = true
        #expect(self.unit("", end).last?.help == "write KillMode=mixed")
        #expect(self.unit("KillMode=control-group", end).last?.isError == true)
        #expect(self.unit("KillMode=mixed", end).count == 1)
        #expect(self.unit("KillSignal=SIGINT").count == 1)
        #expect(self.unit("KillSignal=SIGKILL").last?.help == "write KillSignal=SIGTERM")
    }

    // MARK: Kubernetes

    private static func deployment(_ lines: String, image: String = "registry/millrace:1") -> String {
        """
        apiVersion: apps/v1
        kind: Deployment
        metadata: { name: jobs }
        spec:
          template:
            spec:
        \(lines.split(separator: "\n").map { "      \($0)\n" }.joined())\
              containers:
                - name: run
                  image: \(image)
        """
    }

    @Test(arguments: [
        ("terminationGracePeriodSeconds: 31", true), ("terminationGracePeriodSeconds: 30", false), ("", false),
    ])
    func `a pod's grace period, which is 30 s unless given`(line: String, isGood: Bool) throws {
        let findings = try self.manifest(Self.deployment(line))
        #expect(findings.map(\.isError) == [!isGood], "\(findings)")
        if !isGood { #expect(findings[0].help?.hasPrefix("write terminationGracePeriodSeconds: 35") == true) }
    }

    @Test func `what a hook sleeps before is gone`() throws {
        let hook = "      lifecycle: { preStop: { sleep: { seconds: 10 } } }"
        let text =
            Self.deployment("terminationGracePeriodSeconds: 40") + "\n          " + String(hook.drop { $0 == " " })
        let finding = try #require(try self.manifest(text).first)
        #expect(finding.help?.hasPrefix("write terminationGracePeriodSeconds: 45") == true)
        #expect(try self.manifest(text.replacing(": 40", with: ": 41")).first?.isError == false)
    }

    @Test func `of several documents those count that run millrace, each with its line`() throws {
        let text =
            "# a comment\n---\napiVersion: v1\nkind: ConfigMap\n---\n"
            + Self.deployment("terminationGracePeriodSeconds: 5", image: "other") + "\n---\n"
            + Self.deployment("terminationGracePeriodSeconds: 7")
        let findings = try self.manifest(text)
        #expect(findings.map(\.line) == [23])
        #expect(
            findings.first?.message.hasPrefix("Deployment jobs: terminationGracePeriodSeconds 7s is too short") == true
        )
    }

    @Test(arguments: [
        "apiVersion: v1\nkind: Pod\nspec: { terminationGracePeriodSeconds: 5, containers: [{ image: millrace }] }",
        "apiVersion: batch/v1\nkind: CronJob\nspec: { jobTemplate: { spec: { template: { spec: { containers: [{ image: millrace }] } } } } }",
        "apiVersion: v1\nkind: List\nitems: [{ apiVersion: v1, kind: Pod, spec: { containers: [{ args: [run, millrace.yaml] }] } }]",
    ])
    func `pods are found wherever they are`(text: String) throws {
        #expect(try self.manifest(text).map(\.isError) == [true])
    }

    // MARK: Compose

    @Test(arguments: [
        ("stop_grace_period: 31s", true), ("stop_grace_period: 1m", true), ("stop_grace_period: 30s", false),
        ("init: true", false),
        ("stop_grace_period: 0m29.5s", false), ("stop_grace_period: soon", false),
    ])
    func `a service's stop_grace_period, which is 10 s unless given`(line: String, isGood: Bool) throws {
        let findings = try self.manifest("services:\n  rabbitmq: { image: rabbitmq }\n  millrace:\n    \(line)\n")
        #expect(findings.map(\.isError) == [!isGood], "\(findings)")
        if !isGood { #expect(findings[0].help?.hasPrefix("write stop_grace_period: 35s") == true) }
    }

    @Test func `a signal that does not drain`() throws {
        let text = "services: { a: { command: [millrace, run], stop_grace_period: 1m, stop_signal: SIGKILL } }"
        #expect(try self.manifest(text).last?.help == "write stop_signal: SIGTERM")
    }

    @Test func `what can not be told is said`() throws {
        #expect(try self.manifest("a: b").first?.isError == true)
        #expect(try self.manifest("").first?.isError == true)
        let two = "services: { a: { image: x }, b: { image: y } }"
        #expect(try self.manifest(two).first?.message == "which of them runs millrace can not be seen: a, b")
        let one = "services: { a: { image: x } }"
        #expect(try self.manifest(one).first?.message.hasPrefix("service a: ") == true)
        let problem = try #require(throws: YAMLProblem.self) { try self.manifest("services: {{ .Values }}\n") }
        #expect(problem.description.contains("a.yaml:1:"))
    }

    @Test(
        arguments: [
            ("40", .seconds(40)), ("1min 30s", .seconds(90)), ("1h", .seconds(3600)), ("500ms", .milliseconds(500)),
            ("1.5 min", .seconds(90)), ("2d", .seconds(172_800)), ("", nil), ("s", nil), ("5 parsecs", nil),
            ("-5", nil),
            ("infinity", UnitTime.forever), ("99999999999999999999", UnitTime.forever),
        ] as [(String, Duration?)]
    )
    func `times of systemd`(text: String, time: Duration?) {
        #expect(UnitTime.ofSystemd(text) == time)
    }

    @Test(
        arguments: [
            ("1m30s", .seconds(90)), ("40s", .seconds(40)), ("1.5s", .milliseconds(1500)), ("40", nil), ("1d", nil),
        ]
            as [(String, Duration?)]
    )
    func `times of Compose`(text: String, time: Duration?) {
        #expect(UnitTime.ofCompose(text) == time)
    }
}

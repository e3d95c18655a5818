import AMQPClient
import Foundation
import TestSupport
import Testing

/// The built `millrace run`, started again whenever it was ended, each time by another way to the broker.
///
/// Dies with the thread that started it, so that nothing goes on when a signal ends the test.
final class ChaosSupervisor {
    private let file: ChaosFile
    private let broker: ChaosBroker
    private let wire: WireLink?
    private let proxies: [CuttingProxy]
    private let tlsProxy: CuttingProxy?
    private var child: Child?
    private var way = ChaosFile.Way.plain
    private(set) var ways: [ChaosFile.Way: Int] = [:]

    init(_ file: ChaosFile, _ broker: ChaosBroker, _ wire: WireLink?) throws {
        self.file = file
        self.broker = broker
        self.wire = wire
        guard wire == nil else {
            self.proxies = []
            self.tlsProxy = nil
            return
        }
        self.proxies = try broker.endpoints.map { try CuttingProxy(to: $0) }
        var secure = broker.endpoints[0]
        self.tlsProxy = try broker.tlsPort.map { port in
            secure.port = port
            return try CuttingProxy(to: secure)
        }
    }

    func stop() {
        self.child = nil
        for proxy in self.proxies + [self.tlsProxy].compactMap(\.self) { proxy.stop() }
    }

    private func uris(_ way: ChaosFile.Way) -> [String] {
        let authority = self.broker.certificates.path("ca.pem")
        if self.wire != nil, way.isTLS {
            let host = "\(WireLink.brokerAddress):5671"
            return ["amqps://guest:guest@\(host)?cacertfile=\(authority)&server_name_indication=localhost"]
        }
        let plain =
            self.wire != nil
            ? ["amqp://guest:guest@\(WireLink.brokerAddress):5672"]
            : self.proxies.map { "amqp://guest:guest@127.0.0.1:\($0.endpoint.port)" }
        switch way {
        case .plain, .separate: return plain
        // Nobody listens there.
        case .secondAddress: return ["amqp://guest:guest@127.0.0.1:1"] + plain
        case .tls, .separateTLS:
            guard let proxy = self.tlsProxy else { return plain }
            return ["amqps://guest:guest@127.0.0.1:\(proxy.endpoint.port)?cacertfile=\(authority)"]
        }
    }

    func start(_ way: ChaosFile.Way) throws {
        self.ways[way, default: 0] += 1
        self.way = way
        let path = self.path
        try self.write(ChaosFile.Edit())
        let dying = ["/usr/bin/setpriv", "--pdeathsig", "KILL"]
        let run = [self.file.settings.folder + "millrace", "run", path, "--log-level", "critical"]
        let command = (self.wire?.prefix ?? []) + dying + run
        self.child = try Tool.start(
            command[0],
            Array(command.dropFirst()),
            environment: ["XDG_STATE_HOME": self.file.folder]
        )
    }

    private var path: String { self.file.folder + "/\(self.way.rawValue).yaml" }

    /// Makes the file that it has read another one.
    func write(_ edit: ChaosFile.Edit) throws {
        let text = self.file.text(self.way, uris: self.uris(self.way), edit)
        try text.write(toFile: self.path, atomically: true, encoding: .utf8)
    }

    /// Has it do what an operator types; it may have begun just now.
    func order(_ arguments: [String]) throws -> Tool.Result {
        let deadline = MonotonicClock.now() + 60_000_000_000
        while true {
            let result = try Tool.run(
                self.file.settings.folder + "millrace",
                arguments + ["--socket", self.file.socket]
            )
            guard result.status == 3, MonotonicClock.now() < deadline else { return result }
        }
    }

    /// Ends it by a signal and waits for that; its exit status.
    func end(_ signal: Int32) -> Int32 {
        guard let child = self.child else { return -1 }
        child.send(signal)
        self.child = nil
        return child.waitForExit()
    }

    func freeze() { self.child?.send(SIGSTOP) }
    func thaw() { self.child?.send(SIGCONT) }

    /// Resets every connection; how many there were.
    func cut() -> Int { (self.proxies + [self.tlsProxy].compactMap(\.self)).reduce(0) { $0 + $1.cut() } }
}

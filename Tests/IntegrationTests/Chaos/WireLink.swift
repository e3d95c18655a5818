import AMQPClient
import Glibc
import TestSupport

/// A ``Wire`` with a real network at each end: this process's own, which has to be a namespace of its own, and another
/// one for the client.
///
/// Needs root, `ip` of iproute2, `unshare` and `nsenter` of util-linux, and /dev/net/tun.
// @unchecked Sendable: the wire is behind its monitor, and the rest does not change after `init`.
final class WireLink: @unchecked Sendable {
    static let brokerAddress = "10.77.0.1"
    private static let clientAddress = "10.77.0.2"

    private struct State {
        var wire: Wire
        var isStopping = false
    }
    private let monitor: Monitor<State>
    private let ends: (client: Int32, broker: Int32)
    /// Keeps the client's namespace.
    private let keeper: Child
    private var thread: WorkerThread?

    init(_ seed: Seed) throws {
        self.monitor = Monitor(State(wire: Wire(seed)))
        self.keeper = try Tool.start(
            "/usr/bin/setpriv",
            ["--pdeathsig", "KILL", "unshare", "--net", "sleep", "1000000"]
        )
        self.ends = (try Self.open("mrclient"), try Self.open("mrbroker"))
        let namespace = "\(self.keeper.identifier)"
        try Self.untilItIs(namespace)
        try Self.ip("link", "set", "mrclient", "netns", namespace)
        try Self.ip("addr", "add", "\(Self.brokerAddress)/24", "dev", "mrbroker")
        try Self.ip("link", "set", "mrbroker", "up")
        try Self.ip(in: namespace, "addr", "add", "\(Self.clientAddress)/24", "dev", "mrclient")
        try Self.ip(in: namespace, "link", "set", "mrclient", "up")
        try Self.ip(in: namespace, "link", "set", "lo", "up")
        self.thread = try WorkerThread.start(name: "wire") { self.run() }
    }

    func stop() {
        self.monitor.withLock { $0.isStopping = true }
        self.thread?.join()
        close(self.ends.client)
        close(self.ends.broker)
        self.keeper.send(SIGKILL)
    }

    /// What runs a program at the client's end.
    var prefix: [String] { ["/usr/bin/nsenter", "--target", "\(self.keeper.identifier)", "--net"] }

    var faults: Wire.Faults {
        get { self.monitor.withLock { $0.wire.faults } }
        set { self.monitor.withLock { $0.wire.faults = newValue } }
    }
    var lost: Int { self.monitor.withLock { $0.wire.lost } }

    /// `unshare` is a program, and takes a moment.
    private static func untilItIs(_ process: String) throws {
        let deadline = MonotonicClock.now() + 10_000_000_000
        func namespace(_ process: String) throws -> String {
            try Tool.run("/usr/bin/readlink", ["/proc/\(process)/ns/net"]).output
        }
        let own = try namespace("self")
        while try namespace(process) == own {
            guard MonotonicClock.now() < deadline else { throw PeerFailure("no network namespace") }
        }
    }

    private static func ip(in namespace: String? = nil, _ arguments: String...) throws {
        let prefix = namespace.map { ["/usr/bin/nsenter", "--target", $0, "--net"] } ?? ["/usr/bin/env"]
        let all = Array(prefix.dropFirst()) + ["ip"] + arguments
        let done = try Tool.run(prefix[0], all)
        guard done.status == 0 else { throw PeerFailure("ip", arguments, done) }
    }

    private static func open(_ name: String) throws -> Int32 {
        let descriptor = Glibc.open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)
        // struct ifreq: a name of 16 octets, then flags: IFF_TUN | IFF_NO_PI.
        var request = Array(name.utf8) + Array(repeating: UInt8(0), count: 40 - name.utf8.count)
        request[16...17] = [0x01, 0x10]
        let setInterface: UInt = 0x4004_54CA  // TUNSETIFF
        guard descriptor >= 0, ioctl(descriptor, setInterface, &request) == 0 else {
            throw PeerFailure("no interface \(name): \(String(cString: strerror(errno)))")
        }
        return descriptor
    }

    private func run() {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let now = MonotonicClock.now()
            let (packets, next, isStopping) = self.monitor.withLock { state in
                let (packets, next) = state.wire.arrivals(now: now)
                return (packets, next, state.isStopping)
            }
            guard !isStopping else { return }
            for packet in packets {
                let end = packet.to == .client ? self.ends.client : self.ends.broker
                _ = write(end, packet.octets, packet.octets.count)
            }
            var polled = [self.ends.client, self.ends.broker].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            let wait = next.map { $0 <= now ? 0 : min(20, Int32(($0 - now) / 1_000_000) + 1) } ?? 20
            poll(&polled, 2, wait)
            for (end, side) in [(self.ends.client, Wire.Side.broker), (self.ends.broker, .client)] {
                while true {
                    let count = read(end, &buffer, buffer.count)
                    guard count > 0 else { break }
                    let octets = Array(buffer[..<count])
                    self.monitor.withLock { $0.wire.take(octets, to: side, now: MonotonicClock.now()) }
                }
            }
        }
    }
}

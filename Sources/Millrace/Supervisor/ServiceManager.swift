import AMQPClient
import Glibc

/// The service manager that started this process, if it wants to hear of it (systemd's `Type=notify`).
///
/// Nobody waits for it: what it does not take is lost.
public final class ServiceManager: Sendable {
    private let address: [UInt8]
    private let notes: Monitor<ServiceNotes>

    /// By the variables that the manager has set; nil if it has set none.
    ///
    /// To be called once, before other processes are started: they are not to speak for this one.
    public convenience init?() {
        guard let socket = getenv("NOTIFY_SOCKET").map({ String(cString: $0) }) else { return nil }
        let watchdog = getenv("WATCHDOG_USEC").flatMap { UInt64(String(cString: $0)) }
        let isOurs = getenv("WATCHDOG_PID").map { String(cString: $0) }.map { $0 == "\(getpid())" } ?? true
        self.init(socket: socket, watchdogMicroseconds: isOurs ? watchdog : nil)
    }

    package init?(socket: String, watchdogMicroseconds: UInt64?) {
        var address = Array(socket.utf8)
        guard address.count > 1, address.count < 108, address[0] == 0x2F || address[0] == 0x40 else { return nil }
        if address[0] == 0x40 { address[0] = 0 }  // in the abstract name space
        self.address = address
        self.notes = Monitor(ServiceNotes(watchdogMicroseconds: watchdogMicroseconds))
    }

    /// Tells what is new.
    func look(hasStarted: Bool, isStopping: Bool, status: String) {
        let now = MonotonicClock.now()
        self.send(
            self.notes.withLock {
                $0.look(hasStarted: hasStarted, isStopping: isStopping, status: status, now: now)
            }
        )
    }

    func reloading() { self.send(ServiceNotes.reloading(microseconds: MonotonicClock.now() / 1000)) }
    func reloaded() { self.send(ServiceNotes.reloaded) }

    private func send(_ lines: [String]) {
        guard !lines.isEmpty else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: self.address) }
        let length = socklen_t(MemoryLayout.offset(of: \sockaddr_un.sun_path).map { $0 + self.address.count } ?? 0)
        let octets = Array(lines.joined(separator: "\n").utf8)
        _ = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                octets.withUnsafeBytes {
                    sendto(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL), address, length)
                }
            }
        }
    }
}

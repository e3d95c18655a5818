import Glibc

/// The processes that a program and its children are, by the number of the first.
struct ProcessGroup: Sendable, Hashable {
    let id: pid_t

    func send(_ signal: Int32) { kill(-self.id, signal) }

    /// Takes in those that have ended and are nobody else's: where this process is the first of its container.
    private func reap() {
        var status: Int32 = 0
        while waitpid(-self.id, &status, WNOHANG) > 0 {}
    }

    /// Whether a process of the group runs; to be asked when the program itself has been waited for.
    var hasMembers: Bool {
        self.reap()
        // Its number belongs to the group for as long as that has members.
        guard kill(-self.id, 0) == 0 || errno == EPERM else { return false }
        // Some may have ended, and wait for a parent that does not look.
        return self.hasLivingMembers ?? true
    }

    /// Nil if the system does not tell.
    private var hasLivingMembers: Bool? {
        guard let folder = opendir("/proc") else { return nil }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let first = UInt8(bitPattern: entry.pointee.d_name.0)
            guard (0x31...0x39).contains(first) else { continue }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if Self.isLiving("/proc/\(name)/stat", in: self.id) { return true }
        }
        return false
    }

    /// Reads `PID (NAME) STATE PARENT GROUP …`; the name may hold anything.
    private static func isLiving(_ path: String, in group: pid_t) -> Bool {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        var octets = [UInt8](repeating: 0, count: 512)
        let count = read(file, &octets, octets.count)
        guard count > 0, let end = octets[..<count].lastIndex(of: 0x29) else { return false }
        let fields = octets[(end + 1)..<count].split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
        guard fields.count > 2, pid_t(fields[2]) == group else { return false }
        return fields[0] != "Z" && fields[0] != "X"
    }

    /// Ends what a program has left behind: SIGTERM, and SIGKILL at the deadline.
    ///
    /// - Returns: Whether there was something.
    func endRest(by deadline: ContinuousClock.Instant) async -> Bool {
        guard self.hasMembers else { return false }
        self.send(SIGTERM)
        if await self.isEmpty(by: deadline) { return true }
        self.send(SIGKILL)
        _ = await self.isEmpty(by: .now + .seconds(1))
        return true
    }

    /// Nobody tells when a group is empty: it is looked at, ever more rarely.
    private func isEmpty(by deadline: ContinuousClock.Instant) async -> Bool {
        var pause = Duration.milliseconds(2)
        while self.hasMembers {
            if ContinuousClock.now >= deadline { return false }
            try? await ContinuousClock().sleep(until: min(.now + pause, deadline))
            pause = min(pause * 2, .milliseconds(100))
        }
        return true
    }
}

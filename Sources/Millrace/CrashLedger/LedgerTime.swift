import Glibc

/// A time by two clocks, of which either may be wrong: the clock of the day jumps when somebody sets it, and the clock of
/// the machine begins anew when the machine does.
package struct LedgerTime: Equatable, Sendable {
    /// Seconds since 1970.
    package var wall: UInt64
    /// Seconds since the machine was started.
    package var sinceBoot: UInt64
    /// Which start of the machine that was; 0 if nobody knows.
    package var boot: UInt64

    package init(wall: UInt64, sinceBoot: UInt64 = 0, boot: UInt64 = 0) {
        self.wall = wall
        self.sinceBoot = sinceBoot
        self.boot = boot
    }

    /// This moment.
    static func now() -> LedgerTime {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return LedgerTime(wall: WallClock.seconds(), sinceBoot: UInt64(clamping: time.tv_sec), boot: Self.boot)
    }

    /// The kernel's name for this start of the machine, as a number.
    private static let boot: UInt64 = {
        let descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        var octets = [UInt8](repeating: 0, count: 64)
        let count = read(descriptor, &octets, octets.count)
        guard count > 0 else { return 0 }
        var hasher = FingerprintHasher(seed: .none)
        octets[..<count].withUnsafeBytes { hasher.add($0) }
        return hasher.fingerprint.low
    }()

    /// How many seconds ago something was, as the clock says that has moved less; nil if neither can tell.
    ///
    /// - Parameters:
    ///   - wall: When it was, in seconds since 1970.
    ///   - sinceBoot: When it was, since this start of the machine; nil if it was before, or nobody knows.
    /// - Returns: Seconds.
    package func age(wall: UInt64, sinceBoot: UInt64?) -> UInt64? {
        let byWall = self.wall >= wall ? self.wall - wall : nil
        let byMachine = sinceBoot.flatMap { self.sinceBoot >= $0 ? self.sinceBoot - $0 : nil }
        guard let byWall, let byMachine else { return byWall ?? byMachine }
        return min(byWall, byMachine)
    }
}

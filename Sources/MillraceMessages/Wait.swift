/// How long a copy waits before its message comes again.
package struct Wait: Hashable, Sendable {
    /// 1 ms to 7 days.
    package let milliseconds: Int

    package static let longest = 7 * 86_400_000

    /// Rounds up.
    package init(milliseconds: Double) {
        self.milliseconds = Int(min(max(milliseconds, 1), Double(Self.longest)).rounded(.up))
    }

    package init(nanoseconds: UInt64) { self.init(milliseconds: Double(nanoseconds) / 1e6) }
}

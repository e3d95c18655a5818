import MillraceMessages

/// How long a job waits before a handler gets it.
public struct Delay: Sendable, Hashable {
    /// How long; up to 7 days.
    public let duration: Duration

    /// A delay of any length.
    public init(_ duration: Duration) { self.duration = duration }

    /// At once.
    public static let none = Delay(.zero)
    /// A delay of so many milliseconds.
    public static func milliseconds(_ count: Int) -> Delay { Delay(.milliseconds(count)) }
    /// A delay of so many seconds.
    public static func seconds(_ count: Int) -> Delay { Delay(.seconds(count)) }
    /// A delay of so many minutes.
    public static func minutes(_ count: Int) -> Delay { Delay(.seconds(count * 60)) }
    /// A delay of so many hours.
    public static func hours(_ count: Int) -> Delay { Delay(.seconds(count * 3600)) }
    /// A delay of so many days.
    public static func days(_ count: Int) -> Delay { Delay(.seconds(count * 86_400)) }

    /// In milliseconds, rounded up; nil if it is longer than anything waits.
    package var milliseconds: Int? {
        guard self.duration > .zero else { return 0 }
        guard self.duration <= .milliseconds(Wait.longest) else { return nil }
        let (seconds, attoseconds) = self.duration.components
        let rest = (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return Int(seconds) * 1000 + Int(rest)
    }
}

/// How a schedule stands with one supervisor.
package struct ScheduleStanding: Equatable, Sendable {
    package let name: String
    /// Whether this supervisor ticks it.
    package let isLeading: Bool
    /// Up to when everything that was due is published, in milliseconds since 1970; nil if that is not known here.
    package let lastTick: Int64?

    package init(name: String, isLeading: Bool, lastTick: Int64?) {
        self.name = name
        self.isLeading = isLeading
        self.lastTick = lastTick
    }
}

/// How a schedule stands with one supervisor.
struct ScheduleStanding: Equatable, Sendable {
    let name: String
    /// Whether this supervisor ticks it.
    let isLeading: Bool
    /// Up to when everything that was due is published, in milliseconds since 1970; nil if that is not known here.
    let lastTick: Int64?
}
